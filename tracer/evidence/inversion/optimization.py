"""LatentTracer's descent (arXiv 2405.13360, section 3): can the decoder be made to draw the image?

The latent starts at the encoder's, or at noise, and Adam descends on the mean squared error of the decoded image. What
a decoder made, it can make again; but so it nearly can whatever is smooth, and the raw loss mostly measures how busy an
image is. A second descent therefore runs beside the latent grid, on the same pixels: for what the decoder drew the two
curves part, for anything else they stay together.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from tracer.evidence.inversion import grid
from tracer.evidence.inversion.settings import PAPER, Settings
from tracer.image.windows import Box, windows
from tracer.models.autoencoder import Autoencoder, as_pixels, as_tensor
from tracer.models.progress import SILENT, Progress


@dataclass(frozen=True)
class Step:
    """The state after one step.

    Attributes:
        index: gradient steps taken so far; 0 is the start.
        of: how many there will be.
        loss: mean squared error of images in [0, 1], over the scored pixels.
        best: the smallest loss so far: LatentTracer's score.
        on: the loss over those pixels that the control scores too.
        beside: the loss of the control over the same pixels; NaN where the image is too small for one.
        seconds: time since the descent began.
        original, decoded: the first tile and what the decoder draws of it, uint8 RGB (height, width, 3).
    """

    index: int
    of: int
    loss: float
    best: float
    on: float
    beside: float
    seconds: float
    original: np.ndarray
    decoded: np.ndarray


class _Descent:
    """One descent on some parts of an image of equal size.

    Args:
        targets: float (n, 3, height, width) in [0, 1].
        autoencoder: the inspected model.
        settings: how.
        weight: (n, 1, height, width), whose weighted sum of squares is the loss.
    """

    def __init__(self, targets: torch.Tensor, autoencoder: Autoencoder, settings: Settings, weight: torch.Tensor):
        self.targets, self.autoencoder, self.settings, self.weight = targets, autoencoder, settings, weight
        self.piece = 1 if autoencoder.large else len(targets)
        with torch.no_grad():
            latents = torch.cat([autoencoder.encode(part) for part in targets.split(self.piece)])
        if settings.start == "random":
            generator = torch.Generator().manual_seed(settings.seed)
            latents = torch.randn(latents.shape, generator=generator).to(latents.device)
        self.latents = latents.detach().clone().requires_grad_()
        self.optimiser = torch.optim.Adam([self.latents], lr=settings.rate)

    def decode(self, descend: bool) -> torch.Tensor:
        """What the decoder draws now; with `descend`, its loss's gradient is left in the latents."""
        self.optimiser.zero_grad()
        decoded = []
        parts = zip(*(each.split(self.piece) for each in (self.latents, self.targets, self.weight)), strict=True)
        for latent, target, weight in parts:
            with torch.set_grad_enabled(descend):
                part = self.autoencoder.decode(latent)
                part = part.clamp(0, 1) if self.settings.clamp else part
                if descend:
                    ((part - target).square() * weight).sum().backward()
            decoded.append(part.detach())
        return torch.cat(decoded)

    def step(self, index: int) -> None:
        """Take the step whose gradient `decode` left."""
        self.optimiser.step()
        if self.settings.schedule == "reference" and index % 50 == 0:
            for group in self.optimiser.param_groups:
                group["lr"] /= 2


def invert(
    pixels: np.ndarray,
    autoencoder: Autoencoder,
    settings: Settings = PAPER,
    progress: Progress = SILENT,
    control: bool = True,
) -> Step:
    """Descend on one image, and beside its grid, and return the last step.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size; never resized.
        autoencoder: the inspected model.
        settings: how.
        progress: told every `Step`, the start included; asked after each whether to stop.
        control: whether the second descent runs; it takes as long as the first.
    """
    began, stride = time.perf_counter(), autoencoder.stride
    parts = windows(pixels, stride, settings.whole, settings.tile, settings.margin, settings.tiles)
    boxes = [part.box for part in parts]
    scored = [part.scored for part in parts]
    down, right = grid.controls(stride)[-1]
    shifted = [(box[0] + down, box[1] + right, box[2] + down - stride, box[3] + right - stride) for box in boxes]
    # What both score lies inside both, a cell away from where the frame cuts through what the decoder drew.
    both = [_inside(box, part, stride) for box, part in zip(shifted, scored, strict=True)]
    room = min(min(box[2] - box[0], box[3] - box[1]) for box in both)
    paths = [_descent(pixels, boxes, scored, autoencoder, settings)]
    if control and room >= stride:
        paths.append(_descent(pixels, shifted, both, autoencoder, settings))
    common = _mask(boxes, both, paths[0].weight) if room >= stride else paths[0].weight
    top, left, bottom, end = (scored[0][side] - boxes[0][side % 2] for side in range(4))
    best = float("inf")
    for index in range(settings.steps + 1):
        decoded = [path.decode(descend=index < settings.steps) for path in paths]
        errors = [(image - path.targets).square() for image, path in zip(decoded, paths, strict=True)]
        loss = float((errors[0] * paths[0].weight).sum())
        best = min(best, loss)
        beside = float((errors[1] * paths[1].weight).sum()) if len(paths) > 1 else float("nan")
        step = Step(
            index=index,
            of=settings.steps,
            loss=loss,
            best=best,
            on=float((errors[0] * common).sum()),
            beside=beside,
            seconds=time.perf_counter() - began,
            original=as_pixels(paths[0].targets[:1])[0][top:bottom, left:end],
            decoded=as_pixels(decoded[0][:1])[0][top:bottom, left:end],
        )
        progress.emit(step)
        if index == settings.steps or progress.stop():
            return step
        for path in paths:
            path.step(index)
    raise AssertionError("unreachable")


def _descent(
    pixels: np.ndarray, boxes: list[Box], scored: list[Box], autoencoder: Autoencoder, settings: Settings
) -> _Descent:
    targets = torch.stack([as_tensor(pixels[box[0] : box[2], box[1] : box[3]]) for box in boxes])
    targets = targets.to(autoencoder.device)
    weight = _mask(boxes, scored, torch.zeros(len(boxes), 1, *targets.shape[-2:], device=targets.device))
    return _Descent(targets, autoencoder, settings, weight)


def _mask(boxes: list[Box], scored: list[Box], like: torch.Tensor) -> torch.Tensor:
    """Weights that make a weighted sum over three channels the mean over the scored pixels."""
    weight = torch.zeros_like(like)
    for index, (box, inner) in enumerate(zip(boxes, scored, strict=True)):
        weight[index, :, inner[0] - box[0] : inner[2] - box[0], inner[1] - box[1] : inner[3] - box[1]] = 1
    return weight / (3 * weight.sum())


def _inside(box: Box, scored: Box, stride: int) -> Box:
    """The part of what is scored that lies at least a cell inside a box."""
    top, left = (max(scored[side], box[side] + stride) for side in (0, 1))
    bottom, right = (min(scored[side], box[side] - stride) for side in (2, 3))
    return top, left, bottom, right
