"""Sharpen a tiny autoencoder into a surrogate: `python -m training.surrogates sdxl --weights W --photos P --real R`.

A tiny autoencoder was trained to look like its model. A surrogate is trained on to answer the grid test: on pictures by
the real model (the half `choose` of `training.real`), the reconstruction error on the latent grid is to be small against
the error beside it, over the same pixels. The label is the grid's offset, which contents and style cannot tell: only
what the model's decoder drew lies on it. JPEG is applied off the grid, so that its own blocks cannot tell either. On all
other pictures, and of these too, the reconstruction is to stay what the teacher's is.
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

from tracer.evidence.inversion import grid
from training import common, data, real

FAMILIES = {"sd": "taesd", "sdxl": "taesdxl", "sd3": "taesd3", "flux1": "taef1"}  # and their teachers
TILE, STRIDE = 96, 8
SIDE = TILE + 2 * grid.MARGINS[0] + STRIDE  # of a crop that is reconstructed
PICTURES, BESIDE = 2, 2  # pictures of a step; offsets beside the grid
KEEP = 0.3  # weight of staying like the teacher, as a share of its error


def load(folder: Path) -> AutoencoderTiny:
    """A tiny autoencoder in 32 bit."""
    model = AutoencoderTiny.from_pretrained(folder).float().eval()
    return model.to(memory_format=torch.channels_last)


def reconstruct(model: AutoencoderTiny, images: torch.Tensor) -> torch.Tensor:
    """Images (n, 3, height, width) in [0, 1] through encoder and decoder, 16-bit inside where the CPU has it."""
    images = images.contiguous(memory_format=torch.channels_last)
    with common.autocast():
        drawn = model.decoder(model.encoder(images * 2 - 1))
    return (drawn.float() + 1) / 2


class Crops:
    """Endless windows of pictures whose latent grid begins at their upper left corner."""

    def __init__(self, pictures: list[np.ndarray]):
        self.pictures = [each for each in pictures if min(each.shape[:2]) >= SIDE + 2 * STRIDE]

    def one(self, rng: np.random.Generator) -> tuple[torch.Tensor, int, int]:
        """A window with room for every offset, (3, SIDE + STRIDE, SIDE + STRIDE), and where its grid begins."""
        picture = self.pictures[rng.integers(len(self.pictures))]
        wide = SIDE + 2 * STRIDE
        top, left = (int(rng.integers(length - wide + 1)) for length in picture.shape[:2])
        pixels = picture[top : top + wide, left : left + wide]
        if rng.random() < 0.4:
            file = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=int(rng.integers(70, 96)))
            pixels = np.asarray(Image.open(file))
        tensor = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255
        return tensor, -top % STRIDE, -left % STRIDE


def windows(crops: Crops, rng: np.random.Generator) -> tuple[torch.Tensor, list[tuple[int, int]]]:
    """A step's windows: of every picture one on the grid and `BESIDE` beside it, and where their scored parts begin."""
    images, corners = [], []
    shifts = [(down, right) for down in (2, 3, 5, 6) for right in (2, 3, 5, 6)]
    for _ in range(PICTURES):
        tensor, down, right = crops.one(rng)
        first = 2 * STRIDE + grid.MARGINS[0] - STRIDE
        for index in [None, *rng.choice(len(shifts), BESIDE, replace=False)]:
            by = (0, 0) if index is None else shifts[index]
            top, left = (down + by[0]) % STRIDE, (right + by[1]) % STRIDE
            images.append(tensor[:, top : top + SIDE, left : left + SIDE])
            corners.append((first - top + STRIDE, first - left + STRIDE))
    return torch.stack(images), [(top - STRIDE, left - STRIDE) for top, left in corners]


def contrast(error: torch.Tensor, corners: list[tuple[int, int]]) -> torch.Tensor:
    """Mean contrast of every picture's blocks, (PICTURES, bands, rows, columns)."""
    logs = grid.block_energies(grid.luminance(error), corners, TILE).log()
    logs = logs.reshape(PICTURES, 1 + BESIDE, *logs.shape[1:])
    return logs[:, 0] - logs[:, 1:].mean(dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--minutes", type=float, default=12, help="processor minutes of one core")
    parser.add_argument("--weights", type=Path, required=True, help="a folder with the teachers in diffusers layout")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    teacher, model = (load(arguments.weights / FAMILIES[arguments.family]) for _ in range(2))
    teacher.requires_grad_(False)
    model.register_to_config(teacher=f"madebyollin/{FAMILIES[arguments.family]}")
    pictures = real.pictures(arguments.real)
    own = [
        each.pixels()
        for each in pictures
        if each.family == arguments.family and each.split == "choose" and each.untouched == "yes"
    ]
    held, crops = own[::6], Crops([each for index, each in enumerate(own) if index % 6])
    exam = [windows(Crops(held), np.random.default_rng((1, index))) for index in range(12)]
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.98), weight_decay=1e-4)

    def loss(step: int) -> torch.Tensor:
        images, corners = windows(crops, np.random.default_rng((0, step)))
        drawn = reconstruct(model, images)
        with torch.no_grad():
            wanted = reconstruct(teacher, images)
        apart = (drawn - wanted).square().mean() / (wanted - images).square().mean()
        return contrast(images - drawn, corners).mean() + KEEP * apart

    @torch.no_grad()
    def judge(averaged: torch.nn.Module) -> dict[str, float]:
        found = torch.stack([contrast(images - reconstruct(averaged, images), corners) for images, corners in exam])
        per = found.mean(dim=(-1, -2)).flatten(0, 1)
        return {"held_out": found.mean().item(), "fine": per[:, 0].mean().item(), "middle": per[:, 1].mean().item()}

    run = f"surrogate-{arguments.family}"
    print({"pictures": len(own), "held": len(held), **judge(model)}, flush=True)
    averaged = common.run(run, model, optimiser, arguments.minutes, loss, judge, every=50)
    folder = common.RUNS / run / "vae"
    averaged.half().save_pretrained(folder)
    common.readable(folder)
    print(json.dumps({"family": arguments.family, "folder": str(folder)}))


if __name__ == "__main__":
    main()
