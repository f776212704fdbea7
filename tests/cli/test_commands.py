"""The command line keeps its contract: JSON, exit status, one readable line."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tracer.cli import app, main
from tracer.evidence.inversion import calibration
from tracer.evidence.inversion.decision import NullDistribution
from tracer.image import samples
from tracer.models import autoencoder, cache, registry

run = CliRunner()


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "photograph.png"
    Image.fromarray(samples.bundled_photographs(1, 96)[0]).save(path)
    return path


@pytest.fixture(scope="module")
def belonging(tmp_path_factory):
    model = cache.load(registry.family("mini-dc"))
    path = tmp_path_factory.mktemp("images") / "belonging.png"
    Image.fromarray(autoencoder.reconstruct(samples.bundled_photographs(2, 96)[1], model)).save(path)
    return path


def test_trace_answers_as_the_contract_says(belonging):
    result = run.invoke(app, ["trace", str(belonging), "--lineup", "minis", "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert set(document) == {"image", "verdict", "evidence", "versions", "windows", "contrasts"}
    assert {"file", "sha256", "width", "height"} <= set(document["image"])
    assert document["image"]["file"] == "belonging.png"
    assert set(document["verdict"]) == {"kind", "families", "members", "sentence"}
    assert [row["family"] for row in document["evidence"]] == [row.id for row in registry.families("minis")]
    fields = ["family", "method", "mode", "score", "threshold", "p_value", "belongs", "steps", "seconds", "revision"]
    assert all(set(fields) <= set(row) for row in document["evidence"])
    assert {row["mode"] for row in document["evidence"]} == {"grid"}
    assert len(document["windows"]) == document["evidence"][0]["steps"]
    assert {row["phases"] for row in document["evidence"]} == {1 + 2 * 3}, "one window, so twice as many controls"
    assert document["verdict"]["kind"] == "family"
    assert document["verdict"]["families"] == ["mini-dc"]
    assert {"tracer", "torch", "diffusers"} <= set(document["versions"])


def test_several_images_give_a_list(belonging, photograph):
    result = run.invoke(app, ["trace", str(belonging), str(photograph), "--family", "mini-dc", "--json"])
    first, second = json.loads(result.stdout)
    assert first["verdict"]["kind"] == "family"
    assert second["verdict"]["kind"] in ("none", "insufficient")
    assert second["image"]["file"] == "photograph.png"


def test_one_bad_file_does_not_lose_the_answers_about_the_others(belonging):
    result = run.invoke(app, ["trace", __file__, str(belonging), "--family", "mini-dc", "--json"])
    assert result.exit_code == 2
    (document,) = json.loads(result.stdout)
    assert document["image"]["file"] == "belonging.png"
    assert len(result.stderr.strip().splitlines()) == 1


def test_without_json_the_sentence_is_printed(belonging):
    result = run.invoke(app, ["trace", str(belonging), "--family", "mini-dc"])
    assert result.exit_code == 0
    assert "uses the mini-dc autoencoder" in result.stdout
    for said in ("fits", "score", "threshold", "contrast", "windows"):
        assert said in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["trace", "no-such-file.png"],
        ["trace", __file__],
        ["trace", "{image}", "--lineup", "unheard-of"],
        ["trace", "{image}", "--family", "unheard-of"],
        ["trace", "{image}", "--mode", "fast"],
        ["trace"],
        ["reconstruct", "mini-dc", "{image}", "--out", "picture.jpg"],
        ["unheard-of"],
    ],
)
def test_bad_input_or_usage_leaves_with_status_2_and_one_line(arguments, photograph, capfd):
    status = main([argument.format(image=photograph) for argument in arguments])
    said = capfd.readouterr()
    assert status == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1


def test_a_model_that_is_not_available_leaves_with_status_3(photograph, tmp_path):
    result = run.invoke(app, ["trace", str(photograph), "--autoencoder", str(tmp_path), "--json"])
    assert result.exit_code == 3
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert "config.json" in result.stderr


def test_a_flat_picture_is_too_little_evidence(tmp_path):
    path = tmp_path / "flat.png"
    Image.new("RGB", (96, 96), (200, 30, 60)).save(path)
    document = json.loads(run.invoke(app, ["trace", str(path), "--family", "mini-dc", "--json"]).stdout)
    assert document["verdict"]["kind"] == "insufficient"


@pytest.mark.parametrize("quality", [95, 30])
def test_a_compressed_photograph_is_never_named(tmp_path, photograph, quality):
    path = tmp_path / "photograph.jpg"
    Image.open(photograph).save(path, quality=quality)
    document = json.loads(run.invoke(app, ["trace", str(path), "--lineup", "minis", "--json"]).stdout)
    assert document["image"]["jpeg_quality"] == quality
    assert document["verdict"]["kind"] in ("none", "insufficient")


def test_a_lineup_that_cannot_be_reached_leaves_with_status_3(photograph, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    result = run.invoke(app, ["trace", str(photograph), "--lineup", "tiny"])
    assert result.exit_code == 3
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert "HF_HUB_OFFLINE is set, so nothing can be downloaded" in result.stderr


def test_one_family_that_is_missing_does_not_lose_the_answers_of_the_others(photograph, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    result = run.invoke(app, ["trace", str(photograph), "--family", "sdxl", "--family", "mini-dc", "--json"])
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert [row["family"] for row in document["evidence"]] == ["mini-dc"]
    assert list(document["unavailable"]) == ["sdxl"]
    assert result.stderr.startswith("tracer: not inspected: sdxl: ")


def test_a_missing_threshold_of_the_papers_rule_names_the_command_to_run(photograph, monkeypatch):
    monkeypatch.setattr(calibration, "path_of", lambda *key, **options: photograph.with_name("missing.json"))
    result = run.invoke(app, ["trace", str(photograph), "--family", "mini-dc", "--mode", "paper"])
    assert result.exit_code == 3
    assert "python -m tracer calibrate mini-dc --mode paper" in result.stderr


def test_reconstruct_writes_a_picture_of_the_same_size(photograph, tmp_path):
    out = tmp_path / "out.png"
    assert run.invoke(app, ["reconstruct", "mini-dc", str(photograph), "--out", str(out)]).exit_code == 0
    assert Image.open(out).size == (96, 96)
    assert not np.array_equal(np.asarray(Image.open(out)), np.asarray(Image.open(photograph)))


def test_a_pipe_is_not_written_to(photograph, tmp_path, capfd):
    for name, command in (
        ("out.png", ["reconstruct", "mini-dc", str(photograph), "--out"]),
        ("out.html", ["trace", str(photograph), "--family", "mini-dc", "--report"]),
    ):
        os.mkfifo(tmp_path / name)
        assert main([*command, str(tmp_path / name)]) == 2
        assert f"{name} is not an ordinary file" in capfd.readouterr().err


def test_calibrate_says_what_own_images_and_negatives_score_and_warns_where_a_family_departs(tmp_path, monkeypatch):
    class Lenient(NullDistribution):
        threshold = -100.0  # so that everything is named, negatives too

    null = Lenient((-100.0,) * 400, "made up", (), "2026-01-01")
    monkeypatch.setattr(calibration, "shared", lambda *folder: null)
    result = run.invoke(app, ["calibrate", "mini-dc", "--count", "3", "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["own"]["images"] == told["null"]["images"] == told["null"]["named"] == 3
    assert told["own"]["median"] > told["null"]["median"]
    assert told["departs"] and "mini-dc is named for more negatives than" in result.stderr
    assert calibration.path_of("mini-dc", "grid", tmp_path).exists()


def test_a_condition_is_for_artifacts_alone(capfd, tmp_path):
    assert main(["calibrate", "mini-dc", "--condition", "lossless", "--out", str(tmp_path)]) == 2
    assert "for artifacts alone" in capfd.readouterr().err


NAMES = [row.id for row in registry.GENERATORS.values() if row.bundled]


def test_models_lists_what_is_bundled():
    rows = json.loads(run.invoke(app, ["models", "--json"]).stdout)
    bundled = {row.get("generator", row["family"]) for row in rows if row["status"] == "bundled"}
    assert bundled == {*(row.id for name in ("real", "minis") for row in registry.families(name)), *NAMES}
    others = {row["status"] for row in rows if row["lineup"] not in ("real", "minis")}
    assert others <= {"cached", "unreachable"}, "the Hub may not be asked in this test"
    assert all(row["reason"] for row in rows if row["status"] == "unreachable")
    drawers = [row for row in rows if row.get("generator") in NAMES]
    assert all("red apple" in row["prompts"] for row in drawers)


def test_progress_never_reaches_standard_output(belonging):
    result = subprocess.run(
        [sys.executable, "-m", "tracer", "trace", str(belonging), "--family", "mini-dc", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    json.loads(result.stdout)
    assert result.stderr == ""
