"""Distil a tiny autoencoder into a surrogate: `python -m training.surrogates taesd --weights W --photos P --real R`.

The teacher reconstructs random crops of photographs, drawings and generators' pictures (the half `choose` of
`training.real`), a third of which it has drawn itself, shifted off its grid. The surrogate learns the teacher's
features at a quarter of the resolution, its latents and, above all, its reconstruction: what counts is the part of
the teacher's reconstruction error, in fine and middle detail, that the surrogate predicts.
"""

from __future__ import annotations

import argparse
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch.nn import functional

from tracer.models.surrogate import Surrogate
from training import common, data, real

FAMILIES = {"sd": "taesd", "sdxl": "taesdxl", "sd3": "taesd3", "flux1": "taef1"}  # and their teachers
SIDE, FRESH, OLD, POOL = 128, 4, 8, 3000  # crop side; crops of a batch that are new, and that were seen; crops kept
BANDS = ((1, 3), (3, 9))  # differences of box means that are scored: fine and middle detail


def start(teacher: AutoencoderTiny, name: str, images: torch.Tensor) -> Surrogate:
    """A surrogate with the teacher's blocks, whose other layers are fitted to the teacher's features by least squares.

    Each stage loses a block, and those at full resolution go altogether. What follows is a convolution, so that the best
    one has a closed form: from the surrogate's features before it to the teacher's after it, one stage after another.

    Args:
        teacher: a tiny autoencoder.
        name: its name on the Hub.
        images: crops (n, 3, side, side) in [0, 1] to fit on.
    """
    model = Surrogate(latent_channels=teacher.config["latent_channels"], teacher=f"madebyollin/{name}").eval()
    encoder, decoder = teacher.encoder.layers, teacher.decoder.layers
    sizes = [(model.encoder_outer, 2, encoder[3:]), (model.encoder_inner, 0, encoder[7:])]
    sizes += [(model.encoder_inner, 3, encoder[11:]), (model.decoder_inner, 2, decoder[2:])]
    sizes += [(model.decoder_inner, 6, decoder[7:]), (model.decoder_outer, 2, decoder[12:])]
    for mine, place, theirs in sizes:
        for index in range(2):
            mine[place + index].load_state_dict(theirs[index].state_dict())
    model.decoder_inner[0].load_state_dict(decoder[0].state_dict())
    with torch.no_grad():
        half = encoder[:3](images)
        quarter = encoder[3:7](half)
        eighth = encoder[7:11](quarter)
        latents = encoder[11:](eighth)
        up = decoder[:7](torch.tanh(latents / 3) * 3)
        wide = decoder[7:12](up)
        drawn = functional.pixel_unshuffle(decoder[12:](wide), 2)
        found = fitted(model.encoder_outer[1], model.encoder_outer[0](images), half)
        found = fitted(model.encoder_outer[4], model.encoder_outer[2:4](found), quarter)
        found = fitted(model.encoder_inner[2], model.encoder_inner[:2](found), eighth)
        found = fitted(model.encoder_inner[5], model.encoder_inner[3:5](found), latents)
        found = model.decoder_inner[:5](torch.tanh(found / 3) * 3)
        found = fitted(model.decoder_inner[5], found, up)
        found = model.decoder_outer[0](model.decoder_inner[6:](found))
        found = fitted(model.decoder_outer[1], found, wide)
        fitted(model.decoder_outer[4], model.decoder_outer[2:4](found), drawn)
    return model


