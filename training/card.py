"""Measure a bundled autoencoder and write its model card: `python -m training.card mini-kl --images DIR`.

`DIR` is what `python -m training.images` wrote. The figures are those of the 16-bit weights in the package.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from tracer.image import samples
from tracer.models import autoencoder, cache, registry
from training import data
from training.autoencoder import FAMILIES
from training.common import RUNS

CARD = """---
license: apache-2.0
library_name: diffusers
tags: [latent-lineup, miniature]
---

# {family}

A miniature `{kind}` for seeing latent inversion work: total stride {stride}, {channels} latent channels,
{parameters:.2f} million parameters. It is built like the autoencoders of {stands_for} and was trained by Latent Lineup,
from scratch, on a CPU. It is not for making, editing or compressing pictures of any value, and evidence about it says
nothing about the models it is built like.

| figure (`python -m training.card {family} --images IMAGES`) | value |
|---|---|
| reconstruction of {photographs} test photographs, 128 px, mean PSNR | {psnr_photographs:.1f} dB |
| reconstruction of {drawings} held-out drawings, 128 px, mean PSNR | {psnr_drawings:.1f} dB |
| training | {steps} steps, {minutes:.0f} minutes of one core, {optimiser}, batches of {batch} crops of {side} px |
| weights | 16-bit safetensors; revision (configuration and weights together) `{revision}` |

## Data

- 60 % of 1,000 photographs from Flickr under CC BY 2.0 and 350 camera pictures under CC0;
  `training/splits/photographs.csv` lists every one with its author, source and split.
- Nine tenths of the emoji drawings of Fluent Emoji and Fluent Emoji Flat (Microsoft, MIT), Noto Emoji (Google,
  Apache-2.0), Twemoji (Twitter and contributors, CC BY 4.0) and EmojiOne 2.3 (EmojiOne, CC BY 4.0), rendered at 128 px
  on plain backgrounds; `training/splits/drawings_held_out.csv` lists what was held out.

## Recipe

`python -m training.autoencoder {family} --minutes {minutes:.0f} --photos PHOTOS`. Loss: mean absolute plus four times
mean squared error of images in [0, 1], and a very small regulariser of the latents; no perceptual or adversarial term.
The published weights are an exponential average over steps.{aside}
"""

# What the recipe as it stands does not say about the published weights.
ASIDES = {
    "mini-movq": " In the first 16 minutes a quarter of the batches was quantised, with a commitment loss; the recipe"
    " no longer does that. The codebook holds the k-means centres of latents and was fitted after the training;"
    " decoding leaves it out, as Kandinsky's pipelines do.",
}


def psnr(model, images: list[np.ndarray]) -> float:
    """Mean peak signal-to-noise ratio in dB of 8-bit reconstructions."""
    values = []
    for image in images:
        error = (autoencoder.reconstruct(image, model).astype(float) - image) / 255
        values.append(-10 * np.log10((error**2).mean()))
    return float(np.mean(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=sorted(FAMILIES))
    parser.add_argument("--images", type=Path, required=True, help="the folder that training.images wrote")
    arguments = parser.parse_args()
    row, recipe = registry.family(arguments.family), FAMILIES[arguments.family]
    model = cache.load(row)
    photographs = list(samples.pictures(arguments.images / "test", 200))
    drawings = list(samples.pictures(arguments.images / "test-drawings", 100))
    log = [json.loads(line) for line in (RUNS / row.id / "log.jsonl").read_text().splitlines()]
    card = CARD.format(
        family=row.id,
        kind=row.kind,
        stride=model.stride,
        channels=row.latent_channels,
        parameters=sum(p.numel() for p in model.model.parameters()) / 1e6,
        stands_for=row.stands_for,
        photographs=len(photographs),
        drawings=len(drawings),
        psnr_photographs=psnr(model, photographs),
        psnr_drawings=psnr(model, drawings),
        steps=log[-1]["step"],
        minutes=log[-1]["minutes"],
        optimiser={"adamw": "AdamW", "muon": "Muon"}[recipe.optimiser],
        batch=recipe.batch,
        side=recipe.side,
        revision=model.revision,
        aside=ASIDES.get(row.id, ""),
    )
    (data.HERE.parent / "tracer" / "assets" / "minis" / row.id / "README.md").write_text(card)
    print(card)


if __name__ == "__main__":
    main()
