"""Evidence 1, latent inversion: can this decoder reproduce the image?

LatentTracer (arXiv 2405.13360) starts at the encoder's latent and descends on the reconstruction loss; what a decoder
made, it can make again. The fast mode needs no gradient: a step adds E(x) - E(D(z)) to the latent, so that it settles
where the drawn picture is encoded like the inspected one (decoder inversion without gradients, arXiv 2409.18442). For
what the decoder made, that is the latent it was made from; for anything else, the loss hardly moves.

The raw loss mostly measures how busy a picture is, and a ratio of losses still calls every blurred photograph
reproducible. The fast mode therefore looks only at fine detail (an image minus its 3 x 3 mean) and scores

    relative loss = fine loss / sqrt(second loss * detail)

where the second loss is that of reconstructing the reconstruction (double reconstruction, arXiv 2507.18988: what this
very picture costs once the decoder has made it) and detail is the energy there was to lose. A belonging image loses
little by either measure; a sharp photograph loses its detail, and a smooth one gains detail that it never had.

A file keeps a decoder's picture rounded to 8 bit and cut off at black and white, or as the nearest multiples of a JPEG
table. What that does is known, so it is no evidence (`observation.py`): the loss is the distance to the nearest picture
that would have given the same file, a step aims at that picture, detail is only what the file shows of it, and the
noise of rounding is subtracted from all three.
"""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from tracer.evidence.conditions import LOSSLESS, RESIZED
from tracer.evidence.inversion.calibration import PLAIN, Calibration
from tracer.evidence.inversion.observation import BLOCK, Lossless, Resized, fine_detail, kept, resized
from tracer.evidence.inversion.settings import FAST, MODES, PAPER, Settings, checkpoints
from tracer.evidence.store import versions
from tracer.evidence.verdict import Evidence
from tracer.image.windows import windows
from tracer.models.autoencoder import Autoencoder, as_pixels, as_tensor

__all__ = ["FAST", "MODES", "PAPER", "Settings", "Step", "checkpoints", "inspect", "invert", "scores"]

LARGE = 20_000_000  # weights from which a model's tiles are decoded one by one: their gradients would fill the memory
ROUNDING = 1 / (12 * 255**2)  # mean squared error of keeping an image in 8 bit: nothing smaller can be measured
SILENT = 2 * ROUNDING  # fine detail below which nothing in a lossless picture tells one decoder from another
# The same of a JPEG file, whose coefficients hide most of that noise; and up to where its score is compared with those
# of others' pictures that have as little detail.
FLAT, FAINT = 0.25 * ROUNDING, 2 * SILENT
GRID_STEPS = 12  # of the test on the grid: own pictures gain by every step, others' stay where they are
CELLS = 4  # latent cells a side below which a shift by one of them leaves too little to compare
LEAST = 0.01  # smallest fine loss, in units of that: a score is never 0, and has a logarithm


@dataclass(frozen=True)
class Step:
    """The state after one step.

    Attributes:
        index: steps taken so far; 0 is the start.
        loss: mean squared error of images in [0, 1], over the scored pixels.
        best: the smallest loss so far.
        fine: the smallest mean squared error of the fine detail so far, without the noise of 8-bit rounding.
        second: the same when the reconstruction is reconstructed.
        detail: mean square of the image's fine detail, without that noise, as the score takes it: at least `ROUNDING`.
        measured: the same as it was measured; 0 for a picture in one colour.
        seconds: time since the inversion began.
        decoded: what the decoder drew, float (n, 3, height, width), not clamped; see `reconstruction`.
    """

    index: int
    loss: float
    best: float
    fine: float
    second: float
    detail: float
    measured: float
    seconds: float
    decoded: torch.Tensor

    @property
    def relative(self) -> float:
        """Fine loss over the geometric mean of its two references."""
        return self.fine / math.sqrt(self.second * self.detail)

    def score(self, mode: str) -> float:
        """The number that a threshold is compared with."""
        return self.relative if mode == "fast" else self.best

    def faint(self, condition: str) -> bool:
        """Whether the image has hardly any fine detail left, under a condition with thresholds for such images."""
        return condition not in (LOSSLESS, RESIZED) and self.measured < FAINT

    def reconstruction(self) -> np.ndarray:
        """The decoded image, or the first tile of it: uint8 RGB (height, width, 3)."""
        return as_pixels(self.decoded[:1])[0]


