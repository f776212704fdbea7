"""Drawing: a caption and a seed in, an image out.

Full-size models from the Hub are `models.pipelines`'s; the rest of this is about the minis' generators.

Each generator is a small text-conditioned U-Net over its family's latents, trained by flow matching (Lipman et al.
2023, arXiv 2210.02747) and sampled with classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598) in twenty
Euler steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracer.models import cache, prompt_filter, registry
from tracer.models.checkpoint import quiet
from tracer.models.errors import ModelUnavailable

if TYPE_CHECKING:
    import torch

    from tracer.models.autoencoder import Autoencoder

STEPS = 20
GUIDANCE = 3.0
LONGEST_PROMPT = 200  # characters; far more than any caption, far less than a tokenizer would choke on


@dataclass(frozen=True)
class Pipeline:
    """A loaded generator.

    Attributes:
        name: the generator's id.
        autoencoder: its family's.
        unet, text_encoder, tokenizer, scheduler: diffusers' and transformers' models.
        mean, deviation: per-channel statistics of the latents, (1, channels, 1, 1).
        packing: side of the block of latent cells that the U-Net sees as one; 2 packs 2 x 2 cells into four times the
            channels, as FLUX.1 does.
        prompts: the captions it has learnt.
    """

    name: str
    autoencoder: Autoencoder
    unet: torch.nn.Module
    text_encoder: torch.nn.Module
    tokenizer: object
    scheduler: object
    mean: torch.Tensor
    deviation: torch.Tensor
    packing: int
    prompts: tuple[str, ...]

    def embed(self, prompts: Sequence[str]) -> torch.Tensor:
        """Text embeddings of captions, (n, tokens, width). Words it has never seen become [UNK]."""
        length = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(
            list(prompts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        return self.text_encoder(tokens["input_ids"]).last_hidden_state

    def unknown_words(self, prompt: str) -> list[str]:
        """The words of a caption that its text encoder has no embedding for; to it they are all the same word."""
        words = self.tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(prompt.lower())
        vocabulary = self.tokenizer.get_vocab()
        return [word for word, _ in words if word not in vocabulary]


def load(name: str) -> Pipeline:
    """A bundled generator, loaded on first use and kept while memory allows.

    Raises:
        KeyError: there is no generator of that name.
        ModelUnavailable: its files are missing or damaged.
    """
    row = registry.generator(name)
    return cache.MODELS.get(("generator", row.id), lambda: read(row))


def read(row: registry.Generator) -> Pipeline:
    """A bundled generator from its files.

    Raises:
        ModelUnavailable: they are missing or damaged, or the row is not of a bundled one.
    """
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, UNet2DConditionModel
    from transformers import AutoTokenizer, CLIPTextModel

    if not row.bundled:
        raise ModelUnavailable(f"{row.id} is not part of this package")
    folder = Path(row.source)
    autoencoder = cache.load(registry.family(row.family), "cpu")  # beside the U-Net, whatever else there is
    try:
        with quiet():
            about = json.loads((folder / "generator.json").read_text())
            offline = dict(local_files_only=True, use_safetensors=True, output_loading_info=True, dtype=torch.float32)
            unet, unet_report = UNet2DConditionModel.from_pretrained(
                folder / "unet", low_cpu_mem_usage=False, **offline
            )
            text, text_report = CLIPTextModel.from_pretrained(folder / "text_encoder", **offline)
            tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
            scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler", local_files_only=True)
    except Exception as error:  # diffusers, transformers, safetensors and json each raise their own kinds
        raise ModelUnavailable(f"the files of the generator {row.id} are missing or damaged") from error
    if any(unet_report.values()) or text_report["missing_keys"]:
        raise ModelUnavailable(f"the weights of the generator {row.id} are incomplete")
    return Pipeline(
        name=row.id,
        autoencoder=autoencoder,
        unet=unet.eval().requires_grad_(False),
        text_encoder=text.eval().requires_grad_(False),
        tokenizer=tokenizer,
        scheduler=scheduler,
        mean=torch.tensor(about["latents_mean"]).view(1, -1, 1, 1),
        deviation=torch.tensor(about["latents_std"]).view(1, -1, 1, 1),
        packing=about["packing"],
        prompts=tuple(about["prompts"]),
    )


def generate(
    name: str,
    prompt: str,
    seeds: Sequence[int],
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[np.ndarray]:
    """Draw a caption once per seed. A seed gives the same image whatever stands beside it.

    Args:
        name: id of a generator.
        prompt: what to draw, in the words of the generator's captions.
        seeds: one image each.
        steps: Euler steps from noise to latent; a full-size model has its own number.
        guidance: scale of classifier-free guidance; 1 turns it off; a full-size model has its own.
        stop: asked between the steps of a full-size model.

    Yields:
        uint8 RGB images (height, width, 3).

    Raises:
        KeyError: there is no generator of that name.
        ValueError: the prompt is empty or too long.
        Blocked: it is one that is never drawn.
        ModelUnavailable: the generator's files are missing or damaged.
        Withheld, Stopped: of a full-size model, while it draws (see `models.pipelines`).
    """
    if not prompt.strip():
        raise ValueError("the prompt is empty: say what to draw")
    if len(prompt) > LONGEST_PROMPT:
        raise ValueError(f"the prompt has {len(prompt)} characters; at most {LONGEST_PROMPT} are read")
    prompt_filter.check(prompt)
    if not (row := registry.generator(name)).bundled:
        from tracer.models import pipelines

        return (pipelines.draw(row, prompt, seed, stop) for seed in seeds)
    pipeline = load(name)
    return (_draw(pipeline, prompt, seed, steps, guidance) for seed in seeds)


def _draw(pipeline: Pipeline, prompt: str, seed: int, steps: int, guidance: float) -> np.ndarray:
    import copy

    import torch

    from tracer.models.autoencoder import as_pixels

    config = pipeline.unet.config
    with torch.inference_mode():
        hidden = pipeline.embed([prompt, ""])
        scheduler = copy.deepcopy(pipeline.scheduler)  # it counts its steps, and requests run side by side
        scheduler.set_timesteps(steps)
        noise = torch.Generator().manual_seed(seed)
        latents = torch.randn(1, config.in_channels, config.sample_size, config.sample_size, generator=noise)
        for time in scheduler.timesteps:
            asked, unasked = pipeline.unet(latents.repeat(2, 1, 1, 1), time, hidden).sample.chunk(2)
            latents = scheduler.step(unasked + guidance * (asked - unasked), time, latents).prev_sample
        latents = unpack(latents, pipeline.packing) * pipeline.deviation + pipeline.mean
        return as_pixels(pipeline.autoencoder.decode(latents))[0]


def pack(latents: torch.Tensor, block: int) -> torch.Tensor:
    """Latents (n, c, h, w) with every `block` x `block` cells as channels: (n, c * block^2, h / block, w / block)."""
    import torch

    return torch.nn.functional.pixel_unshuffle(latents, block) if block > 1 else latents


def unpack(latents: torch.Tensor, block: int) -> torch.Tensor:
    """The inverse of `pack`."""
    import torch

    return torch.nn.functional.pixel_shuffle(latents, block) if block > 1 else latents
