"""Many images become rows: the same from both engines, in a file that a run can go on with."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from typer.testing import CliRunner

from tests.conftest import ROOT
from tracer import api
from tracer.cli import app, main
from tracer.image import samples
from tracer.models import autoencoder, cache, registry
from tracer.reports import batch
from tracer.verdict import combine, wording

run = CliRunner()
OPTIONS = batch.Options(families=("mini-dc",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A photograph, a picture that belongs, a copy of it below, something that is no image, and a text."""
    path = tmp_path_factory.mktemp("many")
    photographs = samples.bundled_photographs(2, 128)
    Image.fromarray(photographs[0]).save(path / "b-photograph.png")
    model = cache.load(registry.family("mini-dc"))
    Image.fromarray(autoencoder.reconstruct(photographs[1], model)).save(path / "a-belongs.PNG")
    (path / "below").mkdir()
    shutil.copy(path / "a-belongs.PNG", path / "below" / "=copy.png")
    (path / "c-broken.jpg").write_bytes(b"no picture")
    (path / "notes.txt").write_text("no image at all")
    return path


def read(path):
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


def command(folder, out, *more):
    return ["batch", str(folder), "--out", str(out), "--family", "mini-dc", *more]


def test_every_image_becomes_a_row_and_a_bad_one_says_why(folder):
    rows = list(batch.rows(batch.found(folder), OPTIONS))
    assert [row["file"] for row in rows] == ["a-belongs.PNG", "b-photograph.png", "c-broken.jpg", "below/=copy.png"]
    belongs, photograph, broken, copy = rows
    assert (belongs["verdict"], belongs["family"]) == ("family", "mini-dc")
    assert photograph["verdict"] in ("none", "insufficient") and photograph["family"] == ""
    assert photograph["mini-dc_score"] < belongs["mini-dc_threshold"] <= belongs["mini-dc_score"]
    assert belongs["mini-dc_contrast"] < 0 and belongs["windows"] == 1
    assert (belongs["offset"], belongs["resized_from"]) == ("", "")
    assert broken["verdict"] == "error"
    assert broken["error"]
    assert copy == {**belongs, "file": "below/=copy.png"}
    assert all(list(row) == OPTIONS.columns() for row in rows)
    assert "mini-dc sha256:" in belongs["revisions"]
    assert "mode grid" in belongs["settings"]


def test_a_row_says_what_the_page_says(folder):
    path = folder / "a-belongs.PNG"
    found = combine.join(api.trace(path, families=["mini-dc"]), api.artifacts(path))
    document, row = wording.document(found), batch.row(path.name, path, OPTIONS)
    assert (row["answer"], row["sure"]) == (document["answer"]["line"], document["answer"]["sure"])
    assert row["sentence"] == document["verdict"]["sentence"]
    assert row["mini-dc_score"] == document["evidence"]["inversion"]["evidence"][0]["score"]
    assert row["inspected"] == " ".join(map(str, document["evidence"]["inversion"]["windows"][0]))
    assert row["marks"] == found.evidence["artifacts"].verdict.kind
    assert row["marks_probability"] == document["evidence"]["artifacts"]["probability"]
    assert row["sha256"] == document["image"]["sha256"]


def test_what_a_file_claims_stands_in_its_row(folder, tmp_path):
    claims = PngImagePlugin.PngInfo()
    claims.add_text("Software", "ComfyUI")
    Image.fromarray(samples.bundled_photographs(1, 64)[0]).save(tmp_path / "claims.png", pnginfo=claims)
    assert batch.row("claims.png", tmp_path / "claims.png", OPTIONS)["claims"] == "ComfyUI"
    assert batch.row("b.png", folder / "b-photograph.png", OPTIONS)["claims"] == ""


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_a_run_that_was_cut_off_goes_on(folder, tmp_path, monkeypatch, suffix):
    out = tmp_path / f"rows{suffix}"
    assert run.invoke(app, command(folder, out)).exit_code == 0
    whole = read(out)
    assert len(whole) == 4
    lines = out.read_text().rstrip("]\n").splitlines(keepends=True)
    out.write_text("".join(lines[:-2]) + lines[-2][:-20])  # the last row is gone, the one before cut off
    asked = []
    inspect = batch.row
    monkeypatch.setattr(batch, "row", lambda name, *rest: asked.append(name) or inspect(name, *rest))
    assert run.invoke(app, command(folder, out)).exit_code == 0
    assert asked == ["c-broken.jpg"]
    again = read(out)
    drop = {"seconds": None}
    assert [{**row, **drop} for row in again] == [{**row, **drop} for row in whole]
    told = json.loads(run.invoke(app, command(folder, out, "--json")).stdout)
    assert (told["new"], told["kept"]) == (0, 4)