def invert(
    pixels: np.ndarray,
    autoencoder: Autoencoder,
    settings: Settings = FAST,
    cropped: bool = False,
    table: np.ndarray | None = None,
    drawn: tuple[int, int] | None = None,
) -> Iterator[Step]:
    """Invert the decoder on one image and yield every step, the start included.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size; never resized.
        autoencoder: the inspected model.
        settings: how.
        cropped: whether more of the picture lay beyond the frame; what the frame cut through is then not scored.
        table: luminance table of the JPEG file that the image came from, 64 entries row by row; used by the schedule
            "consistent" only.
        drawn: height and width at which the decoder would have drawn the picture, multiples of its stride, where that
            was resized since; its upper left corner is looked at. Needs the schedule "consistent".

    Yields:
        `settings.steps` + 1 steps. Closing the generator at any point leaves the steps so far valid.
    """
    began = time.perf_counter()
    if drawn:
        file, scored = _resized(pixels, drawn, settings, autoencoder)
        target = file.image()
        weight = torch.zeros(1, 1, *file.target.shape[-2:], device=target.device)
        weight[..., : scored[0], : scored[1]] = 1
    else:
        table = table if settings.schedule == "consistent" else None
        grid = autoencoder.stride if table is None else math.lcm(autoencoder.stride, BLOCK)
        parts = windows(pixels, grid, settings.whole, settings.tile, settings.margin, settings.tiles, cropped)
        target = torch.stack([as_tensor(pixels[_slices(part.box)]) for part in parts]).to(autoencoder.device)
        weight = torch.zeros(len(parts), 1, *target.shape[-2:], device=target.device)
        for index, part in enumerate(parts):
            (top, left), inner = part.box[:2], part.scored
            weight[index, :, inner[0] - top : inner[2] - top, inner[1] - left : inner[3] - left] = 1
        file = kept(target, table)
    weight = weight / (3 * weight.sum())

    def mean_square(difference: torch.Tensor) -> torch.Tensor:
        return (difference.square() * weight).sum()

    def fine_loss(difference: torch.Tensor, least: float) -> float:
        """Mean square of the fine detail beyond the rounding noise, at least `least` times the usual noise."""
        return max(mean_square(fine_detail(difference)).item() - noise, least * ROUNDING)

    with torch.no_grad():
        encoded = latents = autoencoder.encode(target)
        once = autoencoder.decode(latents)
        saved = file.saved(once)  # what a belonging image is: the decoder's output as a file keeps it
        # Of the reconstruction both sides of the rounding are known, and its noise is that of a belonging image: less
        # than the usual one where pixels saturate.
        noise = mean_square(fine_detail(saved.rounding(once))).item()
        second = fine_loss(saved.difference(autoencoder.decode(autoencoder.encode(saved.image()))), 1)
        measured = fine_loss(file.energy(), 0)
        detail = max(measured, ROUNDING)
    if settings.start == "random":
        generator = torch.Generator().manual_seed(settings.seed)
        latents = torch.randn(latents.shape, generator=generator).to(target.device)
    forward = settings.schedule in ("forward", "consistent")
    latents = latents.detach().clone().requires_grad_(not forward)
    optimiser = torch.optim.Adam([latents], lr=settings.rate)
    piece = 1 if sum(each.numel() for each in autoencoder.model.parameters()) > LARGE else len(target)

    def draw(descend: bool) -> torch.Tensor:
        """Decode the latents, and leave the loss's gradient in them; the tiles of a large model one after another."""
        optimiser.zero_grad()
        drawn = []
        for latent, wanted, counted in zip(*(each.split(piece) for each in (latents, target, weight)), strict=True):
            with torch.set_grad_enabled(descend):
                part = autoencoder.decode(latent)
                part = part.clamp(0, 1) if settings.clamp else part
                if descend:
                    (kept(wanted, None).difference(part).square() * counted).sum().backward()
            drawn.append(part.detach())
        return torch.cat(drawn)

    def encode(images: torch.Tensor) -> torch.Tensor:
        return torch.cat([autoencoder.encode(part) for part in images.split(piece)])

    best = fine = float("inf")
    for index in range(settings.steps + 1):
        # Most images are decided at the start, which is decoded already and needs no graph.
        reused = index == 0 and settings.start == "encoder"
        decoded = once if reused else draw(descend=index < settings.steps and not forward)
        if settings.clamp:
            decoded = decoded.clamp(0, 1)
        difference = file.difference(decoded)
        loss = mean_square(difference).item()
        best, fine = min(best, loss), min(fine, fine_loss(difference, LEAST))
        seconds = time.perf_counter() - began
        yield Step(index, loss, best, fine, second, detail, measured, seconds, file.shown(decoded))
        began = time.perf_counter() - seconds  # others may have taken their turns
        if index == settings.steps:
            return
        if forward:
            with torch.no_grad():
                wanted = encoded if isinstance(file, Lossless) else encode(file.nearest(decoded))
                latents += settings.rate * (wanted - encode(decoded.clamp(0, 1)))
            continue
        if reused:
            draw(descend=True)
        optimiser.step()
        if settings.schedule == "reference" and index % 50 == 0:
            for group in optimiser.param_groups:
                group["lr"] /= 2


