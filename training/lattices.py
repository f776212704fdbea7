"""Pictures with a lattice of their own, which no decoder drew: what a test of latent grids must not be taken in by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from tracer.image import perturbations


def lattices(pixels: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """One photograph as pictures with a lattice that no decoder drew: names and uint8 RGB."""
    square = pixels[:256, :256]
    image = Image.fromarray(square)
    for block in (2, 4, 8, 16):
        small = image.resize((image.width // block, image.height // block), Image.Resampling.BOX)
        for name in ("NEAREST", "BILINEAR", "BICUBIC", "LANCZOS") if block in (4, 8) else ("NEAREST",):
            enlarged = small.resize((small.width * block, small.height * block), Image.Resampling[name])
            yield f"{name.lower()}-{block}", np.asarray(enlarged)
    for quality in (15, 30, 45):
        yield f"jpeg-{quality}", perturbations.jpeg(square, quality)
    rows, columns = np.mgrid[: square.shape[0], : square.shape[1]]
    for period in (4, 8):
        screen = 127 + 120 * np.sin(2 * np.pi * columns / period) * np.sin(2 * np.pi * rows / period)
        dots = (square.mean(axis=2) > screen)[..., None]
        yield f"halftone-{period}", np.repeat((dots * 255).astype(np.uint8), 3, axis=2)
    board = ((rows // 8 + columns // 8) % 2)[..., None] == 1
    yield "checkerboard", np.where(board, square, 255 - square // 2).astype(np.uint8)
    panel = np.full((256, 256, 3), 245, np.uint8)
    for _ in range(40):
        (top, left), (high, wide) = rng.integers(0, 30, 2) * 8, rng.integers(1, 8, 2) * 8
        panel[top : top + high, left : left + wide] = rng.integers(0, 255, 3)
    yield "interface", panel
