"""A stranger's folder is either an autoencoder that works, or one sentence and exit status 3."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from tests import small_models
from tracer.cli import app
from tracer.models import checkpoint, folder
from tracer.models.errors import ModelUnavailable

KL = "AutoencoderKL"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_models.make(KL, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def broken(whole: Path, tmp_path: Path) -> Path:
    """A copy to be broken."""
    for name in (folder.CONFIG, folder.WEIGHTS):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    return tmp_path


def refusal(path: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        checkpoint.from_folder(path, "theirs")
    message = str(caught.value)
    assert len(message) < 200
    assert "\n" not in message
    return message


def configure(path: Path, **changes: object) -> None:
    known = json.loads((path / folder.CONFIG).read_text())
    (path / folder.CONFIG).write_text(json.dumps({**known, **changes}))


def reweigh(path: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    save_file({key: change(tensor) for key, tensor in load_file(path / folder.WEIGHTS).items()}, path / folder.WEIGHTS)


def deep(inner: list) -> list:
    """Lists in lists, as deep as JSON itself allows."""
    for _ in range(600):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"AutoencoderKL"',
        "[" * 100_000,
        '{"_class_name": ' * 100_000,
        '{"_class_name": "AutoencoderKL", "scaling_factor": ' + "9" * 5000 + "}",
        '{"_class_name": ["AutoencoderKL"]}',
        " " * (folder.LARGEST_CONFIG + 1) + "{}",
    ],
    ids=["empty", "null", "list", "word", "deep lists", "deep objects", "5000 digits", "listed class", "large"],
)
def test_what_is_no_configuration_is_refused(broken: Path, text: str):
    (broken / folder.CONFIG).write_text(text)
    assert "theirs" in refusal(broken)


@pytest.mark.parametrize(
    "changes",
    [
        {"scaling_factor": [1, 2]},
        {"scaling_factor": "one"},
        {"scaling_factor": 0},
        {"scaling_factor": -1.0},
        {"scaling_factor": True},
        {"scaling_factor": float("nan")},
        {"scaling_factor": float("inf")},
        {"scaling_factor": 1e-300},
        {"shift_factor": "none"},
        {"shift_factor": {}},
        {"latents_mean": "0", "latents_std": "1"},
        {"latents_mean": [0, 0, 0, 0]},
        {"latents_mean": [0, 0, 0, 0], "latents_std": ["a", "b", "c", "d"]},
        {"latents_mean": [0, 0, 0, 0], "latents_std": [1, 1, 1, 0]},
        {"latents_mean": [0, 0, 0], "latents_std": [1, 1, 1]},
        {"latents_mean": 3, "latents_std": 3},
        {"layers_per_block": 10**9},
        {"layers_per_block": "many"},
        {"block_out_channels": [8] * 1000},
        {"block_out_channels": [2**40] * 3},
        {"block_out_channels": [2**16] * 3},
        {"block_out_channels": [8, 8, 8.5]},
        {"block_out_channels": []},
        {"block_out_channels": None},
        {"latent_channels": -4},
        {"norm_num_groups": 0},
        {"act_fn": "no such function"},
        {"down_block_types": ["DownEncoderBlock2D"] * 10},
        {"up_block_types": [[[]]]},
    ],
    ids=str,
)
def test_an_impossible_configuration_is_refused(broken: Path, changes: dict):
    configure(broken, **changes)
    assert "theirs" in refusal(broken)


def test_nothing_large_is_built(broken: Path, monkeypatch: pytest.MonkeyPatch):
    configure(broken, block_out_channels=[2**15] * 3)
    monkeypatch.setattr("diffusers.AutoencoderKL.from_pretrained", lambda *_, **__: pytest.fail("it was built"))
    assert "million parameters" in refusal(broken)


def test_weights_are_finite_floating_point_numbers_that_fit(broken: Path):
    reweigh(broken, lambda tensor: tensor * float("nan"))
    assert "finite" in refusal(broken)
    reweigh(broken, lambda tensor: torch.zeros_like(tensor, dtype=torch.int8))
    assert "floating-point" in refusal(broken)
    reweigh(broken, lambda tensor: torch.zeros(3))
    assert "do not fit" in refusal(broken)
    (broken / folder.WEIGHTS).write_bytes((2**60).to_bytes(8, "little"))
    assert "damaged" in refusal(broken)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (KL, {"x": deep([])}),
        (KL, {"get": 1}),
        (KL, {"stride": "many"}),
        (KL, {"stride": [8]}),
        (KL, {"down_block_types": ["DownBlock2D"] * 3}),
        ("AutoencoderTiny", {"block_out_channels": 7}),
        ("AutoencoderDC", {"get": 1}),
        ("AutoencoderKLFlux2", {"batch_norm_eps": "x"}),
        ("AutoencoderKLFlux2", {"batch_norm_eps": None}),
    ],
    ids=lambda each: str(each)[:40],
)
def test_whatever_else_a_configuration_says_is_harmless_or_refused(kind: str, changes: dict, tmp_path: Path):
    small_models.make(kind, tmp_path)
    configure(tmp_path, **changes)
    with contextlib.suppress(ModelUnavailable):
        checkpoint.from_folder(tmp_path, "theirs")


def test_weights_in_several_files_are_not_read(broken: Path):
    (broken / f"{folder.WEIGHTS}.index.json").write_text('{"metadata": {}, "weight_map": {"a": "other.safetensors"}}')
    assert "several files" in refusal(broken)


@pytest.mark.parametrize("name", [folder.CONFIG, folder.WEIGHTS])
def test_a_named_pipe_does_not_block(broken: Path, name: str):
    (broken / name).unlink()
    os.mkfifo(broken / name)
    assert "theirs" in refusal(broken)


def test_seeded_mutations_raise_nothing_else(broken: Path):
    random = np.random.default_rng(0)
    text = (broken / folder.CONFIG).read_bytes()
    for _ in range(60):
        data = bytearray(text)
        for at in random.integers(0, len(data), 3):
            data[at : at + 1] = (b"9", b"[", b'"', b"-", b"e9", b"null", b"")[random.integers(7)]
        (broken / folder.CONFIG).write_bytes(data)
        with contextlib.suppress(ModelUnavailable):
            checkpoint.from_folder(broken, "theirs")


def test_the_command_line_leaves_with_status_3(broken: Path, rgba_png: Path):
    configure(broken, scaling_factor=[1, 2])
    result = CliRunner().invoke(app, ["trace", str(rgba_png), "--autoencoder", str(broken), "--json"])
    assert result.exit_code == 3
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
