"""What the benchmark shows to line-ups, and what it makes of their answers."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import benchmarks
from benchmarks import core, grid, lineups, localisation, methods, pictures, run, speed, steps, tables
from benchmarks.core import Bench
from benchmarks.lattices import LATTICES
from tracer.image import intake, samples
from tracer.models import registry


def asked(bench: Bench, *families: str) -> lineups.Asked:
    """The minis, or some of them."""
    (found,) = lineups.lineups(bench)
    return dataclasses.replace(found, suspects=tuple(each for each in found.suspects if each.name in families))


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path, lineups=("minis",), count=2)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two collected pictures, one of each half, and one photograph of each split, laid out as the real ones."""
    place = tmp_path / "data"
    head = "file,family,model,repository,path,original,untouched since the decoder,kept,licence\n"
    rows = ("generated/a.png,sdxl,m,Kwai-Kolors/Kolors,,,yes,,", "generated/b.png,sdxl,m,lllyasviel/IC-Light,,,yes,,")
    for name in ("generated", "real/generated", "photos/cc-by", "photos/cc0", "photos/highres"):
        (place / name).mkdir(parents=True)
    (place / "real/SOURCES.csv").write_text(head + "\n".join(rows) + "\n")
    (place / "generated/SOURCES.csv").write_text("file,autoencoder_family,model,repository,path,license\n")
    image = Image.fromarray(samples.bundled_photographs(1, 128)[0])
    for name in ("a", "b"):
        image.save(place / f"real/generated/{name}.png")
    for index in range(12):
        image.save(place / f"photos/cc-by/{index}.png")
    return place


def row(truth: str, verdict: str, *families: str, **more) -> dict:
    makers = (truth,) if truth else ()
    found = {"verdict": verdict, "families": list(families), "windows": 1, "of": 2, "offset": [0, 0], "size": None}
    about = {"name": "n", "makers": makers, "change": "as it is", "source": "", "format": "", "seconds": 1.0}
    about["answer"] = grid._answer(found, makers)
    return {**found, **about, "kind": "reconstructions" if truth else "photographs", **more}


ROWS = [
    *[row("a", "family", "a")] * 8,
    row("a", "family", "b"),
    row("a", "undecided", "a", "b"),
    *[row("", "none")] * 4,
    row("", "family", "a"),
]


def test_rates_count_what_they_say():
    found = grid.summary(ROWS)
    (own,), (negatives,) = found["own"], found["negatives"]
    assert own["of"] == ["reconstructions", "as it is"]
    assert {kind: own[kind]["hits"] for kind in grid.KINDS} == {"right": 8, "open": 1, "none": 0, "wrong": 1}
    assert (negatives["wrong"]["hits"], negatives["wrong"]["of"]) == (1, 5)
    assert [each["families"] for each in found["misnamed"]] == [["b"], ["a"]]
    text = "\n".join(tables.grid({"minis": found}))
    assert "8 of 10 (49.0% to 94.3%)" in text and "1 of 5 (3.6% to 62.4%)" in text


def test_more_windows_never_name_fewer_pictures():
    late = row("a", "family", "a", windows=3, of=4)
    shifted = row("a", "family", "a", offset=[1, 2])
    curve = grid.summary([row("a", "family", "a"), late, shifted, row("a", "none")])["windows"]["reconstructions"]
    assert [each["hits"] for each in curve["named"].values()] == [1, 1, 2, 2]
    enough = curve["where there are as many"]
    assert (enough["2"]["of"], enough["4"]["of"]) == (4, 1) and enough["4"]["hits"] == 1


def test_intervals_are_wilsons():
    assert core.wilson(0, 200) == pytest.approx((0, 0.01885), abs=1e-5)
    assert core.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_a_run_that_was_cut_off_goes_on_where_it_was(tmp_path):
    first, calls = Bench(tmp_path), []
    assert first.kept("one", lambda: calls.append(1) or [0.5]) == [0.5]
    with first.file.open("a") as file:
        file.write('{"key": "cut o')
    again = Bench(tmp_path)
    assert again.kept("one", lambda: calls.append(2)) == [0.5]
    assert calls == [1]