def inspect(
    pixels: np.ndarray,
    autoencoder: Autoencoder,
    calibration: Calibration,
    settings: Settings = FAST,
    stop: Callable[[], bool] = lambda: False,
    watch: bool = False,
    cropped: bool = False,
    table: np.ndarray | None = None,
    drawn: tuple[int, int] | None = None,
    rivalled: Callable[[bool | None], bool] = lambda belongs: False,
) -> Generator[Step, None, Evidence]:
    """Invert until the calibrated scores decide whether the image belongs; yield the steps, return the evidence.

    Args:
        pixels: uint8 RGB (height, width, 3).
        autoencoder: the inspected model.
        calibration: belonging scores for these weights and settings.
        settings: how to invert.
        stop: asked after every step; once True, what there is so far is returned, undecided and marked as stopped.
        watch: go on to the last step, for a reader to see; the evidence stays that of the deciding step.
        cropped, table, drawn: as `invert` takes them.
        rivalled: told the decision of every look; returns whether another family fits. If one does, this one ends open
            as soon as it has left its corridor, however narrowly (see `scheduling.Race`).

    Yields:
        Every step that was needed; with `watch`, all of them.

    Returns:
        The evidence (the value of a `yield from`).
    """
    belongs, stopped, gave_way, places, looked = None, False, False, checkpoints(settings), None
    for step in invert(pixels, autoencoder, settings, cropped, table, drawn):
        yield step
        if step.index in places and belongs is None and not gave_way:
            looked = step
            belongs = calibration.decide(step.score(settings.mode), step.index, step.faint(calibration.condition))
            # The best of many guesses has many chances to look right: the last step tells, and of sizes only plainly.
            best = calibration.inside(step.index) / PLAIN if drawn else math.inf
            if (cropped or drawn) and belongs and (step.index != places[-1] or looked.score(settings.mode) > best):
                belongs = None
            outside = looked.score(settings.mode) > calibration.corridor(looked.index)
            gave_way = rivalled(belongs) and belongs is None and outside
        if ((belongs is not None or gave_way) and not watch) or (stopped := stop()):
            break
    # Only at a checkpoint is there anything to compare a score with; a run stopped before the first has no p-value.
    last = looked or step
    score, faint = last.score(settings.mode), last.faint(calibration.condition)
    return Evidence(
        family=autoencoder.family,
        method="inversion",
        mode=settings.mode,
        score=score,
        threshold=calibration.threshold(last.index if looked else places[0], faint=faint),
        p_value=calibration.p_value(score, last.index) if looked else None,
        belongs=belongs,
        steps=last.index,
        seconds=round(last.seconds, 3),
        revision=autoencoder.revision,
        weights_digest=autoencoder.weights_digest,
        dtype=str(autoencoder.dtype).removeprefix("torch."),
        calibrated_on=calibration.count,
        condition=calibration.condition,
        detail=float(f"{last.measured:.4g}"),
        faint=faint,
        stopped=stopped and belongs is None and not gave_way,
        gave_way=gave_way,
        drawn=drawn or (0, 0),
    )


