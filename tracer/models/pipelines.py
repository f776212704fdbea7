"""Drawing with full-size models from the Hub, by diffusers' own pipelines and with their safety checkers.

Every part is loaded by its own class, so that missing weights are noticed: a pipeline loaded whole would fill them with
random numbers. One model at a time is kept in memory, in 32 bit on a processor and in 16 bit on an accelerator.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tracer.models import cache, device, hub, selection
from tracer.models.checkpoint import quiet
from tracer.models.errors import ModelUnavailable
from tracer.models.registry import Generator, Repository


class Withheld(RuntimeError):
    """The pipeline's safety checker withheld a drawing."""


class Stopped(RuntimeError):
    """A drawing was stopped between two of its steps."""


def check(row: Generator) -> None:
    """Whether a model can be had on this machine, before anything is downloaded.

    Raises:
        ModelUnavailable: it is too large, or there is no accelerator outside of calls that were made for it.
    """
    if device.zero_gpu():
        raise ModelUnavailable(f"{row.title} does not draw on ZeroGPU, whose calls are too short for it", "memory")
    device.check_fits(row, spare=cache.MODELS.held())


def release() -> None:
    """Let go of the model in memory; its drawings are kept elsewhere."""
    cache.MODELS.drop("pipelines")


def load(row: Generator) -> tuple[Any, ...]:
    """A model's pipelines: downloaded and read on first use, and kept until another one is asked for.

    Raises:
        ModelUnavailable: its files cannot be had, are damaged, or are too large for this machine.
    """
    key = ("pipelines", row.id)
    if (found := cache.MODELS.peek(key)) is not None:
        return found
    check(row)
    folders = [hub.fetch(part).folder for part in row.repositories]
    release()  # an accelerator has room for one, whatever the memory beside it
    return cache.MODELS.get(key, lambda: _read(row, folders), device.bytes_of(row))


def _read(row: Generator, folders: list[Path]) -> tuple[Any, ...]:
    loaded = tuple(_pipeline(row, part, folder) for part, folder in zip(row.repositories, folders, strict=True))
    if row.checked and loaded[0].safety_checker is None:
        raise ModelUnavailable(f"{row.title} was published with a safety checker, which is not there", "damaged")
    return loaded


def draw(row: Generator, prompt: str, seed: int, stop: Callable[[], bool] = lambda: False) -> np.ndarray:
    """One drawing, uint8 RGB (side, side, 3). On one machine, a seed gives the same one again.

    Args:
        row: the model.
        prompt: what to draw.
        seed: of the noise, which is made on the processor wherever the model runs.
        stop: asked between two steps.

    Raises:
        Withheld: the pipeline's safety checker does not show it.
        Stopped: it was stopped.
        ModelUnavailable: as `load`.
    """
    import torch

    def step(pipeline: Any, number: int, time: Any, values: dict) -> dict:
        if stop():
            raise Stopped
        return values

    pipelines = load(row)
    noise = torch.Generator().manual_seed(seed)
    options: dict[str, Any] = dict(
        height=row.side,
        width=row.side,
        num_inference_steps=row.steps,
        guidance_scale=row.guidance,
        generator=noise,
        output_type="np",
        callback_on_step_end=step,
    )
    kind = row.repositories[0].kind
    with torch.inference_mode(), quiet():
        if kind == "KandinskyV22Pipeline":
            decoder, prior = pipelines
            thought = prior(prompt, guidance_scale=1.0, generator=noise)
            embeddings = dict(image_embeds=thought.image_embeds, negative_image_embeds=thought.negative_image_embeds)
            made = decoder(**embeddings, **options)
        elif kind == "SanaSprintPipeline":  # it would snap the size to its own table of them
            made = pipelines[0](prompt, use_resolution_binning=False, **options)
        else:
            made = pipelines[0](prompt, **options)
    if any(getattr(made, "nsfw_content_detected", None) or ()):
        raise Withheld(f"the safety checker of {row.title} withheld a drawing")
    return (made.images[0] * 255).round().astype(np.uint8)


def _pipeline(row: Generator, part: Repository, folder: Path) -> Any:
    import diffusers

    try:
        with hub.mending(part), quiet():
            return _assembled(part, folder, row.half).to(device.device())
    except ModelUnavailable:
        raise
    except Exception as error:  # diffusers, transformers, safetensors, tokenizers and json each raise their own kinds
        what = f"the files of {part.title} do not fit each other, or not diffusers {diffusers.__version__}"
        raise ModelUnavailable(what, "damaged") from error


def _assembled(part: Repository, folder: Path, half: str) -> Any:
    """The pipeline of a folder, of the class that the row names, from the parts that the row names."""
    import diffusers

    described = json.loads((folder / selection.INDEX).read_text())
    if described.get("_class_name") != part.kind:
        found = str(described.get("_class_name"))[:40]
        raise ModelUnavailable(f"{part.source} holds a {found} instead of a {part.kind}", "damaged")
    kind = getattr(diffusers, part.kind)
    given: dict[str, Any] = {}
    for name in inspect.signature(kind.__init__).parameters:
        value = described.get(name)
        if name in part.folders:
            given[name] = _component(part, folder / name, *value, half)
        elif isinstance(value, (bool, int, float, str)):  # such as what an empty prompt means to SDXL
            given[name] = value
        elif isinstance(value, list):  # a part that the row does not name, such as one for image prompts
            given[name] = None
    pipeline = kind(**given)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _component(part: Repository, folder: Path, library: str, kind: str, half: str) -> Any:
    """One part: a network with all of its weights, or a tokenizer, scheduler or image processor."""
    import diffusers
    import torch
    import transformers
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

    if folder.name.startswith("tokenizer"):
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if folder.name in ("feature_extractor", "image_processor"):
        return transformers.CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
    libraries = {"diffusers": diffusers, "transformers": transformers}
    found = getattr(libraries.get(library), kind, None)
    if (library, kind) == ("stable_diffusion", StableDiffusionSafetyChecker.__name__):
        found = StableDiffusionSafetyChecker
    if folder.name == "scheduler" and found and issubclass(found, diffusers.SchedulerMixin):
        return found.from_pretrained(folder, local_files_only=True)
    if not (found and issubclass(found, (diffusers.ModelMixin, transformers.PreTrainedModel))):
        raise ModelUnavailable(
            f"{part.source} has a {folder.name} of an unknown kind, {library}.{kind}"[:200], "damaged"
        )
    dtype = torch.float32 if device.device() == "cpu" else getattr(torch, half)
    short = {path.name for path in folder.iterdir()}
    variant = selection.HALF if any(f".{selection.HALF}" in name for name in short) else None
    options: dict[str, Any] = dict(local_files_only=True, use_safetensors=True, dtype=dtype, variant=variant)
    if issubclass(found, diffusers.ModelMixin):
        options["low_cpu_mem_usage"] = False  # which would need another library
    model, report = found.from_pretrained(folder, output_loading_info=True, **options)
    if report["missing_keys"] or report["mismatched_keys"]:
        raise ModelUnavailable(f"the weights of {part.title} ({folder.name}) are incomplete", "damaged")
    return model.eval().requires_grad_(False)