def fitted(layer: torch.nn.Conv2d, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Set a 3 x 3 convolution to the ridge regression of `targets` on `inputs`; return what it makes of them."""
    square = cross = 0
    for each, target in zip(inputs.split(1), targets.split(1), strict=True):
        patches = functional.unfold(each, 3, padding=1, stride=layer.stride)[0].T.double()
        patches = torch.cat([patches, torch.ones(len(patches), 1, dtype=torch.double)], 1)
        square, cross = square + patches.T @ patches, cross + patches.T @ target[0].flatten(1).T.double()
    ridge = 1e-4 * square.diagonal().mean() * torch.eye(len(square), dtype=torch.double)
    weights = torch.linalg.solve(square + ridge, cross).T.float()
    layer.weight.copy_(weights[:, :-1].reshape(layer.weight.shape))
    layer.bias.copy_(weights[:, -1])
    return layer(inputs)


def band(images: torch.Tensor, inner: int, outer: int) -> torch.Tensor:
    """A band of detail: the mean over `inner` px squares less that over `outer` px squares."""

    def mean(side: int) -> torch.Tensor:
        return functional.avg_pool2d(images, side, 1, side // 2, count_include_pad=False) if side > 1 else images

    return mean(inner) - mean(outer)


@dataclass
class Lesson:
    """Crops (n, 3, side, side) in [0, 1], and what the teacher makes of them."""

    images: torch.Tensor
    features: torch.Tensor
    latents: torch.Tensor
    inner: torch.Tensor
    reconstructed: torch.Tensor

    def take(self, places: torch.Tensor) -> Lesson:
        return Lesson(*(each[places].float() for each in vars(self).values()))


class Lessons:
    """Endless crops with the teacher's answers, of which the last `POOL` are kept to be seen again."""

    def __init__(self, teacher: AutoencoderTiny, images: list[np.ndarray], seed: int):
        self.teacher, self.images, self.seed = teacher, images, seed
        self.weights = np.array([min(image.shape[0] * image.shape[1], 512**2) for image in images], float)
        self.weights /= self.weights.sum()
        self.pool: Lesson | None = None

    def crop(self, rng: np.random.Generator, side: int) -> np.ndarray:
        image = self.images[rng.choice(len(self.images), p=self.weights)]
        if rng.random() < 0.3:
            scale = rng.uniform(max((side + 1) / min(image.shape[:2]), 0.4), 1.0)
            size = [max(round(length * scale), side) for length in image.shape[1::-1]]
            image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
        top, left = (rng.integers(length - side + 1) for length in image.shape[:2])
        return image[top : top + side, left : left + side]

    @torch.no_grad()
    def one(self, rng: np.random.Generator) -> torch.Tensor:
        """One crop, as it is or as the teacher draws it, on its grid or beside it, sometimes saved as JPEG."""
        if rng.random() < 0.35:
            wide = torch.from_numpy(np.array(self.crop(rng, SIDE + 32))).permute(2, 0, 1)[None].float() / 255
            with common.autocast():
                drawn = self.teacher.decoder(self.teacher.encoder(wide * 2 - 1)).float()
            drawn = ((drawn + 1) * 127.5).clamp(0, 255).round().byte()
            top, left = rng.integers(0, 32, 2) if rng.random() < 0.7 else (16, 16)
            pixels = drawn[0, :, top : top + SIDE, left : left + SIDE].permute(1, 2, 0).numpy()
        else:
            pixels = self.crop(rng, SIDE)
        if rng.random() < 0.25:
            file = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=int(rng.integers(70, 97)))
            pixels = np.asarray(Image.open(file))
        return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255

    @torch.no_grad()
    def taught(self, images: torch.Tensor) -> Lesson:
        encoder, decoder = self.teacher.encoder.layers, self.teacher.decoder.layers
        with common.autocast():
            features = encoder[:7](images.contiguous(memory_format=torch.channels_last))
            latents = encoder[7:](features)
            inner = decoder[:10](torch.tanh(latents / 3) * 3)
            drawn = decoder[10:](inner)
        return Lesson(images, features.half(), latents.half(), inner.half(), drawn.half())

    def batch(self, step: int) -> Lesson:
        rng = np.random.default_rng((self.seed, step))
        fresh = self.taught(torch.stack([self.one(rng) for _ in range(FRESH)]))
        if self.pool is None:
            self.pool = fresh
            return fresh.take(torch.arange(FRESH))
        joined = [torch.cat(pair) for pair in zip(vars(self.pool).values(), vars(fresh).values(), strict=True)]
        count = len(joined[0])
        old = torch.from_numpy(rng.choice(count - FRESH, min(OLD, count - FRESH), replace=False))
        chosen = torch.cat([old, torch.arange(count - FRESH, count)])
        result = Lesson(*joined).take(chosen)
        self.pool = Lesson(*(each[-POOL:] for each in joined))
        return result


