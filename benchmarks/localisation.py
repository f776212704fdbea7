"""Where in the picture: photographs with a part that a decoder drew, and whether the map of contrasts finds it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks import tables
from benchmarks.core import Bench, rate
from benchmarks.grid import key_of
from benchmarks.lineups import Asked, lineups
from benchmarks.pictures import Sample, large_photographs
from tracer.evidence.inversion import closeup
from tracer.evidence.inversion.trace import Suspect, code_of
from tracer.image import perturbations
from tracer.models import autoencoder

TITLE = "Where in the picture"
SMALLEST = 384  # px a side of a photograph that holds several windows
CLOSER = 0.5  # a window is called made from this share of the contrast on that the faintest own pictures show
INSIDE = 0.5  # a window counts as inside with so much of it there, and as outside with none
CHANGES = {"as it is": lambda x: x, "JPEG 90": lambda x: perturbations.jpeg(x, 90)}

page = tables.localisation


@dataclass(frozen=True)
class Composite:
    """A photograph with a rectangle that was decoded in its place.

    Attributes:
        pixels: uint8 RGB (height, width, 3).
        mask: bool (height, width), where it was.
    """

    pixels: np.ndarray
    mask: np.ndarray


def composite(photo: np.ndarray, model: autoencoder.Autoencoder, seed: int) -> Composite:
    """Half of a photograph's height and width, anywhere, replaced by what the autoencoder makes of it."""
    drawn = autoencoder.reconstruct(photo, model)
    height, width = drawn.shape[:2]
    rng = np.random.default_rng(seed)
    top, left = (int(rng.integers(length - length // 2 + 1)) for length in (height, width))
    mask = np.zeros((height, width), bool)
    mask[top : top + height // 2, left : left + width // 2] = True
    return Composite(np.where(mask[..., None], drawn, photo[:height, :width]), mask)


def answered(made: Composite, suspect: Suspect, pixels: np.ndarray) -> dict:
    """The windows' contrasts against the mask, as JSON values."""
    limit, looked = limit_of(suspect), closeup.everywhere(pixels, suspect.name, code_of(suspect)).looked
    flagged, seen = np.zeros(made.mask.shape, bool), np.zeros(made.mask.shape, bool)
    windows = []
    for (top, left, bottom, right), contrast in zip(looked.boxes, looked.by_window[suspect.name], strict=True):
        inside = (slice(top, bottom), slice(left, right))
        seen[inside] = True
        flagged[inside] |= contrast < limit
        windows.append([float(made.mask[inside].mean()), contrast])
    mask = made.mask & seen
    return {"windows": windows, "overlap": [int((flagged & mask).sum()), int((flagged | mask).sum())]}


def limit_of(suspect: Suspect) -> float:
    """Contrast below which a window is called made."""
    return -CLOSER * suspect.reading.answer


def measure(bench: Bench) -> dict:
    """Results by line-up, change and family."""
    photos = large_photographs(bench, max(bench.count // 4, 1), SMALLEST)
    return {asked.name: _of(bench, asked, photos) for asked in lineups(bench)}


def _of(bench: Bench, asked: Asked, photos: list[Sample]) -> dict:
    key = key_of(asked, "benchmarks/localisation.py")
    found: dict[str, list[dict]] = {}
    for (index, photo), suspect, change in bench.by_lot([*product(enumerate(photos), asked.suspects, CHANGES)]):

        def work(index: int = index, photo: Sample = photo, suspect: Suspect = suspect, change: str = change) -> dict:
            made = composite(photo.pixels(), suspect.load(), index)
            return answered(made, suspect, CHANGES[change](made.pixels))

        answer = bench.kept_in_time(f"composite {change}: {suspect.name} in {photo.name}", work, key)
        if answer is not None:
            found.setdefault(f"{suspect.name}, {change}", []).append(answer)
    return {
        name: summary(found[name], limit_of(suspect))
        for change, suspect in product(CHANGES, asked.suspects)
        if (name := f"{suspect.name}, {change}") in found
    }


def summary(answers: list[dict], limit: float) -> dict:
    """Shares of windows inside and outside that are right, and the mean overlap of what is flagged with the mask."""
    windows = [window for each in answers for window in each["windows"]]
    inside = [contrast < limit for share, contrast in windows if share >= INSIDE]
    outside = [contrast >= limit for share, contrast in windows if not share]
    return {
        "composites": len(answers),
        "inside": rate(sum(inside), len(inside)),
        "outside": rate(sum(outside), len(outside)),
        "overlap": float(np.mean([both / max(either, 1) for both, either in (each["overlap"] for each in answers)])),
    }
