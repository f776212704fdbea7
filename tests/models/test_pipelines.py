"""Full-size models, by tiny ones of the same classes and layout on a local Hub, loaded by the real code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from typer.testing import CliRunner

from tests import pipelines
from tests.conftest import ROOT
from tracer import api
from tracer.cli import app
from tracer.evidence.regeneration import ranking
from tracer.image import intake
from tracer.models import cache, device, generators, prompt_filter, registry, selection
from tracer.models import hub as hub_files
from tracer.models import pipelines as fullsize
from tracer.models.errors import ModelUnavailable
from tracer.reports import availability
from tracer.verdict.wording import sentence

FOX = ROOT / "examples" / "fox-by-mini-kl-noto.png"
LARGE = [name for name, row in registry.GENERATORS.items() if not row.bundled]
run = CliRunner()


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Folders of tiny pipelines by registry id, made when they are asked for."""
    found: dict[str, tuple[Path, ...]] = {}

    def folders(name: str) -> tuple[Path, ...]:
        if name not in found:
            torch.manual_seed(0)
            found[name] = tuple(make(tmp_path_factory.mktemp(name) / "it") for make in pipelines.MADE[name])
        return found[name]

    return folders


@pytest.fixture(scope="session")
def readers(tmp_path_factory):
    """Folders of a tiny captioner and a tiny encoder."""
    folder = tmp_path_factory.mktemp("readers")
    return pipelines.captioner(folder / "blip"), pipelines.encoder(folder / "clip")


@pytest.fixture
def hub(local_hub, monkeypatch):
    """The local Hub; rows draw small pictures in few steps."""
    for name in LARGE:
        row = registry.GENERATORS[name]
        monkeypatch.setitem(registry.GENERATORS, name, replace(row, side=64, steps=2, parameters=0.1))
    monkeypatch.setattr(ranking, "_large", type(ranking._large)())
    return local_hub


def publish(hub, made, name: str) -> registry.Generator:
    row = registry.generator(name)
    for part, folder in zip(row.repositories, made(name), strict=True):
        hub.add(part.source, folder)
    return row


def publish_readers(hub, readers) -> None:
    captioner, encoder = readers
    hub.add(registry.READERS["blip-base"].repository.source, captioner)
    hub.add(registry.READERS["vit-b-32"].repository.source, encoder)


# Drawing


@pytest.mark.parametrize("name", LARGE)
def test_every_full_size_row_draws_through_the_real_loading_code(name, hub, made):
    row = publish(hub, made, name)
    first, second = generators.generate(name, "a fox", [1, 2])
    assert first.shape == (row.side, row.side, 3) and first.dtype == np.uint8
    assert (first != second).any()
    fullsize.release()
    before = len(hub.downloads())
    again = next(generators.generate(name, "a fox", [1]))
    np.testing.assert_array_equal(first, again)
    assert len(hub.downloads()) == before, "what is cached is not fetched again"
    read = {path.name for path in Path(constants.HF_HUB_CACHE).rglob("*.safetensors")}
    assert read and all(hub_files.cached(part) for part in row.repositories)


def test_a_gated_repository_says_what_to_do(hub, made):
    row = publish(hub, made, "sd-turbo")
    hub.faults.gated.add(row.repositories[0].source)
    with pytest.raises(ModelUnavailable, match=r"gated; accept its licence at .*hf auth login") as failure:
        next(generators.generate("sd-turbo", "a fox", [1]))
    assert failure.value.kind == "gated"
    found = availability.check_generators([row])[0]
    assert (found.status, found.reason) == ("gated", str(failure.value))


def test_pickles_are_refused_and_not_even_fetched(hub, made):
    row = publish(hub, made, "sd-turbo")
    commits = hub.repositories[row.repositories[0].source]
    files = next(iter(commits.values()))
    files["unet/diffusion_pytorch_model.bin"] = files.pop("unet/diffusion_pytorch_model.safetensors")
    with pytest.raises(ModelUnavailable, match="unet only as pickles"):
        next(generators.generate("sd-turbo", "a fox", [1]))
    assert not hub.downloads()


def test_weights_in_16_bit_are_preferred_and_nothing_superfluous_is_fetched(hub, made):
    names = [
        "model_index.json",
        "README.md",
        "flax_model.msgpack",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "unet/code.py",
        "vae/config.json",
        *(f"{part}/config.json" for part in ("text_encoder", "unet")),
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model-00001-of-00002.safetensors",
        "text_encoder/model-00002-of-00002.safetensors",
        "text_encoder/model.safetensors.index.json",
    ]
    wanted = selection.needed(registry.generator("sd-turbo").repositories[0], names)
    assert set(wanted) == set(names) - {
        "README.md",
        "flax_model.msgpack",
        "unet/code.py",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
    }


