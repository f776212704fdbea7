"""Evidence 1, latent inversion: can this decoder reproduce the image?

LatentTracer (arXiv 2405.13360) starts at the encoder's latent and descends on the reconstruction loss; what a decoder
made, it can make again. The raw loss mostly measures how busy a picture is, so the fast mode divides it by the loss of
a second reconstruction (the double reconstruction of AEDR, arXiv 2507.18988), which is what this very picture costs
once the decoder has made it. The ratio is near 1 for a belonging image before any step is taken.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch

from tracer.autoencoder import Autoencoder
from tracer.calibration import Calibration, versions
from tracer.evidence import Evidence
from tracer.tiles import windows

CHECKPOINTS = (0, 1, 2, 4, 8)


@dataclass(frozen=True)
class Settings:
    """How an inversion runs. A threshold is only valid for the settings it was calibrated with.

    Attributes:
        mode: "fast" scores the relative loss, "paper" the raw loss.
        steps: gradient steps at most.
        rate: Adam's learning rate on latents of about unit variance.
        schedule: "constant", or "reference": the rate is halved after every step whose index is a multiple of 50,
            index 0 included, as the reference implementation does.
        start: "encoder" (posterior mean) or "random" (standard normal).
        clamp: whether the decoded image is clamped inside the graph, as the reference does.
        whole: largest side in pixels up to which an image is read whole; larger ones are read on tiles.
        tile: side in pixels of a tile's scored part.
        margin: pixels around a tile that are decoded with it but not scored, since a tile cannot know what lay there.
        tiles: number of tiles, those with the most detail.
        seed: seed of the random start.
    """

    mode: Literal["fast", "paper"] = "fast"
    steps: int = 16
    rate: float = 0.05
    schedule: Literal["constant", "reference"] = "constant"
    start: Literal["encoder", "random"] = "encoder"
    clamp: bool = False
    whole: int = 384
    tile: int = 128
    margin: int = 32
    tiles: int = 4
    seed: int = 0

    def record(self) -> dict[str, object]:
        """What is stored beside a threshold and compared before it is used."""
        return asdict(self)


FAST = Settings()
PAPER = Settings(mode="paper", steps=100, schedule="reference", clamp=True)
MODES = {"fast": FAST, "paper": PAPER}


@dataclass(frozen=True)
class Step:
    """The state after one step.

    Attributes:
        index: gradient steps taken so far; 0 is the start.
        loss: mean squared error of images in [0, 1], over the scored pixels.
        best: the smallest loss so far.
        relative: `best` over the loss of the second reconstruction (`second`).
        second: loss of reconstructing the reconstruction.
        seconds: time since the inversion began.
        decoded: what the decoder drew, float (n, 3, height, width), not clamped; see `reconstruction`.
    """

    index: int
    loss: float
    best: float
    relative: float
    second: float
    seconds: float
    decoded: torch.Tensor

    def score(self, mode: str) -> float:
        """The number that a threshold is compared with."""
        return self.best if mode == "paper" else self.relative

    def reconstruction(self) -> np.ndarray:
        """The decoded image, or the first tile of it: uint8 RGB (height, width, 3)."""
        return as_pixels(self.decoded[:1])[0]


def invert(pixels: np.ndarray, autoencoder: Autoencoder, settings: Settings = FAST) -> Iterator[Step]:
    """Invert the decoder on one image and yield every step, the start included.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size; never resized.
        autoencoder: the inspected model.
        settings: how.

    Yields:
        `settings.steps` + 1 steps. Closing the generator at any point leaves the steps so far valid.
    """
    began = time.perf_counter()
    parts = windows(pixels, autoencoder.stride, settings.whole, settings.tile, settings.margin, settings.tiles)
    target = torch.stack([_tensor(pixels[_slices(part.box)]) for part in parts]).to(autoencoder.device)
    weight = torch.zeros(len(parts), 1, *target.shape[-2:], device=target.device)
    for index, part in enumerate(parts):
        top, left = part.box[:2]
        weight[index, :, part.scored[0] - top : part.scored[2] - top, part.scored[1] - left : part.scored[3] - left] = 1
    weight = weight / (3 * weight.sum())

    def loss_between(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return ((first - second).square() * weight).sum()

    with torch.no_grad():
        latents = autoencoder.encode(target)
        once = autoencoder.decode(latents)
        saved = as_pixels(once)  # what a belonging image is: the decoder's output as a file keeps it
        saved = torch.stack([_tensor(image) for image in saved]).to(target.device)
        second = loss_between(autoencoder.decode(autoencoder.encode(saved)), saved).item()
    if settings.start == "random":
        generator = torch.Generator().manual_seed(settings.seed)
        latents = torch.randn(latents.shape, generator=generator).to(target.device)
    latents = latents.detach().clone().requires_grad_(True)
    optimiser = torch.optim.Adam([latents], lr=settings.rate)
    best = float("inf")
    for index in range(settings.steps + 1):
        decoded = autoencoder.decode(latents)
        if settings.clamp:
            decoded = decoded.clamp(0, 1)
        loss = loss_between(decoded, target)
        value = loss.item()
        best = min(best, value)
        # A perfectly flat picture can have a second loss of zero; one grey level's rounding noise is the floor.
        relative = best / max(second, 1 / (12 * 255**2))
        yield Step(index, value, best, relative, second, time.perf_counter() - began, decoded.detach())
        if index == settings.steps:
            return
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if settings.schedule == "reference" and index % 50 == 0:
            for group in optimiser.param_groups:
                group["lr"] /= 2


def checkpoints(settings: Settings) -> tuple[int, ...]:
    """The steps at which a score is compared with its threshold: in paper mode only the last one."""
    if settings.mode == "paper":
        return (settings.steps,)
    return (*(index for index in CHECKPOINTS if index < settings.steps), settings.steps)


def inspect(
    pixels: np.ndarray,
    autoencoder: Autoencoder,
    calibration: Calibration,
    settings: Settings = FAST,
    stop: Callable[[], bool] = lambda: False,
    watch: bool = False,
) -> Generator[Step, None, Evidence]:
    """Invert until the calibrated scores decide whether the image belongs; yield the steps, return the evidence.

    Args:
        pixels: uint8 RGB (height, width, 3).
        autoencoder: the inspected model.
        calibration: belonging scores for these weights and settings.
        settings: how to invert.
        stop: asked after every step; once True, what there is so far is returned, undecided and marked as stopped.
        watch: go on to the last step, for a reader to see; the evidence stays that of the deciding step.

    Yields:
        Every step that was needed; with `watch`, all of them.

    Returns:
        The evidence (the value of a `yield from`).
    """
    belongs, stopped, places = None, False, checkpoints(settings)
    decided_at, deciding = places[0], None
    for step in invert(pixels, autoencoder, settings):
        yield step
        if step.index in places and deciding is None:
            decided_at = step.index
            belongs = calibration.decide(step.score(settings.mode), step.index)
            if belongs is not None:
                deciding = step
                if not watch:
                    break
        if stopped := stop():
            break
    step = deciding or step
    score = step.score(settings.mode)
    return Evidence(
        family=autoencoder.family,
        method="inversion",
        mode=settings.mode,
        score=score,
        threshold=calibration.conformal(decided_at),
        p_value=calibration.p_value(score, decided_at),
        belongs=belongs,
        steps=step.index,
        seconds=round(step.seconds, 3),
        revision=autoencoder.revision,
        dtype=str(autoencoder.dtype).removeprefix("torch."),
        calibrated_on=calibration.count,
        stopped=stopped and belongs is None,
    )


def scores(pixels: np.ndarray, autoencoder: Autoencoder, settings: Settings) -> tuple[float, ...]:
    """Scores of one image at the checkpoints, run to the end: what calibration stores for a belonging image."""
    places = checkpoints(settings)
    steps = [step for step in invert(pixels, autoencoder, settings) if step.index in places]
    return tuple(float(f"{step.score(settings.mode):.5g}") for step in steps)


def calibration_of(
    autoencoder: Autoencoder,
    settings: Settings,
    rows: list[tuple[float, ...]],
    images: str,
    condition: str = "lossless",
) -> Calibration:
    """Today's calibration from belonging images' scores.

    Args:
        autoencoder: the inspected model.
        settings: the settings that the scores were taken with.
        rows: `scores` of each image.
        images: in words, which images they are.
        condition: what was done to them before they were scored.

    Raises:
        ValueError: fewer than 3 images.
    """
    if len(rows) < 3:
        raise ValueError(f"a threshold needs at least 3 belonging images, not {len(rows)}")
    return Calibration(
        family=autoencoder.family,
        revision=autoencoder.revision,
        settings=settings.record(),
        checkpoints=checkpoints(settings),
        scores=tuple(rows),
        images=images,
        date=datetime.date.today().isoformat(),
        versions=versions(),
        condition=condition,
    )


def reconstructions(autoencoder: Autoencoder, photographs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Belonging images without a generator: photographs once through the autoencoder."""
    for photograph in photographs:
        yield reconstruct(photograph, autoencoder)


def reconstruct(pixels: np.ndarray, autoencoder: Autoencoder) -> np.ndarray:
    """The image once through the autoencoder, as a file would keep it: uint8 RGB, cut to the latent grid."""
    height, width = (length // autoencoder.stride * autoencoder.stride for length in pixels.shape[:2])
    with torch.no_grad():
        decoded = autoencoder.decode(autoencoder.encode(_tensor(pixels[:height, :width])[None]))
    return as_pixels(decoded)[0]


def as_pixels(images: torch.Tensor) -> np.ndarray:
    """Float images (n, 3, height, width) to uint8 (n, height, width, 3): clamped to [0, 1] and rounded."""
    return (images.detach().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def _tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)


def _slices(box: tuple[int, int, int, int]) -> tuple[slice, slice]:
    return slice(box[0], box[2]), slice(box[1], box[3])
