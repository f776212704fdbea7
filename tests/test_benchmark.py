"""What the benchmark makes of its answers."""

import json
import subprocess
import sys

import numpy as np
import pytest

import benchmarks
from benchmarks import core, run, speed
from benchmarks.core import NONE, Bench
from tracer.image import samples


def row(truth: str, kind: str, *families: str) -> dict:
    return {"truth": truth, "kind": kind, "families": list(families), "seconds": 1.0, "evidence": {"a": [2, True, 0.1]}}


ROWS = [
    *[row("a", "family", "a")] * 8,
    row("a", "family", "b"),
    row("a", "undecided", "a", "b"),
    *[row(NONE, "none")] * 4,
    row(NONE, "family", "a"),
]


def test_rates_count_what_they_say():
    found = core.summary(ROWS)
    assert found["matrix"] == {"a": {"a": 8, "b": 1, "undecided": 1}, NONE: {NONE: 4, "a": 1}}
    assert found["right_family"]["a"]["rate"] == pytest.approx(0.8)
    assert (found["wrong_family"]["hits"], found["wrong_family"]["of"]) == (1, 10)
    assert (found["photograph_named"]["hits"], found["photograph_named"]["of"]) == (1, 5)


def test_intervals_are_wilsons():
    assert core.wilson(0, 200) == pytest.approx((0, 0.01885), abs=1e-5)
    assert core.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_a_run_that_was_cut_off_goes_on_where_it_was(tmp_path):
    first, asked = Bench([], tmp_path), []
    assert first.kept("one", lambda: asked.append(1) or [0.5]) == [0.5]
    with first.file.open("a") as file:
        file.write('{"key": "cut o')
    again = Bench([], tmp_path)
    assert again.kept("one", lambda: asked.append(2)) == [0.5]
    assert asked == [1]


def test_every_section_can_be_measured_and_shown():
    for name in benchmarks.SECTIONS:
        module = benchmarks.section(name)
        assert module.TITLE and callable(module.measure) and callable(module.page)
    with pytest.raises(KeyError, match="no section called 'x'; there are: families"):
        benchmarks.section("x")


def test_one_section_is_written_beside_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "warm_seconds", lambda pictures, repeats: 0.1)
    earlier = {"speed": {"date": "2026-01-01", "commit": "c", "seconds": 1.0, "results": {}}}
    (tmp_path / "results.json").write_text(json.dumps({"sections": earlier}))
    results = run.run(None, tmp_path, count=2, quick=True, only=["start"])
    assert list(results["sections"]) == ["start", "speed"]
    page = (tmp_path / "README.md").read_text()
    assert "## Start and step" in page and "encoder, forward" in page
    assert json.loads((tmp_path / "results.json").read_text()) == results


def test_a_reference_that_memory_forbids_takes_at_least_a_smaller_frames_time():
    known = {"fast_start": 2.0, "fast_all": 5.0, "fast_mb": 900.0}
    results = {
        "512 px, float32": {**known, "double": 30.0, "reference": 1000.0},
        "1024 px, float32": {**known, "double": 120.0},
        "1024 px, bfloat16": known,
        "256 px, float32": {"failed": True},
    }
    assert speed.reference_of(results, 512) == (1000.0, "")
    assert speed.reference_of(results, 1024) == (4000.0, "at least ")
    assert speed.reference_of(results, 256) == (None, "")
    page = "\n".join(speed.page(results))
    assert "at least 2000 / at least 800" in page and "60.0 / 24.0" in page and "did not run" in page


def test_peak_memory_is_not_that_of_the_process_that_asks():
    held = np.ones(2**27)  # 1 GiB, and Linux's getrusage would tell a child as much
    code = "from benchmarks import process; print(process.peak())"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 < float(asked.stdout) < held.nbytes / 2**20


def test_test_images_are_none_that_sections_calibrate_on():
    tiles = samples.bundled_photographs(core.POOL + 2, 64)
    assert not any((tile == other).all() for tile in tiles[core.POOL :] for other in tiles[: core.POOL])


def test_the_area_under_the_curve_counts_ties_half():
    from benchmarks.artifacts import area

    assert area(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 1
    assert area(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0.5
    assert area(np.array([0.0, 1.0]), np.array([1.0])) == 0.75


def test_artifacts_count_what_at_most_so_many_photographs_exceed():
    from benchmarks.artifacts import _figures

    found = _figures(np.arange(100.0), np.array([50.0, 95.0, 98.5, 200.0]))
    assert {level: each["hits"] for level, each in found["tpr"].items()} == {"0.001": 1, "0.01": 2, "0.05": 3}
    assert found["auc"]["low"] <= found["auc"]["value"] <= found["auc"]["high"]


def test_pictures_of_a_node_editor_are_told_from_drawings():
    from benchmarks.artifacts import screenshot

    drawn = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    shown = drawn.copy()
    shown[:30] = 33
    assert not screenshot(drawn) and screenshot(shown)