def test_other_settings_are_computed_again(folder, tmp_path, monkeypatch):
    out = tmp_path / "rows.jsonl"
    run.invoke(app, command(folder, out))
    monkeypatch.setattr(batch, "__version__", "9.9")
    told = json.loads(run.invoke(app, command(folder, out, "--json")).stdout)
    assert (told["new"], told["kept"]) == (4, 4)


def test_a_spreadsheet_does_not_run_a_file_name(folder, tmp_path):
    out = tmp_path / "rows.csv"
    run.invoke(app, command(folder, out))
    assert read(out)[-1]["file"] == "below/=copy.png"
    text = batch.as_csv([{"file": "=cmd()|x", "width": 3}], ["file", "width"])
    assert text == "file,width\n'=cmd()|x,3\n"


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "{ mine", '{"other": 1}', "[1, 2]"])
@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_a_foreign_file_is_not_overwritten(folder, tmp_path, capfd, content, suffix):
    out = tmp_path / f"mine{suffix}"
    out.write_text(content + "\n")
    assert main(command(folder, out)) == 2
    assert out.read_text() == content + "\n"
    assert len(capfd.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["batch", "no-such-folder", "--out", "rows.csv"],
        ["batch", "{folder}", "--out", "rows.txt"],
        ["batch", "{folder}/below/nothing", "--out", "rows.csv"],
        ["batch", "{folder}", "--out", "rows.csv", "--engine", "unheard-of"],
        ["batch", "{folder}", "--out", "rows.csv", "--mode", "unheard-of"],
        ["batch", "{folder}", "--out", "rows.csv", "--lineup", "unheard-of"],
        ["batch", "{folder}", "--out", "no-such-folder/rows.csv"],
    ],
)
def test_bad_usage_is_one_line_and_status_2(folder, arguments, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([argument.format(folder=folder) for argument in arguments]) == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_missing_ray_is_one_clear_line(folder, tmp_path, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(command(folder, tmp_path / "rows.csv", "--engine", "ray")) == 3
    assert "pip install -r requirements-batch.txt" in capfd.readouterr().err


def test_two_ray_workers_give_the_same_rows(folder, tmp_path):
    pytest.importorskip("ray.data", reason="ray is not installed (requirements-batch.txt)")
    out = tmp_path / "rows.jsonl"
    more = ["--engine", "ray", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "tracer", *command(folder, out, *more)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    here = list(batch.rows(batch.found(folder), OPTIONS))
    there = read(out)
    same = dict.fromkeys(("seconds", "mini-dc_score", "mini-dc_contrast", "marks_probability", "marks_p_value"))
    assert [{**row, **same} for row in there] == [{**row, **same} for row in here]
    scores = [[row["mini-dc_score"] for row in rows if row["mini-dc_score"] is not None] for rows in (here, there)]
    np.testing.assert_allclose(*scores, rtol=1e-4)  # threads of another number add up in another order


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_a_full_disk_names_the_file(folder, tmp_path, monkeypatch, capfd, suffix):
    out, whole = tmp_path / f"rows{suffix}", Path.open

    def full(path, mode="r", **options):
        return whole(Path("/dev/full") if mode == "a" else path, mode, **options)

    monkeypatch.setattr(Path, "open", full)
    assert main(command(folder, out)) == 2
    said = capfd.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert str(out) in said and "No space left" in said


def test_only_an_ordinary_file_is_written(folder, tmp_path, capfd):
    os.mkfifo(tmp_path / "rows.csv")
    (tmp_path / "rows.json").mkdir()
    os.mkfifo(tmp_path / "more.csv.part")
    (tmp_path / "link.csv.part").symlink_to(tmp_path / "elsewhere")
    for name in ("more.csv", "link.csv"):
        assert main(command(folder, tmp_path / name)) == 2
        assert f"{name}.part is not an ordinary file" in capfd.readouterr().err
    for name in ("rows.csv", "rows.json"):
        assert main(command(folder, tmp_path / name)) == 2
        assert f"{name} is not an ordinary file" in capfd.readouterr().err