def test_what_there_is_no_time_for_is_left_out_and_counted(tmp_path):
    late = Bench(tmp_path, lineups=("minis",), count=2, until=0.0)
    assert late.kept_in_time("one", lambda: 0.5, "key") is None
    late.kept("one", lambda: 0.5, "key")
    assert late.kept_in_time("one", lambda: 1.0, "key") == 0.5, "what is known already takes no time"
    (found,) = grid.measure(late).values()
    assert found["answers"][0] == 0 < found["answers"][1]
    assert f"{found['answers'][1]} of {found['answers'][1]} answers are left out" in "\n".join(
        tables.grid({"minis": found})
    )


def test_answers_are_of_one_line_up_with_its_weights_and_code(bench):
    found = asked(bench, "mini-kl")
    other = dataclasses.replace(found, weights="sha256:other")
    assert len({grid.key_of(found), grid.key_of(other), grid.key_of(found, "benchmarks/methods.py")}) == 3


def test_every_section_can_be_measured_and_shown():
    for name in benchmarks.SECTIONS:
        module = benchmarks.section(name)
        assert module.TITLE and callable(module.measure) and callable(module.page)
    with pytest.raises(KeyError, match="no section called 'x'; there are: grid"):
        benchmarks.section("x")


def test_one_section_and_line_up_is_written_beside_the_others(tmp_path, monkeypatch):
    few = [*[row("mini-kl", "family", "mini-kl")] * 2, row("", "none")]
    monkeypatch.setattr(grid, "ask", lambda bench, asked: few)
    about = {"date": "2026-01-01", "commit": "c", "seconds": 1.0}
    earlier = {"grid": {**about, "results": {"tiny": grid.summary(ROWS)}}, "speed": {**about, "results": {}}}
    (tmp_path / "results.json").write_text(json.dumps({"format": run.FORMAT, "sections": earlier}))
    results = run.run(tmp_path, quick=True, only=["grid"], lineups=["minis"])
    assert list(results["sections"]) == ["grid", "speed"]
    assert set(results["sections"]["grid"]["results"]) == {"tiny", "minis"}
    page = (tmp_path / "README.md").read_text()
    assert "## The grid test" in page and "### Line-up minis" in page and "### Line-up tiny" in page
    assert json.loads((tmp_path / "results.json").read_text()) == results


def test_a_line_up_that_cannot_be_had_is_left_out_and_said(tmp_path, local_hub):
    told = []
    bench = Bench(tmp_path, lineups=("tiny",), progress=told.append)
    assert lineups.lineups(bench) == []
    assert "line-up tiny is left out" in told[0]


def test_stand_ins_speak_for_their_families_and_minis_for_nobody_elses():
    assert lineups.speaks_for(registry.family("taesd")) == ["sd"]
    assert lineups.speaks_for(registry.family("taef1")) == ["flux1"]
    assert lineups.speaks_for(registry.family("sd2")) == ["sd"]
    assert lineups.speaks_for(registry.family("mini-kl16")) == []


def test_only_pictures_that_nothing_was_chosen_with_are_shown(bench, folder):
    bench.data = folder
    found = asked(bench, "mini-kl")
    assert [each.file.name for each in pictures.collected(found, folder)] == ["a.png"]
    photos = pictures.photographs(bench, 100)
    assert 0 < len(photos) < 12
    assert {each.file for each in photos} == set(pictures.photograph_files(folder)["cc-by"])


def test_a_picture_is_shown_as_the_file_that_it_was_found_in(folder, bench):
    (sample,) = pictures.collected(asked(bench, "mini-kl"), folder)
    assert sample.made("as it is") == sample.file
    assert intake.read(sample.made("JPEG 75")).jpeg_quality == 75
    assert sample.kind == "by sdxl, not asked" and sample.format == "untouched" and sample.makers == ()


def test_test_tiles_are_none_that_families_are_calibrated_on(tmp_path):
    shown = [each.pixels() for each in pictures.photographs(Bench(tmp_path), 2, 64)]
    tiles = samples.bundled_photographs(pictures.POOL, 64)
    assert not any((tile == other).all() for tile in shown for other in tiles)


def test_there_are_two_hundred_lattice_pictures_of_every_kind(tmp_path):
    found = pictures.lattices(Bench(tmp_path), 10)
    assert len(found) >= 200 and len({each.name for each in found}) == len(found)
    assert {each.kind.removeprefix("lattice: ") for each in found} == set(LATTICES)
    for sample in found[::10]:
        pixels = sample.pixels()
        assert pixels.shape == (256, 256, 3) and pixels.dtype == np.uint8 and pixels.std() > 5


