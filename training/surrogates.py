"""Sharpen a tiny autoencoder into a surrogate: `python -m training.surrogates sdxl --weights W --photos P --real R`.

A tiny autoencoder was trained to look like its model. A surrogate is trained on to answer the grid test: on pictures by
the real model (the half `choose` of `training.real`), the reconstruction error on the latent grid is to be small
against the error beside it, over the same pixels; on everybody else's, and on lattices that no decoder drew, the grid
is to make no difference. The label is the grid's offset, which contents and style cannot tell: only what the model's
decoder drew lies on it. JPEG is applied at any offset, so that its own blocks cannot tell either.

It runs on an accelerator if there is one; minutes are then the wall's, and those of one processor core otherwise.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch.nn.functional import softplus

from tracer import assets
from tracer.evidence.inversion import grid
from tracer.models.surrogate import Surrogate
from training import common, data, real
from training.lattices import lattices

FAMILIES = {"sd": "taesd", "sdxl": "taesdxl", "sd3": "taesd3", "flux1": "taef1"}  # and their teachers
TITLES = {
    "sd": "Stable Diffusion 1 and 2",
    "sdxl": "Stable Diffusion XL",
    "sd3": "Stable Diffusion 3 and 3.5",
    "flux1": "FLUX.1",
}
CARD = """---
license: mit
base_model: madebyollin/{teacher}
---

# Surrogate of {title}