def test_missing_weights_are_not_made_up(hub, made):
    from safetensors.torch import load, save

    row = publish(hub, made, "sd-turbo")
    files = next(iter(hub.repositories[row.repositories[0].source].values()))
    tensors = load(files["unet/diffusion_pytorch_model.safetensors"])
    tensors.pop("conv_in.weight")
    files["unet/diffusion_pytorch_model.safetensors"] = save(tensors, {"format": "pt"})
    with pytest.raises(ModelUnavailable, match="incomplete"):
        next(generators.generate("sd-turbo", "a fox", [1]))


def test_another_pipeline_than_the_rows_is_refused(hub, made):
    row = registry.generator("sdxl-turbo")
    for folder in made("sd-turbo"):
        hub.add(row.repositories[0].source, folder)
    with pytest.raises(ModelUnavailable):
        next(generators.generate("sdxl-turbo", "a fox", [1]))


def test_what_is_blocked_is_not_drawn_by_full_size_models_either(hub):
    with pytest.raises(prompt_filter.Blocked):
        generators.generate("sd-turbo", "a naked child", [0])
    assert not hub.asked


# Comparing


def test_full_size_models_are_ranked_by_readers_from_the_hub_and_nothing_is_decided(hub, made, readers):
    publish(hub, made, "sd-turbo")
    publish_readers(hub, readers)
    events = list(api.regenerate_stream(FOX, generators=["sd-turbo", "mini-kl-noto"], candidates=2))
    result = events[-1]
    assert [row.candidates for row in result.ranking] == [2, 2]
    assert {row.p_value for row in result.ranking} == {None}
    assert result.caption.startswith("fox") and result.inferred
    assert (result.verdict.kind, result.models) == (
        "undecided",
        {"captioner": "blip-base", "encoder": "vit-b-32"},
    )
    assert "sd-turbo is not calibrated here" in sentence(result.verdict)
    assert any(isinstance(each, api.Loading) and each.total for each in events), "the download is told"
    assert cache.MODELS.peek(("pipelines", "sd-turbo")) is None, "gigabytes are not kept after a run"


def test_what_the_safety_checker_flags_is_withheld_and_not_scored(hub, readers, tmp_path):
    row = registry.generator("sd15")
    torch.manual_seed(0)
    hub.add(row.repositories[0].source, pipelines.stable_diffusion(tmp_path / "strict", threshold=-2.0))
    publish_readers(hub, readers)
    events = list(api.regenerate_stream(FOX, generators=["sd15", "mini-kl-noto"], candidates=2, caption="a fox"))
    assert [each.generator for each in events if isinstance(each, ranking.Withheld)] == ["sd15"] * 2
    result = events[-1]
    assert [each.generator for each in result.ranking] == ["mini-kl-noto"]
    assert result.document()["withheld"] == {"sd15": 2}
    assert result.verdict.kind == "undecided" and not result.verdict.stopped
    alone = api.regenerate(FOX, generators=["sd15"], candidates=1, caption="a fox")
    assert (alone.verdict.kind, alone.ranking) == ("undecided", ())


def test_a_model_that_loses_its_safety_checker_does_not_draw(hub, made):
    row = publish(hub, made, "sd15")
    commits = hub.repositories[row.repositories[0].source]
    files = next(iter(commits.values()))
    index = json.loads(files["model_index.json"])
    files["model_index.json"] = json.dumps({**index, "safety_checker": [None, None]}).encode()
    with pytest.raises(ModelUnavailable):
        next(generators.generate("sd15", "a fox", [1]))


def test_a_model_that_cannot_be_had_is_named_and_the_others_draw(hub, made, readers):
    publish(hub, made, "sd-turbo")
    publish_readers(hub, readers)
    hub.faults.gone.add(registry.generator("sdxl-turbo").repositories[0].source)
    result = api.regenerate(FOX, generators=["sdxl-turbo", "sd-turbo"], candidates=1, caption="a fox", fused=True)
    assert [row.generator for row in result.ranking] == ["sd-turbo"]
    assert "gone" in result.unavailable["sdxl-turbo"]
    assert result.inversion.kind == "insufficient" and "not calibrated here" in sentence(result.verdict)