def off_grid(
    pixels: np.ndarray, autoencoder: Autoencoder, settings: Settings = FAST, stop: Callable[[], bool] = lambda: False
) -> float | None:
    """How many times worse an image fits half a cell off its latent grid than on it; about 1 for what others made.

    Soft pictures, which a good decoder nearly draws whoever made them, are as easy for it everywhere. Both scores are
    of step `GRID_STEPS` and of the same part of the picture, as a crop.

    Args:
        pixels: uint8 RGB (height, width, 3), the first pixel on the grid.
        autoencoder: the inspected model.
        settings: how to invert, but for the number of steps.
        stop: asked between steps.

    Returns:
        The ratio of the two scores; None where the picture is smaller than `CELLS` latent cells a side, or stopped.
    """
    stride, scores, settings = autoencoder.stride, [], replace(settings, steps=GRID_STEPS)
    if min(pixels.shape[:2]) < CELLS * stride:
        return None
    part = windows(pixels, stride, settings.whole, settings.tile, settings.margin, 1)[0].box
    pixels = pixels[_slices(part)]
    for left_out in (stride // 2, stride):
        score = math.inf
        for step in invert(pixels[left_out:, left_out:], autoencoder, settings, cropped=True):
            score = step.relative  # never rises
            if stop():
                return None
        scores.append(score)
    return scores[0] / scores[1]


def _resized(
    pixels: np.ndarray, drawn: tuple[int, int], settings: Settings, autoencoder: Autoencoder
) -> tuple[Resized, tuple[int, int]]:
    """What a resized picture shows, on the autoencoder's device, and how many rows and columns of it count."""
    file, *scored = resized(pixels, drawn, settings.whole, settings.margin, autoencoder.stride)
    return Resized(*(each.to(autoencoder.device) for each in (file.target, file.down, file.right))), tuple(scored)


def scores(
    pixels: np.ndarray,
    autoencoder: Autoencoder,
    settings: Settings,
    table: np.ndarray | None = None,
    drawn: tuple[int, int] | None = None,
) -> tuple[float, ...]:
    """Scores of one image at the checkpoints, run to the end: what calibration stores for a belonging image."""
    places = checkpoints(settings)
    steps = [step for step in invert(pixels, autoencoder, settings, False, table, drawn) if step.index in places]
    return tuple(float(f"{step.score(settings.mode):.5g}") for step in steps)


def measured(
    pixels: np.ndarray, autoencoder: Autoencoder, settings: Settings, table: np.ndarray | None = None
) -> float:
    """How much fine detail an image has, or what its file keeps of it (`Step.measured`)."""
    return next(invert(pixels, autoencoder, settings, table=table)).measured


def calibration_of(
    autoencoder: Autoencoder,
    settings: Settings,
    rows: list[tuple[float, ...]],
    images: str,
    condition: str = "lossless",
    others: list[tuple[float, ...]] | None = None,
    faint: list[tuple[float, ...]] | None = None,
) -> Calibration:
    """Today's calibration from belonging images' scores.

    Args:
        autoencoder: the inspected model.
        settings: the settings that the scores were taken with.
        rows: `scores` of each image.
        images: in words, which images they are.
        condition: what was done to them before they were scored.
        others: `scores` of images that this decoder did not make, under the same condition.
        faint: the same of such images with hardly any fine detail.

    Raises:
        ValueError: fewer than 3 images.
    """
    if len(rows) < 3:
        raise ValueError(f"a threshold needs at least 3 belonging images, not {len(rows)}")
    return Calibration(
        family=autoencoder.family,
        revision=autoencoder.digest,
        settings=settings.record(),
        checkpoints=checkpoints(settings),
        scores=tuple(rows),
        images=images,
        date=datetime.date.today().isoformat(),
        versions=versions(),
        condition=condition,
        others=tuple(others or ()),
        faint=tuple(faint or ()),
    )


def _slices(box: tuple[int, int, int, int]) -> tuple[slice, slice]:
    return slice(box[0], box[2]), slice(box[1], box[3])
