"""Pictures with a lattice of their own that no decoder drew, made from photographs: what must never be named.

All functions take and return uint8 RGB arrays (height, width, 3) with sides in multiples of 16.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from tracer.image import perturbations

RASTER = 8  # px of an interface's grid, and of a latent cell
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "Lanczos": Image.Resampling.LANCZOS,
}


def enlarged(pixels: np.ndarray, factor: int, resampling: Image.Resampling) -> np.ndarray:
    """The photograph made small, then enlarged by a whole number."""
    height, width = pixels.shape[:2]
    small = perturbations.resize(pixels, (width // factor, height // factor), Image.Resampling.LANCZOS)
    return perturbations.resize(small, (width, height), resampling)


def pixel_art(pixels: np.ndarray, side: int) -> np.ndarray:
    """Squares of `side` px in 16 colours, as pixel art is shown."""
    height, width = pixels.shape[:2]
    small = Image.fromarray(pixels).resize((width // side, height // side), Image.Resampling.BOX)
    few = small.quantize(16, dither=Image.Dither.NONE).convert("RGB")
    return np.asarray(few.resize((width, height), Image.Resampling.NEAREST))


def halftone(pixels: np.ndarray, side: int) -> np.ndarray:
    """Black dots whose size says how dark the photograph is, one in every square of `side` px."""
    height, width = pixels.shape[:2]
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float32) / 255
    dark = 1 - grey.reshape(height // side, side, width // side, side).mean(axis=(1, 3))
    place = np.arange(side) - (side - 1) / 2
    distance = np.hypot(place[:, None], place[None, :]) / side
    radius = np.sqrt(dark / np.pi).repeat(side, 0).repeat(side, 1)
    ink = np.clip((radius - np.tile(distance, dark.shape)) * side + 0.5, 0, 1)
    return np.repeat(np.rint(255 * (1 - ink)).astype(np.uint8)[..., None], 3, axis=2)


def ordered_dither(pixels: np.ndarray, side: int) -> np.ndarray:
    """Two levels a channel, by Bayer's threshold matrix of `side` px."""
    matrix = np.zeros((1, 1))
    while len(matrix) < side:
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    limit = 255 * (np.tile(matrix, (pixels.shape[0] // side, pixels.shape[1] // side)) + 0.5) / side**2
    return np.where(pixels > limit[..., None], 255, 0).astype(np.uint8)


def checkerboard(pixels: np.ndarray, side: int) -> np.ndarray:
    """The photograph under a checkerboard of squares of `side` px, as transparency is shown."""
    rows, columns = (np.arange(length) // side % 2 for length in pixels.shape[:2])
    board = np.where(rows[:, None] ^ columns[None, :], 255, 191)[..., None]
    return np.rint(0.6 * pixels + 0.4 * board).astype(np.uint8)


def interface(pixels: np.ndarray) -> np.ndarray:
    """A window with bars, buttons, lines of text and a thumbnail of the photograph, all on a raster of 8 px."""
    height, width = pixels.shape[:2]
    rng = np.random.default_rng(int(pixels.sum() % 2**31))
    page = Image.new("RGB", (width, height), tuple(rng.integers(225, 256, 3).tolist()))
    draw = ImageDraw.Draw(page)
    accent = tuple(rng.integers(20, 160, 3).tolist())
    draw.rectangle((0, 0, width, 3 * RASTER - 1), fill=accent)
    draw.rectangle((0, 3 * RASTER, 8 * RASTER - 1, height), fill=(208, 212, 218))
    for row in range(5, height // RASTER - 2, 2):
        left, top = RASTER, row * RASTER
        draw.rectangle((left, top, left + int(rng.integers(3, 7)) * RASTER, top + RASTER - 2), fill=(96, 102, 110))
        words = " ".join(["lorem", "ipsum", "dolor", "sit", "amet"][: int(rng.integers(2, 6))])
        draw.text((10 * RASTER, top - 2), words, fill=(32, 34, 38))
    for column in range(2, width // RASTER - 4, 6):
        left = column * RASTER
        draw.rectangle((left, RASTER // 2, left + 4 * RASTER, 2 * RASTER + 4), outline=(255, 255, 255))
    shown = Image.fromarray(pixels).resize((width // 2 // RASTER * RASTER,) * 2, Image.Resampling.LANCZOS)
    page.paste(shown, (width // 2 // RASTER * RASTER - RASTER, height // 2 // RASTER * RASTER - RASTER))
    return np.asarray(page)


LATTICES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    **{f"pixel art, {side} px": lambda x, side=side: pixel_art(x, side) for side in (2, 4, 8, 16)},
    **{
        f"enlarged {factor} times, {name}": lambda x, factor=factor, kind=kind: enlarged(x, factor, kind)
        for factor in (4, 8)
        for name, kind in FILTERS.items()
    },
    **{f"JPEG {quality}": lambda x, q=quality: perturbations.jpeg(x, q) for quality in (10, 20, 30, 40, 50)},
    **{f"halftone, {side} px": lambda x, side=side: halftone(x, side) for side in (4, 8)},
    **{f"ordered dither, {side} px": lambda x, side=side: ordered_dither(x, side) for side in (4, 8)},
    **{f"checkerboard, {side} px": lambda x, side=side: checkerboard(x, side) for side in (8, 16)},
    "interface on 8 px": interface,
}