def test_a_captioner_without_safetensors_is_replaced(hub, made, readers):
    captioner, encoder = readers
    publish(hub, made, "sd-turbo")
    hub.add(registry.READERS["vit-b-32"].repository.source, encoder)
    for name in ("blip-base", "blip-large"):
        hub.add(registry.READERS[name].repository.source, captioner)
    files = next(iter(hub.repositories[registry.READERS["blip-base"].repository.source].values()))
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    result = api.regenerate(FOX, generators=["sd-turbo"], candidates=1)
    assert result.models["captioner"] == "blip-large"


def test_a_captioner_without_words_is_one_sentence(hub, made, readers, tmp_path):
    publish(hub, made, "sd-turbo")
    publish_readers(hub, readers)
    silent = pipelines.captioner(tmp_path / "silent", pipelines.WORDS.index("<|endoftext|>"))
    hub.add(registry.READERS["blip-base"].repository.source, silent)
    with pytest.raises(intake.IntakeError, match="no words"):
        api.regenerate(FOX, generators=["sd-turbo"], candidates=1)


def test_stop_ends_a_drawing_between_its_steps(hub, made, readers):
    publish(hub, made, "sd-turbo")
    publish_readers(hub, readers)
    told = []
    stream = api.regenerate_stream(
        FOX, generators=["sd-turbo"], candidates=1, caption="a fox", stop=lambda: "Captioned" in told
    )
    for result in stream:
        told.append(type(result).__name__)
    assert result.verdict.stopped
    assert not ranking._large


# Time


def test_what_cannot_finish_is_refused_in_one_sentence_before_anything_is_fetched(hub, monkeypatch):
    monkeypatch.setattr(device, "speed", lambda: 1e9)
    result = run.invoke(app, ["regenerate", str(FOX), "--generator", "sd-turbo", "--budget", "60"])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    estimate = ranking.span(ranking.seconds(["sd-turbo"], ranking.CANDIDATES))
    assert estimate in line and ranking.span(60) in line
    assert not hub.asked


def test_the_command_says_how_long_it_will_take(monkeypatch):
    monkeypatch.setattr(device, "speed", lambda: 1e10)
    command = ["regenerate", str(FOX), "--candidates", "1", "--caption", "red apple", "--generator", "mini-kl-noto"]
    result = run.invoke(app, command)
    assert result.exit_code == 0
    assert ranking.span(ranking.seconds(["mini-kl-noto"], 1)) in result.stderr


def test_estimates_follow_the_number_of_drawings(monkeypatch):
    monkeypatch.setattr(device, "speed", lambda: 1e11)
    one, four = (ranking.seconds(["sd-turbo"], count) for count in (1, 4))
    assert four == pytest.approx(4 * one)
    assert one == pytest.approx(registry.generator("sd-turbo").work * 10)


def test_a_model_too_large_for_this_machine_is_not_fetched(local_hub, monkeypatch):
    monkeypatch.setenv("LATENT_LINEUP_MEMORY", "1")
    with pytest.raises(ModelUnavailable, match=r"SD-Turbo takes 5\.2 GB"):
        next(generators.generate("sd-turbo", "a fox", [1]))
    assert not local_hub.asked


# The registry


def test_pins_are_those_of_the_same_lock_file(hub, made, tmp_path, monkeypatch):
    path = tmp_path / "hub.lock.json"
    path.write_text("{}")
    monkeypatch.setattr(hub_files, "LOCK", path)
    row = publish(hub, made, "sd-turbo")
    part = row.repositories[0]
    commit = hub_files.pin([part])["sd-turbo"]
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "model_index.json").write_text("{}")
    hub.add(part.source, tmp_path / "newer")
    assert hub_files.fetch(part).commit == commit == hub_files.revision(part)


def test_rows_are_told_apart_by_id_and_name_a_family():
    ids = [part.id for name in LARGE for part in registry.generator(name).repositories]
    ids += [row.repository.id for row in registry.READERS.values()]
    assert len(set(ids)) == len(ids) and not set(ids) & set(registry.FAMILIES)
    for name in LARGE:
        row = registry.generator(name)
        assert registry.family(row.family).lineup == "full"
        assert row.megabytes == pytest.approx(2 * row.parameters, rel=0.01), "in 16 bit"
        assert row.work > row.evaluations * row.step_work > 0


@pytest.mark.parametrize("name", LARGE)
def test_the_work_of_a_step_is_that_of_the_published_shape(name):
    assert pipelines.step_work(name) == pytest.approx(registry.generator(name).step_work, abs=0.001)
