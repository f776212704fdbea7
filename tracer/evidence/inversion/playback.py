"""LatentTracer's descent kept step by step, so that it can be watched again without being computed again."""

from __future__ import annotations

from dataclasses import replace

from tracer.evidence.inversion.settings import PAPER
from tracer.image.intake import Picture
from tracer.models import registry
from tracer.models.progress import SILENT, Progress

SIDE = 128  # px a side of what is shown; of a larger image, the tile with the most detail
SETTINGS = replace(PAPER, steps=40, whole=SIDE, tile=SIDE, tiles=1)


def film(picture: Picture, family: str, progress: Progress = SILENT) -> None:
    """Descend on the grid and beside it.

    Args:
        picture: the image.
        family: registry id of whose decoder draws it.
        progress: told every `optimization.Step`; asked after each whether to stop.

    Raises:
        KeyError: unknown family.
        ModelUnavailable: its weights cannot be loaded.
    """
    row = registry.family(family)
    from tracer.evidence.inversion import optimization  # torch from here on
    from tracer.models import cache

    optimization.invert(picture.pixels, cache.load(row), SETTINGS, progress)
