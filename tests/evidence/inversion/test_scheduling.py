"""Families race: who goes on, who stops, and in which order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from tracer import api
from tracer.evidence.inversion import calibration, optimization
from tracer.evidence.inversion.events import Stepped
from tracer.evidence.inversion.scheduling import Race
from tracer.evidence.verdict import Evidence, judge
from tracer.image import perturbations, samples
from tracer.image.intake import from_array
from tracer.image.windows import framed
from tracer.models import autoencoder, cache, registry
from tracer.models.errors import ModelUnavailable
from tracer.ui import words
from tracer.ui.record import Run


@dataclasses.dataclass(frozen=True)
class Look(Stepped):
    """A step of a made-up family, which stands where it says."""

    stands: float = 0.0

    @property
    def standing(self) -> float:
        return self.stands


def evidence(family: str, belongs: bool | None) -> Evidence:
    return Evidence(family, "inversion", "fast", 1.0, 1.0, 0.5, belongs, 0, 0.0, "r")


def runner(family: str, standings: list[float], belongs: bool | None) -> Iterator[Look]:
    for standing in standings:
        yield Look(family, None, None, None, standing)
    return evidence(family, belongs)


def order(race: Race) -> list[str]:
    runners = {
        "far": runner("far", [9.0, 8.0], False),
        "near": runner("near", [0.9, 0.8, 0.7], True),
        "between": runner("between", [2.0, 1.5], None),
    }
    return [update.family for update in race.run(runners)]


def test_all_look_once_and_then_the_most_promising_goes_on():
    race = Race()
    assert order(race) == ["far", "near", "between", "near", "near", "between", "far"]
    assert {name: each.belongs for name, each in race.answers.items()} == {"far": False, "near": True, "between": None}


def test_families_that_do_not_fit_in_memory_together_run_one_after_another():
    assert order(Race(together=False)) == ["far", "far", "near", "near", "near", "between", "between"]


def test_the_race_knows_from_the_first_decision_on_that_a_family_fits():
    race = Race()
    assert not race.rivalled(False)
    assert not race.rivalled(None)
    assert race.rivalled(True) and race.rivalled(None)


@pytest.fixture(scope="module")
def own() -> np.ndarray:
    (photograph,) = samples.bundled_photographs(1, 128)
    return autoencoder.reconstruct(photograph, cache.load(registry.family("mini-kl")))


@pytest.mark.parametrize(("times", "gave_way"), [(1.1, True), (0.99, False)])
def test_a_rivalled_family_gives_way_as_soon_as_it_is_outside_its_corridor(own: np.ndarray, times, gave_way):
    model = cache.load(registry.family("mini-kl"))
    scores = optimization.scores(own, model, optimization.FAST)
    rows = [tuple(each / times for each in scores)] * 200  # a narrow corridor, and the image beside or inside it
    known = optimization.calibration_of(model, optimization.FAST, rows, "made up", others=[scores] * 60)

    def answer(**options) -> tuple[list[int], Evidence]:
        work, steps = optimization.inspect(own, model, known, **options), []
        while True:
            try:
                steps.append(next(work).index)
            except StopIteration as finished:
                return steps, finished.value

    steps, rivalled = answer(rivalled=lambda belongs: True)
    assert (steps == [0]) is gave_way is rivalled.gave_way
    assert rivalled.belongs is not False and not rivalled.stopped
    watched, again = answer(rivalled=lambda belongs: True, watch=True)
    assert watched == [0, 1, 2, 3, 4]
    assert (again.gave_way, again.steps, again.score) == (rivalled.gave_way, rivalled.steps, rivalled.score)
    assert not answer()[1].gave_way, "alone, it has the benefit of the doubt"


def test_a_family_that_gave_way_is_no_candidate():
    gone = dataclasses.replace(evidence("gone", None), gave_way=True)
    assert judge([evidence("fits", True), gone], {}).families == ("fits",)
    both = judge([evidence("fits", True), gone, evidence("near", None)], {})
    assert both.kind == "undecided" and both.families == ("fits", "near")


def test_watching_changes_no_evidence(own: np.ndarray):
    def rows(watch: bool) -> list[tuple]:
        *_, trace = api.trace_stream(from_array(own, "own"), watch=watch)
        return [(each.family, each.belongs, each.steps, each.score, each.gave_way) for each in trace.evidence]

    assert rows(watch=True) == rows(watch=False)


def test_a_run_stopped_among_its_turns_keeps_what_there_is(own: np.ndarray):
    seen: list[str] = []
    stream = api.trace_stream(from_array(own, "own"), mode="paper", stop=lambda: len(set(seen)) == 2)
    for update in stream:
        if isinstance(update, Stepped):
            seen.append(update.family)
    assert [each.family for each in update.evidence] == ["mini-kl", "mini-kl16"]
    assert all(each.stopped for each in update.evidence)
    assert update.verdict.kind == "undecided"


def test_a_family_that_is_not_at_hand_does_not_hold_up_the_others(own: np.ndarray, monkeypatch):
    real = cache.loading

    def loading(row, stop):
        if row.id == "mini-movq":
            raise ModelUnavailable("it is not there", "missing")
        return (yield from real(row, stop))

    monkeypatch.setattr(cache, "loading", loading)
    trace = api.trace(from_array(own, "own"))
    assert trace.unavailable == {"mini-movq": "it is not there"}
    assert trace.verdict.families == ("mini-kl",)


def test_families_take_turns_and_their_answers_keep_the_order_of_the_lineup(own: np.ndarray):
    updates = list(api.trace_stream(from_array(own, "own"), watch=True))
    names = [row.id for row in registry.families("minis")]
    firsts = [
        next(i for i, each in enumerate(updates) if isinstance(each, Stepped) and each.family == n) for n in names
    ]
    second = next(i for i, each in enumerate(updates) if isinstance(each, Stepped) and each.step.index == 1)
    assert firsts == sorted(firsts) and firsts[-1] < second, "everyone has a look before anyone has another"
    assert [each.family for each in updates[-1].evidence] == names
    assert updates[-1].verdict.families == ("mini-kl",)


def test_what_a_score_leaves_open_belongs_where_it_fits_on_its_grid_alone(own: np.ndarray):
    model = cache.load(registry.family("mini-kl"))
    assert optimization.off_grid(own, model) > 2 * calibration.ON_GRID
    photograph = perturbations.scale(samples.bundled_photographs(2, 128)[1], 1.5)
    assert optimization.off_grid(photograph, model) < calibration.ON_GRID
    assert optimization.off_grid(own[:24, :24], model) is None, "too small to tell"
    assert optimization.off_grid(own, model, stop=lambda: True) is None


def test_a_match_that_is_hardly_better_than_others_has_to_fit_its_grid_alone(own: np.ndarray, monkeypatch):
    monkeypatch.setattr(optimization, "off_grid", lambda *_: 1.0)
    assert api.trace(from_array(own, "own")).verdict.families == ("mini-kl",), "far better than others: not asked"
    monkeypatch.setattr(calibration, "SURE", 1e9)
    trace = api.trace(from_array(own, "own"), families=["mini-kl"])
    assert trace.verdict.kind == "undecided"
    banner = words.banner(Run("own", "fast", ["mini-kl"], trace=trace))
    assert "soft pictures by others score hardly worse; half a cell off its grid it fits 1.0 times worse" in banner


def test_on_a_large_picture_both_looks_at_the_grid_see_the_same_part(monkeypatch):
    seen, real = [], optimization.invert

    def invert(pixels, *rest, **options):
        seen.append(pixels)
        return real(pixels, *rest, **options)

    monkeypatch.setattr(optimization, "invert", invert)
    large = np.random.default_rng(0).integers(0, 256, (464, 464, 3), dtype=np.uint8)
    optimization.off_grid(large, cache.load(registry.family("mini-kl")))
    off, on = seen
    assert max(off.shape) <= 192
    assert np.array_equal(off[4:, 4:], on)


def test_a_plain_frame_is_found():
    inside = np.random.default_rng(0).integers(0, 200, (80, 90, 3), dtype=np.uint8)
    screen = np.full((120, 130, 3), 238, np.uint8)
    screen[10:90, 25:115] = inside
    assert framed(screen) == (10, 25, 90, 115)
    assert framed(inside) == (0, 0, 80, 90)
    assert framed(np.zeros((70, 70, 3), np.uint8)) == (0, 0, 70, 70), "nothing but frame"
    screen[:] = 238
    screen[50:60, 50:60] = 0
    assert framed(screen) == (0, 0, 120, 130), "too little would be left"


def test_a_screenshot_is_recognised_by_what_is_inside_its_frame(own: np.ndarray):
    screen = perturbations.screenshot(own, 0)
    trace = api.trace(from_array(screen, "screenshot"), families=["mini-kl", "mini-dc"])
    assert trace.verdict.families == ("mini-kl",)
    found = next(each for each in trace.evidence if each.family == "mini-kl")
    assert found.drawn == (128, 128) and found.frame == framed(screen)


def test_a_resized_picture_with_a_plain_border_of_its_own_is_still_recognised(own: np.ndarray):
    drawn = own.copy()
    drawn[:10], drawn[-10:], drawn[:, :10], drawn[:, -10:] = 255, 255, 255, 255
    made = autoencoder.reconstruct(drawn, cache.load(registry.family("mini-kl")))
    made[:6], made[-6:], made[:, :6], made[:, -6:] = 255, 255, 255, 255
    small = perturbations.scale(made, 0.75)
    assert framed(small) != (0, 0, 96, 96)
    assert "mini-kl" in api.trace(from_array(small, "small")).verdict.families
