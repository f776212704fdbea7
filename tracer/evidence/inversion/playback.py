"""An inversion kept frame by frame, so that it can be watched again without being computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from tracer.evidence.inversion.settings import FAST, PAPER
from tracer.image.intake import Picture
from tracer.models import registry

SIDE = 128  # pixels of what is shown; of a larger image, the tile with the most detail
WAYS = {  # how the steps are made -> settings, and whether a random start runs beside the encoder's
    "fast": (replace(FAST, steps=20, whole=SIDE, tile=SIDE, tiles=1), False),
    "race": (replace(PAPER, steps=40, whole=SIDE, tile=SIDE, tiles=1), True),
}


@dataclass(frozen=True)
class Frame:
    """What one start has reached after one step.

    Attributes:
        start: "encoder" or "random".
        index: steps taken so far.
        of: how many there will be.
        loss: mean squared error of images in [0, 1].
        original, drawn: what is to be drawn and what the decoder draws, uint8 RGB of the same shape.
    """

    start: str
    index: int
    of: int
    loss: float
    original: np.ndarray
    drawn: np.ndarray


def frames(picture: Picture, family: str, way: str, stop: Callable[[], bool] = lambda: False) -> Iterator[Frame]:
    """Every step of an inversion; of a race, both starts in turns.

    Args:
        picture: the image.
        family: whose decoder draws it.
        way: a key of `WAYS`: "fast" takes fast mode's steps, "race" those of the paper from both starts.
        stop: asked after every frame.

    Raises:
        KeyError: unknown family or way.
        ModelUnavailable: its weights cannot be loaded.
    """
    settings, raced = WAYS[way]
    row = registry.family(family)
    from tracer.evidence.inversion import optimization
    from tracer.image.windows import windows
    from tracer.models import cache

    model = cache.load(row)
    place = windows(picture.pixels, row.stride, settings.whole, settings.tile, settings.margin, settings.tiles)[0]
    top, left, bottom, right = place.scored
    inner = (slice(top - place.box[0], bottom - place.box[0]), slice(left - place.box[1], right - place.box[1]))
    original = picture.pixels[top:bottom, left:right].copy()
    starts = ("encoder", "random") if raced else ("encoder",)
    running = [optimization.invert(picture.pixels, model, replace(settings, start=start)) for start in starts]
    for steps in zip(*running, strict=True):
        for start, step in zip(starts, steps, strict=True):
            drawn = step.reconstruction()[inner]
            yield Frame(start, step.index, settings.steps, float(f"{step.loss:.5g}"), original, drawn)
        if stop():
            break
