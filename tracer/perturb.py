"""What happens to images on their way: for calibration under compression, robustness curves and tests."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """The image saved as JPEG and read again.

    Args:
        pixels: uint8 RGB (height, width, 3).
        quality: 1 to 95, of the Independent JPEG Group's scale; colour is subsampled, as most software does.
    """
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(file).convert("RGB"))


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """The image under a Gaussian blur of `sigma` pixels."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))