def losses(model: Surrogate, lesson: Lesson) -> dict[str, torch.Tensor]:
    """What of the teacher's answers the surrogate misses, as shares of their energy."""

    def share(mine: torch.Tensor, theirs: torch.Tensor, energy: torch.Tensor) -> torch.Tensor:
        return (mine.float() - theirs).square().mean() / energy.square().mean().clamp(min=1e-6)

    with common.autocast():
        features = model.encoder_outer(lesson.images.contiguous(memory_format=torch.channels_last))
        latents = model.encoder_inner(features)
        inner = model.decoder_inner(torch.tanh(latents / 3) * 3)
        drawn = model.decoder_outer(inner).float()
    found = {
        "features": share(features, lesson.features, lesson.features),
        "latents": share(latents, lesson.latents, lesson.latents),
        "inner": share(inner, lesson.inner, lesson.inner),
        "pixels": share(drawn, lesson.reconstructed, lesson.images - lesson.reconstructed),
    }
    residual = lesson.images - lesson.reconstructed
    for index, sides in enumerate(BANDS):
        found[f"band{index}"] = share(band(drawn, *sides), band(lesson.reconstructed, *sides), band(residual, *sides))
    return found


WEIGHTS = {"features": 0.3, "latents": 1.0, "inner": 0.3, "pixels": 0.3, "band0": 1.0, "band1": 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--minutes", type=float, default=25, help="processor minutes of one core")
    parser.add_argument("--weights", type=Path, required=True, help="a folder with the teachers in diffusers layout")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    name = FAMILIES[arguments.family]
    teacher = AutoencoderTiny.from_pretrained(arguments.weights / name).float().eval().requires_grad_(False)
    teacher = teacher.to(memory_format=torch.channels_last)
    images = data.photographs(arguments.photos, "train", ("cc-by", "cc0", "highres"))
    images += [each.pixels() for each in real.pictures(arguments.real) if each.split == "choose"]
    images = [image for image in images if min(image.shape[:2]) >= SIDE + 33]
    held = data.photographs(arguments.photos, "calibrate", ("cc-by", "cc0", "highres"))[::8]
    lessons, validation = Lessons(teacher, images, seed=0), Lessons(teacher, held, seed=1)
    rng = np.random.default_rng(7)
    exam = validation.taught(torch.stack([validation.one(rng) for _ in range(24)])).take(torch.arange(24))
    model = start(teacher, name, torch.stack([lessons.one(rng) for _ in range(48)])).to(memory_format=torch.channels_last)
    inner = [*model.encoder_inner.parameters(), *model.decoder_inner.parameters()]
    outer = [*model.encoder_outer.parameters(), *model.decoder_outer.parameters()]
    optimiser = torch.optim.AdamW(
        [dict(params=outer, lr=6e-4), dict(params=inner, lr=3e-4)], betas=(0.9, 0.98), weight_decay=1e-4
    )

    def loss(step: int) -> torch.Tensor:
        return sum(WEIGHTS[key] * value for key, value in losses(model, lessons.batch(step)).items())

    @torch.no_grad()
    def judge(averaged: torch.nn.Module) -> dict[str, float]:
        return {key: value.item() for key, value in losses(averaged, exam).items()}

    print({key: round(value, 4) for key, value in judge(model).items()}, flush=True)
    run = f"surrogate-{arguments.family}"
    averaged = common.run(run, model, optimiser, arguments.minutes, loss, judge, every=100)
    folder = common.RUNS / run / "vae"
    averaged.half().save_pretrained(folder)
    common.readable(folder)
    print(json.dumps({"family": arguments.family, "folder": str(folder)}))


if __name__ == "__main__":
    main()
