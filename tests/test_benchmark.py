"""What the benchmark makes of its answers."""

import pytest

from tracer import benchmark
from tracer.benchmark import NONE


def row(truth: str, kind: str, *families: str) -> dict:
    return {"truth": truth, "kind": kind, "families": list(families), "seconds": 1.0, "evidence": [{"steps": 2}]}


ROWS = [
    *[row("a", "family", "a")] * 8,
    row("a", "family", "b"),
    row("a", "undecided", "a", "b"),
    *[row(NONE, "none")] * 4,
    row(NONE, "family", "a"),
]


def test_rates_count_what_they_say():
    found = benchmark.summary(ROWS)
    assert found["matrix"] == {"a": {"a": 8, "b": 1, "undecided": 1}, NONE: {NONE: 4, "a": 1}}
    assert found["right_family"]["a"]["rate"] == pytest.approx(0.8)
    assert (found["wrong_family"]["hits"], found["wrong_family"]["of"]) == (1, 10)
    assert (found["photograph_named"]["hits"], found["photograph_named"]["of"]) == (1, 5)
    assert found["median_steps"] == 2


def test_intervals_are_exact():
    low, high = benchmark.interval(0, 200)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 200))
