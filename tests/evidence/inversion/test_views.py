"""What is asked about a view is asked once, and how much that is depends on its size alone, whatever a file holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmarks import mocks
from tests.image.test_intake import tiff
from tracer.evidence.inversion import grid, inspection, neutral, search
from tracer.evidence.inversion.contrast import PLAIN, Reading
from tracer.evidence.inversion.inspection import Ending, Lineup
from tracer.evidence.inversion.views import OwnLattice, View
from tracer.image import intake
from tracer.models import registry
from tracer.models.progress import Progress

WIDTH, HEIGHT = 160, 128
MEGAPIXELS = 40  # of reconstructions for one stride-8 family of such a picture, at the very most


@dataclass(frozen=True)
class Cheap:
    """A stand-in for an autoencoder: it keeps more frequencies of a cell than the neutral codes do."""

    stride: int = 8
    reading: Reading = PLAIN

    @property
    def unrefined(self) -> Cheap:
        return self

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        return neutral.Cosine(self.stride, 5).reconstruct(images)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pixels of every reconstruction, of families and neutral codes."""
    done, energies = [], grid.energies

    def counted(pixels, code, plan, places, offsets):
        done.append(len(places) * len(offsets) * plan.side(code.stride) ** 2)
        return energies(pixels, code, plan, places, offsets)

    monkeypatch.setattr(grid, "energies", counted)
    return done


def inspected(pixels: np.ndarray, threshold: float) -> inspection.Inspection:
    natives = tuple(sorted({row.native for row in registry.families("full") if row.native}))
    return inspection.inspect(pixels, Lineup({"cheap": Cheap}, {"cheap": 8}, threshold, native=natives))


def belonging(height: int, width: int) -> np.ndarray:
    """What that code answers to, and with it the neutral ones are asked."""
    noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    return (Cheap().reconstruct(noise)[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


def test_the_most_work_that_a_picture_of_some_size_can_make_is_bounded(work: list[int]):
    inspected(belonging(HEIGHT, WIDTH), math.inf)  # never decided: everything is looked at, in every view
    assert sum(work) < MEGAPIXELS * 1e6, sum(work)


def test_flipped_bytes_of_a_signed_tiff_make_no_more_work(work: list[int]):
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    smooth = 8000 * np.sin(columns / 17) + 6000 * np.cos(rows / 11) + random.normal(0, 800, (HEIGHT, WIDTH))
    entries = {256: WIDTH, 257: HEIGHT, 258: 16, 259: 1, 262: 1, 277: 1, 339: 2}
    whole, inspections = tiff(entries, smooth.astype("<i2").tobytes()), 0
    for _ in range(5):
        flipped = bytearray(whole)
        for at in random.integers(0, len(flipped), 5):
            flipped[at] ^= int(random.integers(1, 256))
        try:
            picture = intake.read(bytes(flipped))
        except intake.IntakeError:
            continue
        assert (picture.height, picture.width) == (HEIGHT, WIDTH)
        work.clear()
        inspected(picture.pixels, 4.0)
        assert 0 < sum(work) < MEGAPIXELS * 1e6
        inspections += 1
    assert inspections > 1


def stopped_after(asked: int, threshold: float) -> inspection.Inspection:
    """An inspection of a picture that the code drew, which is told to stop once it has asked so often."""
    times = iter(range(10**6))
    lineup = Lineup({"cheap": Cheap}, {"cheap": 8}, threshold, search=False)
    return inspection.inspect(belonging(400, 400), lineup, Progress(stop=lambda: next(times) >= asked))


def test_a_run_that_is_stopped_early_names_nobody_and_one_that_has_its_answer_keeps_it():
    early = stopped_after(1, 4.0)
    assert (early.ending, early.families, early.looked.windows) == (Ending.STOPPED, (), 1)
    assert stopped_after(2, 4.0).ending is Ending.NAMED, "decided on the second window, before anybody asked again"
    assert stopped_after(4, math.inf).ending is Ending.STOPPED


@pytest.mark.parametrize("make", [mocks.interface, mocks.text])
def test_what_a_program_drew_is_not_inspected(work: list[int], make):
    found = inspected(make(), 0.0)
    assert (found.ending, found.families, work) == (Ending.EVEN, (), [])


def test_a_picture_in_an_interface_is_inspected_where_it_is():
    screen = np.tile(mocks.interface(), (2, 1, 1))
    screen[200:600, 100:500] = belonging(400, 400)
    found = inspected(screen, 4.0)
    assert found.ending is Ending.NAMED
    assert all(
        top >= 200 and bottom <= 600 and left >= 100 and right <= 500 for top, left, bottom, right in found.looked.boxes
    )


def test_a_lattice_of_the_images_own_is_looked_for_once_and_its_windows_are_added_up(work: list[int]):
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    view = View(pixels, grid.layout(pixels, 8, search.SIDE))
    places = list(view.plan.places[:3])
    step_by_step = OwnLattice(view, 8)
    found = [step_by_step.explains(places[: count + 1]) for count in range(len(places))]
    in_steps = sum(work)
    work.clear()
    assert OwnLattice(view, 8).explains(places) == pytest.approx(found[-1])
    assert in_steps == sum(work)