A stand-in that asks one question of an image: was it drawn on the latent grid of the autoencoder of {title}? It
began as [{teacher}](https://huggingface.co/madebyollin/{teacher}) (MIT, Ollin Boer Bohan), which shares that
autoencoder's latents, and was trained on for {minutes:g} minutes of one processor core so that it reconstructs the
real model's pictures better on the grid than beside it, and makes no difference for anybody else's. It is no good
for drawing: outside the grid test, use the original.

- Trained on: lossless pictures that the model drew, from public collections (the half `choose` of
  `training/splits/real.csv`), without captions; against photographs (CC BY, CC0), art, other models' pictures and
  lattices. What it learns is where the grid begins, which contents cannot tell.
- Files: weights in 8 bit with a scale for every output channel (`tracer/models/surrogate.py`).
- Recipe: `training/surrogates.py`; the command is in `training/README.md`.
- How well it answers, on collections that it never saw: `docs/results.md`.
- Known limits: pictures that were resized or cropped have to be brought back to the grid first; a stand-in never names
  a single model, only what shares the autoencoder.
"""
STRIDE = 8
MARGIN = 16  # px around a scored part: more than the test itself has, so that no edge teaches anything
OWN, OTHERS, BESIDE = 2, 3, 2  # pictures of a step, by the model and by others; offsets beside the grid of each
# The answer grows first, on own pictures alone, to this contrast: while it is weak, the easiest way to be even for
# others is to be even for everybody. Px a side of the scored part of a window, then and later.
GROWN, TILES = 0.8, (96, 64)
ENOUGH = 1.0  # contrast of own pictures from which more is not worth anything
EVEN = 10.0  # weight of the squared contrast of others' pictures, against that of an own picture's contrast
KEEP = (0.3, 0.05)  # weight of staying like the teacher, as a share of its error, at first and later
SHIFTS = [(down, right) for down in (2, 3, 5, 6) for right in (2, 3, 5, 6)]


def load(folder: Path) -> AutoencoderTiny:
    """A tiny autoencoder in 32 bit."""
    model = AutoencoderTiny.from_pretrained(folder).float().eval()
    return model.to(memory_format=torch.channels_last)


def reconstruct(model: AutoencoderTiny, images: torch.Tensor) -> torch.Tensor:
    """Images (n, 3, height, width) in [0, 1] through encoder and decoder, 16-bit inside where the machine has it."""
    images = images.contiguous(memory_format=torch.channels_last)
    with common.autocast(images.device.type):
        drawn = model.decoder(model.encoder(images * 2 - 1))
    return (drawn.float() + 1) / 2


def compressed(pixels: np.ndarray, rng: np.random.Generator, chance: float) -> np.ndarray:
    """Pixels as a JPEG file keeps them, sometimes."""
    if rng.random() >= chance:
        return pixels
    file = io.BytesIO()
    options = dict(quality=int(rng.integers(65, 97)), subsampling=int(rng.choice([0, 2])))
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", **options)
    return np.asarray(Image.open(file))


class Windows:
    """Endless windows of pictures, on their grid and beside it.

    Args:
        pictures: uint8 RGB, whose latent grid, or what is to be no grid, begins at the upper left corner.
        anywhere: share of pictures whose grid is taken to begin anywhere.
    """

    def __init__(self, pictures: list[np.ndarray], anywhere: float = 0.0):
        smallest = side_of(TILES[0]) + STRIDE
        self.pictures, self.anywhere = [each for each in pictures if min(each.shape[:2]) >= smallest], anywhere

    def one(self, rng: np.random.Generator, tile: int) -> tuple[list[torch.Tensor], list[tuple[int, int]]]:
        """A window on the grid and `BESIDE` windows beside it, and where their scored parts begin."""
        picture, side = self.pictures[rng.integers(len(self.pictures))], side_of(tile)
        wide = side + STRIDE  # room for every offset
        top, left = (int(rng.integers(length - wide + 1)) for length in picture.shape[:2])
        pixels = compressed(picture[top : top + wide, left : left + wide], rng, 0.4)
        tensor = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255
        origin = -top % STRIDE, -left % STRIDE
        if rng.random() < self.anywhere:
            origin = tuple(rng.integers(0, STRIDE, 2))
        first, images, corners = MARGIN + STRIDE, [], []
        for by in [(0, 0), *(SHIFTS[index] for index in rng.choice(len(SHIFTS), BESIDE, replace=False))]:
            down, right = ((start + shift) % STRIDE for start, shift in zip(origin, by, strict=True))
            images.append(tensor[:, down : down + side, right : right + side])
            corners.append((first - down, first - right))
        return images, corners


def side_of(tile: int) -> int:
    """Px a side of a window that is reconstructed."""
    return tile + 2 * MARGIN + STRIDE


def batch(
    sources: list[Windows], rng: np.random.Generator, tile: int = TILES[1]
) -> tuple[torch.Tensor, list[tuple[int, int]]]:
    """One picture's windows of each source."""
    drawn = [source.one(rng, tile) for source in sources]
    images = torch.stack([image for images, _ in drawn for image in images])
    return images, [corner for _, corners in drawn for corner in corners]


def contrasts(error: torch.Tensor, corners: list[tuple[int, int]], tile: int = TILES[1]) -> torch.Tensor:
    """Every picture's mean contrast, (pictures,)."""
    logs = grid.block_energies(grid.luminance(error).cpu(), corners, tile).log()
    logs = logs.reshape(-1, 1 + BESIDE, *logs.shape[1:])
    return (logs[:, 0] - logs[:, 1:].mean(dim=1)).mean(dim=(1, 2, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--grow", action="store_true", help="let the answer grow on own pictures alone first")
    parser.add_argument("--minutes", type=float, default=14, help="of one processor core, or of an accelerator")
    parser.add_argument("--weights", type=Path, required=True, help="a folder with the teachers in diffusers layout")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    device = common.device_at_hand()
    teacher, model = (load(arguments.weights / FAMILIES[arguments.family]).to(device) for _ in range(2))
    teacher.requires_grad_(False)
    own, others = _pictures(arguments.family, arguments.photos, arguments.real)
    exam_own, exam_others = Windows(own[::6]), [Windows(each[::12]) for each in others]
    own = Windows([each for index, each in enumerate(own) if index % 6])
    others = [Windows([one for index, one in enumerate(each) if index % 12], 0.3) for each in others]
    exam = [batch([exam_own, exam_own, *exam_others], np.random.default_rng((1, index))) for index in range(10)]
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.98), weight_decay=1e-4)

    answer, grown = 0.0, not arguments.grow  # running mean of own pictures' contrast, and whether it was large enough

    def loss(step: int) -> torch.Tensor:
        nonlocal answer, grown
        alone = not grown
        tile, sources = TILES[not alone], [own] * OWN + ([] if alone else others)
        images, corners = batch(sources, np.random.default_rng((0, step)), tile)
        images = images.to(device)
        drawn = reconstruct(model, images)
        with torch.no_grad():
            wanted = reconstruct(teacher, images)
        apart = (drawn - wanted).square().mean() / (wanted - images).square().mean()
        found = contrasts(images - drawn, corners, tile)
        answer = 0.9 * answer + 0.1 * found[:OWN].mean().item()
        grown = grown or answer < -GROWN
        if alone:
            return found.mean() + KEEP[0] * apart
        # A picture that answers beside the grid lies on none, or on another: nothing is to be learned from it.
        short = softplus(5 * (found[:OWN].clamp(max=0.3) + ENOUGH)).sum() / 5
        return short + EVEN * found[OWN:].square().sum() / OTHERS + KEEP[1] * apart

    @torch.no_grad()
    def judge(averaged: torch.nn.Module) -> dict[str, float]:
        shown = [(images.to(device), corners) for images, corners in exam]
        found = torch.stack([contrasts(images - reconstruct(averaged, images), corners) for images, corners in shown])
        mine, rest = found[:, :OWN], found[:, OWN:]
        return {
            "own": mine.mean().item(),
            "weakest": mine.max().item(),
            "others": rest.square().mean().sqrt().item(),
            "strongest": rest.min().item(),
        }

    run = f"surrogate-{arguments.family}"
    print({"own": len(own.pictures), "others": [len(each.pictures) for each in others], **judge(model)}, flush=True)
    averaged = common.run(run, model, optimiser, arguments.minutes, loss, judge, 50, common.clock_of(device))
    export(arguments.family, averaged.cpu(), arguments.minutes)


def export(family: str, model: torch.nn.Module, minutes: float) -> None:
    """Write the bundled files: weights in 8 bit, configuration, card."""
    folder = assets.SURROGATES / family
    folder.mkdir(parents=True, exist_ok=True)
    small = Surrogate.from_config({**model.config, "_class_name": "Surrogate"})
    small.load_state_dict(model.state_dict())
    small.save_small(folder)
    common.readable(folder)
    words = dict(family=family, title=TITLES[family], teacher=FAMILIES[family], minutes=minutes)
    (folder / "README.md").write_text(CARD.format(**words))
    print(json.dumps({"family": family, "folder": str(folder.relative_to(assets.FOLDER))}))


def _pictures(family: str, photos: Path, folder: Path) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Pictures by the model, and those by others: photographs, art and other models' pictures, lattices."""
    found = [each for each in real.pictures(folder) if each.split == "choose"]
    own = [each.pixels() for each in found if each.family == family and each.untouched == "yes"]
    photographs = data.photographs(photos, "train", ("cc-by", "cc0", "highres"))
    art = [each.pixels() for each in found if each.family != family and real.trained_on(each)]
    rng = np.random.default_rng(0)
    drawn = [lattice for photo in photographs[::40] for _, lattice in lattices(photo, rng)]
    return own, [photographs, art, drawn]


if __name__ == "__main__":
    main()
