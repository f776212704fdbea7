"""Families race: who goes on, who stops, and in which order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from tracer import api, calibration, inversion, lineup, perturb, weights
from tracer.evidence import Evidence
from tracer.intake import from_array
from tracer.race import Race
from tracer.tiles import framed
from tracer.updates import Stepped


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


def test_an_open_family_gives_way_only_to_one_that_fits_and_only_with_a_small_p_value():
    race = Race()
    assert not race.gives_way(0.001)
    race.answers["other"] = evidence("other", False)
    assert not race.gives_way(0.001)
    race.answers["winner"] = evidence("winner", True)
    assert race.gives_way(0.001) and not race.gives_way(0.02)


@pytest.fixture(scope="module")
def own() -> np.ndarray:
    (photograph,) = calibration.bundled_photographs(1, 128)
    return inversion.reconstruct(photograph, weights.load(lineup.family("mini-kl")))


def test_a_family_that_gives_way_ends_open_and_does_not_hold_up_the_answer(own: np.ndarray):
    model = weights.load(lineup.family("mini-kl"))
    score = inversion.scores(own, model, inversion.FAST)
    # Worse than all of its own images at the first look, but not plainly out.
    rows = [tuple(each / 1.1 for each in score)] * 200
    known = inversion.calibration_of(model, inversion.FAST, rows, "made up")
    work = inversion.inspect(own, model, known, gives_way=lambda p_value: p_value <= 0.01)
    steps = []
    while True:
        try:
            steps.append(next(work).index)
        except StopIteration as finished:
            answer = finished.value
            break
    assert steps == [0]
    assert answer.gave_way and answer.belongs is None and not answer.stopped


def test_the_page_hears_of_all_families_in_turn_and_the_answers_keep_the_order_of_the_lineup(own: np.ndarray):
    updates = list(api.trace_stream(from_array(own, "own")))
    names = [row.id for row in lineup.families("minis")]
    assert [each.family for each in updates[-1].evidence] == names
    assert updates[-1].verdict.families == ("mini-kl",)


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
    screen = perturb.screenshot(own, 0)
    trace = api.trace(from_array(screen, "screenshot"))
    assert trace.verdict.families == ("mini-kl",)
    found = next(each for each in trace.evidence if each.family == "mini-kl")
    assert found.drawn == (128, 128) and found.frame == framed(screen)
