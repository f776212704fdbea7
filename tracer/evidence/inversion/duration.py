"""How long an inversion will take on this machine. Needs no torch, so that the page can say it at once."""

from __future__ import annotations

from tracer.evidence.inversion.settings import FAST
from tracer.models import device
from tracer.models.registry import Family


def seconds(row: Family, width: int = FAST.whole, height: int = FAST.whole) -> tuple[float, float] | None:
    """How long a fast trace of one family will take: decided at once, and with every step.

    Args:
        row: the family or generator.
        width, height: of the image; of a large one, only tiles are inspected.

    Returns:
        Both estimates in seconds, from the counted work and the measured speed; None where the work was not counted,
        and on ZeroGPU, where there is nothing to measure before a call.
    """
    if not row.decoder_work or device.zero_gpu():
        return None
    tiles = FAST.tiles * (FAST.tile + 2 * FAST.margin) ** 2
    pixels = width * height if max(width, height) <= FAST.whole else min(tiles, width * height)
    start = 2 * (row.encoder_work + row.decoder_work)  # the image, and its reconstruction once more
    step = row.encoder_work + row.decoder_work  # forward only: what was drawn is encoded again
    unit = pixels * 1e6 / device.speed()
    return start * unit, (start + FAST.steps * step) * unit
