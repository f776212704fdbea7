"""What happens to images on their way: for calibration under compression, robustness curves and tests."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

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
    return _decoded(jpeg_file(pixels, quality, subsampling))


def jpeg_file(pixels: np.ndarray, quality: int, subsampling: int = 2) -> bytes:
    """A JPEG file of the image."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return file.getvalue()


def webp(pixels: np.ndarray, quality: int) -> np.ndarray:
    """The image saved as lossy WebP of a quality from 1 to 100 and read again."""
    return _decoded(webp_file(pixels, quality))


def webp_file(pixels: np.ndarray, quality: int) -> bytes:
    """A lossy WebP file of the image."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=quality, method=2)
    return file.getvalue()


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """The image under a Gaussian blur of `sigma` pixels."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))


def resize(
    pixels: np.ndarray, size: tuple[int, int], resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> np.ndarray:
    """The image at another size, given as (width, height)."""
    return np.asarray(Image.fromarray(pixels).resize(size, resampling))


def scale(pixels: np.ndarray, factor: float, resampling: Image.Resampling = Image.Resampling.BICUBIC) -> np.ndarray:
    """The image with both sides multiplied by `factor`."""
    height, width = pixels.shape[:2]
    return resize(pixels, (max(round(width * factor), 1), max(round(height * factor), 1)), resampling)


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


def screenshot(pixels: np.ndarray, seed: int, factor: float = 1.25) -> np.ndarray:
    """The image as a screen shows it at 125 % or so, with a little of the window around it, saved without loss."""
    shown = pixels if factor == 1 else scale(pixels, factor, Image.Resampling.LANCZOS)
    top, left = (int(value) for value in np.random.default_rng(seed).integers(4, 24, 2))
    screen = np.full((shown.shape[0] + 32, shown.shape[1] + 32, 3), 238, np.uint8)
    screen[top : top + shown.shape[0], left : left + shown.shape[1]] = shown[: screen.shape[0] - top]
    return screen


def _decoded(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(file)).convert("RGB"))
