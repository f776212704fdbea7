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
    return np.asarray(Image.open(BytesIO(jpeg_file(pixels, quality))).convert("RGB"))


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """The image under a Gaussian blur of `sigma` pixels."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))


def webp(pixels: np.ndarray, quality: int) -> bytes:
    """A WebP file of the image, with loss."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=quality)
    return file.getvalue()


def jpeg_file(pixels: np.ndarray, quality: int) -> bytes:
    """A JPEG file of the image."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=2)
    return file.getvalue()


def resize(pixels: np.ndarray, factor: float) -> np.ndarray:
    """The image at `factor` times its size (Lanczos)."""
    height, width = (max(round(length * factor), 1) for length in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def crop(pixels: np.ndarray, seed: int) -> np.ndarray:
    """The image without 1 to 15 rows above and columns on the left, drawn at random."""
    top, left = np.random.default_rng(seed).integers(1, 16, 2)
    return np.ascontiguousarray(pixels[top:, left:])


def noise(pixels: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """The image with Gaussian noise of `sigma` grey levels."""
    added = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + added), 0, 255).astype(np.uint8)


def brighten(pixels: np.ndarray, factor: float) -> np.ndarray:
    """The image with every value times `factor`."""
    return np.clip(np.rint(pixels * factor), 0, 255).astype(np.uint8)


def screenshot(pixels: np.ndarray, seed: int) -> np.ndarray:
    """The image as a screen shows it at 125 %, with a little of the window around it, saved without loss."""
    shown = resize(pixels, 1.25)
    top, left = (int(value) for value in np.random.default_rng(seed).integers(4, 24, 2))
    screen = np.full((shown.shape[0] + 32, shown.shape[1] + 32, 3), 238, np.uint8)
    screen[top : top + shown.shape[0], left : left + shown.shape[1]] = shown[: screen.shape[0] - top]
    return screen
