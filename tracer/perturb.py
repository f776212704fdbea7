"""What happens to images on their way: for calibration under compression, robustness curves and tests."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

FILTERS = (
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def jpeg(pixels: np.ndarray, quality: int, subsampling: int = 2) -> np.ndarray:
    """The image saved as JPEG and read again.

    Args:
        pixels: uint8 RGB (height, width, 3).
        quality: 1 to 95, of the Independent JPEG Group's scale.
        subsampling: of colour: 2 for 4:2:0, as most software does, 1 for 4:2:2, 0 for none.
    """
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file).convert("RGB"))


def webp(pixels: np.ndarray, quality: int) -> np.ndarray:
    """The image saved as lossy WebP of a quality from 1 to 100 and read again."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=quality, method=2)
    return np.asarray(Image.open(file).convert("RGB"))


def resize(
    pixels: np.ndarray, size: tuple[int, int], resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> np.ndarray:
    """The image at another size, given as (width, height)."""
    return np.asarray(Image.fromarray(pixels).resize(size, resampling))


def scale(pixels: np.ndarray, factor: float, resampling: Image.Resampling = Image.Resampling.BICUBIC) -> np.ndarray:
    """The image with both sides multiplied by `factor`."""
    height, width = pixels.shape[:2]
    return resize(pixels, (max(round(width * factor), 1), max(round(height * factor), 1)), resampling)
