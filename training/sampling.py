"""Drawing with the minis' generators: a caption and a seed in, an image out.

Each generator is a small text-conditioned U-Net over its family's latents, trained by flow matching, sampled with
classifier-free guidance in twenty Euler steps.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tracer import lineup, weights
from tracer.autoencoder import Autoencoder
from tracer.inversion import as_pixels
from training.generator import GENERATORS, MINIS

STEPS = 20
GUIDANCE = 3.0


@dataclass(frozen=True)
class Generator:
    """A loaded generator.

    Attributes:
        autoencoder: its family's.
        unet, text_encoder, tokenizer: diffusers' and transformers' models.
        mean, deviation: per-channel statistics of the latents that the U-Net works on, (1, channels, 1, 1).
        prompts: the captions it has learnt.
    """

    autoencoder: Autoencoder
    unet: torch.nn.Module
    text_encoder: torch.nn.Module
    tokenizer: object
    mean: torch.Tensor
    deviation: torch.Tensor
    prompts: tuple[str, ...]

    def embed(self, prompts: list[str]) -> torch.Tensor:
        """Text embeddings of captions, (n, tokens, width)."""
        length = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(prompts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        return self.text_encoder(tokens["input_ids"]).last_hidden_state


def folder_of(name: str) -> Path:
    """The folder that `training.generator` exports a generator to."""
    return MINIS / GENERATORS[name].family / name


@functools.lru_cache(maxsize=8)
def load(name: str) -> Generator:
    """A bundled generator, loaded once.

    Raises:
        KeyError: there is no recipe of that name.
    """
    from diffusers import UNet2DConditionModel
    from transformers import AutoTokenizer, CLIPTextModel

    folder = folder_of(name)
    about = json.loads((folder / "generator.json").read_text())
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False, torch_dtype=torch.float32)
    text = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    return Generator(
        autoencoder=weights.load(lineup.family(about["family"])),
        unet=unet.eval().requires_grad_(False),
        text_encoder=text.eval().requires_grad_(False),
        tokenizer=AutoTokenizer.from_pretrained(folder / "tokenizer"),
        mean=torch.tensor(about["latents_mean"]).view(1, -1, 1, 1),
        deviation=torch.tensor(about["latents_std"]).view(1, -1, 1, 1),
        prompts=tuple(about["prompts"]),
    )


@torch.no_grad()
def generate(
    generator: Generator, prompt: str, seeds: list[int], steps: int = STEPS, guidance: float = GUIDANCE
) -> Iterator[np.ndarray]:
    """Draw a caption once per seed; the same seed gives the same image, whatever stands beside it.

    Yields:
        uint8 RGB images (height, width, 3).
    """
    side, channels = generator.unet.config.sample_size, generator.unet.config.in_channels
    hidden = generator.embed([prompt, ""])
    times = torch.linspace(1, 0, steps + 1)
    for seed in seeds:
        latents = torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(seed))
        for now, after in itertools.pairwise(times):
            asked, unasked = generator.unet(latents.repeat(2, 1, 1, 1), now * 1000, hidden).sample.chunk(2)
            # Flow matching: the velocity points from the image to the noise, so time runs from 1 down to 0.
            latents = latents + (after - now) * (unasked + guidance * (asked - unasked))
        decoded = generator.autoencoder.decode(latents * generator.deviation + generator.mean)
        yield as_pixels(decoded)[0]