@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_pixel_art_and_whole_enlargements_repeat_in_their_squares(side):
    photo = samples.bundled_photographs(1, 256)[0]
    for make in (LATTICES[f"pixel art, {side} px"], LATTICES.get(f"enlarged {side} times, nearest")):
        if make:
            cells = make(photo).reshape(256 // side, side, 256 // side, side, 3)
            assert (cells == cells[:, :1, :, :1]).all()


def test_a_decoded_part_of_a_photograph_is_found_and_the_rest_is_not(bench):
    suspect = asked(bench, "mini-kl").suspects[0]
    photo = pictures.large_photographs(bench, 1, localisation.SMALLEST)[0].pixels()
    made = localisation.composite(photo, suspect.load(), 0)
    assert made.mask.mean() == pytest.approx(0.25)
    assert (made.pixels[~made.mask] == photo[: made.mask.shape[0], : made.mask.shape[1]][~made.mask]).all()
    found = localisation.summary([localisation.answered(made, suspect, made.pixels)], localisation.limit_of(suspect))
    assert found["outside"]["of"] and found["outside"]["rate"] == 1
    assert found["overlap"] > 0.2


def test_methods_are_compared_at_the_same_error():
    def score(value: float, *makers: str) -> tuple:
        return pictures.Sample("", "", makers, lambda: None), {"scores": {"a": value}, "seconds": 1.0}

    rows = [*(score(float(value)) for value in range(100)), score(98.5, "a"), score(97.5, "a"), score(200.0, "a")]
    found = methods.matched(rows)
    assert found["families"]["a"]["limit"] == 98.0
    assert (found["all"]["hits"], found["all"]["of"]) == (2, 3)


def test_all_methods_tell_a_familys_own_picture_from_a_photograph(bench):
    found = asked(bench, "mini-kl")
    (photo, *_) = pictures.photographs(bench, 1, 128)
    (own, *_) = pictures.reconstructions(found, [photo])
    for scores in methods.METHODS.values():
        assert scores(own.pixels(), found)["mini-kl"] > scores(photo.pixels(), found)["mini-kl"]


def test_gradient_steps_fit_a_familys_own_picture_better_and_are_shown_with_the_rest(bench):
    found = asked(bench, "mini-dc")
    (suspect,) = found.suspects
    own = steps.pictures(bench, found, suspect)[steps.OWN][0].pixels()
    contrasts = {way: steps.contrast(own, code(suspect)) for way, code in steps.WAYS.items()}
    assert max(contrasts.values()) < -0.2
    rows = {steps.OWN: [contrasts], steps.OTHERS: [dict.fromkeys(contrasts, 0.0)]}
    text = "\n".join(steps.page({"minis": {"mini-dc": {way: steps._summary(rows, way) for way in contrasts}}}))
    assert "| mini-dc | 5 gradient steps |" in text and "(1.00) of 1 | - |" in text


def test_a_reference_that_memory_forbids_takes_at_least_a_smaller_frames_time():
    windows = {"1": {"seconds": 2.0, "windows": 1}, "4": {"seconds": 5.0, "windows": 4}}
    known = {"grid": windows, "grid_mb": 900.0}
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
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 < float(found.stdout) < held.nbytes / 2**20


def test_the_area_under_the_curve_counts_ties_half():
    from benchmarks.artifacts import area

    assert area(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 1
    assert area(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0.5
    assert area(np.array([0.0, 1.0]), np.array([1.0])) == 0.75


def test_artifacts_count_what_at_most_so_many_photographs_exceed():
    from benchmarks.artifacts import _figures

    found = _figures(np.arange(100.0), np.array([50.0, 95.0, 98.5, 200.0]))
    assert {level: each["hits"] for level, each in found["tpr"].items()} == {"0.01": 2, "0.05": 3}
    assert found["auc"]["low"] <= found["auc"]["value"] <= found["auc"]["high"]


def test_artifacts_of_a_format_are_compared_with_what_was_compressed_likewise():
    from benchmarks.artifacts import Seen, _by

    negative = [Seen("photograph", "", form, score, "none") for form, score in (("JPEG", 5.0), ("PNG", 0.0))]
    positive = [Seen("sd", "", form, 3.0, "autoencoder") for form in ("WebP", "lossless")]
    found = _by(negative, positive, "format")
    assert {name: (each["negatives"], each["auc"]["value"]) for name, each in found.items()} == {
        "WebP": (1, 0.0),
        "lossless": (1, 1.0),
    }
    assert _by(negative, positive, "kind")["sd"]["negatives"] == 2
