"""Drawing with the bundled generators."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from tracer.cli import app
from tracer.models import cache, generators, registry
from tracer.models.errors import ModelUnavailable

run = CliRunner()
NAMES = [row.id for row in registry.GENERATORS.values() if row.bundled]


@pytest.mark.parametrize("name", NAMES)
def test_a_generator_draws_on_a_plain_background_what_no_other_seed_draws(name):
    row = registry.generator(name)
    first, second = generators.generate(name, "red apple", [0, 1])
    assert first.shape == (row.side, row.side, 3)
    assert first.dtype == np.uint8
    assert np.median(first[[0, -1]]) > 220, "drawings stand on white"
    assert first.std() > 20, "and are more than white"
    assert (first != second).any()


def test_a_seed_gives_the_same_image_whatever_stands_beside_it():
    alone = next(generators.generate(NAMES[0], "snowman", [7]))
    _, beside = generators.generate(NAMES[0], "snowman", [6, 7])
    np.testing.assert_array_equal(alone, beside)


def test_the_prompt_decides_what_is_drawn():
    apple, banana = (next(generators.generate(NAMES[0], prompt, [3])) for prompt in ("red apple", "banana"))
    again = next(generators.generate(NAMES[0], "red apple", [4]))
    far = np.square(apple.astype(float) - banana).mean()
    assert np.square(apple.astype(float) - again).mean() < far


def test_packing_can_be_undone():
    latents = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    packed = generators.pack(latents, 2)
    assert packed.shape == (2, 16, 8, 8)
    assert torch.equal(generators.unpack(packed, 2), latents)
    assert generators.pack(latents, 1) is latents


def test_words_that_were_never_learned_are_named():
    pipeline = generators.load(NAMES[0])
    assert pipeline.unknown_words("Red apple, zeppelin") == [",", "zeppelin"]
    assert not pipeline.unknown_words("red apple")


def test_every_family_lists_the_generators_that_draw_with_it():
    for row in registry.families("minis"):
        assert row.members == tuple(g.id for g in registry.GENERATORS.values() if g.family == row.id)


@pytest.mark.parametrize("prompt", ["", "   ", "apple " * 100])
def test_a_prompt_that_says_nothing_or_too_much_is_refused(prompt):
    with pytest.raises(ValueError, match="prompt"):
        generators.generate(NAMES[0], prompt, [0])


def test_missing_files_are_a_readable_error(tmp_path):
    row = dataclasses.replace(registry.generator(NAMES[0]), source=tmp_path)
    with pytest.raises(ModelUnavailable, match=f"{NAMES[0]} are missing"):
        generators.read(row)


def test_the_command_writes_one_file_per_seed(tmp_path):
    arguments = ["generate", NAMES[0], "red apple", "-n", "2", "--seed", "5", "--out", str(tmp_path), "--json"]
    cache.MODELS.drop("generator")
    result = run.invoke(app, arguments)
    assert result.exit_code == 0
    assert not result.stderr, "no library's progress bars among our own lines"
    rows = json.loads(result.stdout)
    assert [row["seed"] for row in rows] == [5, 6]
    drawn = next(generators.generate(NAMES[0], "red apple", [6]))
    np.testing.assert_array_equal(np.asarray(Image.open(rows[1]["file"])), drawn)


@pytest.mark.parametrize("arguments", [["no-such-model", "red apple"], [NAMES[0], ""]])
def test_bad_usage_is_one_line(tmp_path, arguments):
    result = run.invoke(app, ["generate", *arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
