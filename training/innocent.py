"""What happens to pictures without any autoencoder: softening, denoising, camera pipelines, compression, grain.

The detector must not take a soft picture for a decoded one, so photographs get histories of every innocent kind before
they are shown to it, or sent through an autoencoder. All functions take and return uint8 RGB arrays (height, width, 3).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from tracer.image import perturbations

Step = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _filtered(pixels: np.ndarray, kernel: ImageFilter.Filter) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).filter(kernel))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def blur(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Out of focus: a Gaussian, a box or an ellipse of motion."""
    values, kind = pixels.astype(np.float32), rng.integers(3)
    if kind == 0:
        values = ndimage.gaussian_filter(values, (*[rng.uniform(0.4, 1.8)] * 2, 0))
    elif kind == 1:
        values = ndimage.uniform_filter(values, (*[int(rng.integers(2, 4))] * 2, 1))
    else:
        values = ndimage.gaussian_filter(values, (*rng.uniform(0.2, 1.8, 2), 0))
    return _bytes(values)


def resample(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Down and up again, or up and down, each with any filter; the size stays."""
    height, width = pixels.shape[:2]
    first, second = (perturbations.FILTERS[i] for i in rng.integers(len(perturbations.FILTERS), size=2))
    factor = rng.uniform(0.45, 0.95) if rng.random() < 0.8 else rng.uniform(1.1, 1.9)
    return perturbations.resize(perturbations.scale(pixels, factor, first), (width, height), second)


def enlarge(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of the picture at up to twice its size."""
    factor = rng.uniform(1.1, 2.0)
    height, width = (int(length / factor) for length in pixels.shape[:2])
    top, left = (rng.integers(length - part + 1) for length, part in zip(pixels.shape, (height, width), strict=False))
    part = pixels[top : top + height, left : left + width]
    return perturbations.resize(
        part, pixels.shape[1::-1], perturbations.FILTERS[rng.integers(len(perturbations.FILTERS))]
    )


def median(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _filtered(pixels, ImageFilter.MedianFilter(3 if rng.random() < 0.8 else 5))


def bilateral(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A phone's denoising: the mean over neighbours of similar colour."""
    values = pixels.astype(np.float32)
    tolerance, reach = rng.uniform(8, 35), int(rng.integers(1, 3))
    total, weights = np.zeros_like(values), np.zeros((*values.shape[:2], 1), np.float32)
    padded = np.pad(values, ((reach, reach), (reach, reach), (0, 0)), "reflect")
    for down in range(2 * reach + 1):
        for right in range(2 * reach + 1):
            shifted = padded[down : down + values.shape[0], right : right + values.shape[1]]
            weight = np.exp(-((shifted - values) ** 2).sum(axis=2, keepdims=True) / (2 * tolerance**2))
            total += weight * shifted
            weights += weight
    return _bytes(total / weights)


def variation(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Denoising that leaves cartoon-like flats between edges (total variation)."""
    from skimage.restoration import denoise_tv_chambolle

    return _bytes(
        255 * denoise_tv_chambolle(pixels / np.float32(255), rng.uniform(0.01, 0.06), max_num_iter=20, channel_axis=2)
    )


def sharpen(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _filtered(pixels, ImageFilter.UnsharpMask(rng.uniform(0.6, 2.5), int(rng.integers(30, 160)), 0))


def chroma(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour much softer than brightness, as cameras, phones and video leave it."""
    values = np.asarray(Image.fromarray(pixels).convert("YCbCr")).astype(np.float32)
    values[..., 1:] = ndimage.gaussian_filter(values[..., 1:], (*[rng.uniform(0.8, 3)] * 2, 0))
    return np.asarray(Image.fromarray(_bytes(values), "YCbCr").convert("RGB"))


def camera(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sensor's mosaic with noise, interpolated: every pixel keeps one of its three colours."""
    values = pixels.astype(np.float32)
    values = values + rng.standard_normal(values.shape, np.float32) * np.sqrt(values + 4) * rng.uniform(0, 0.35)
    mask = np.zeros((2, 2, 3), np.float32)
    mask[0, 0, 0] = mask[0, 1, 1] = mask[1, 0, 1] = mask[1, 1, 2] = 1
    mask = np.roll(mask, tuple(rng.integers(2, size=2)), (0, 1))
    mask = np.tile(mask, (values.shape[0] // 2 + 1, values.shape[1] // 2 + 1, 1))[: values.shape[0], : values.shape[1]]
    kernel = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32)[..., None]
    known = ndimage.convolve(mask, kernel, mode="reflect")
    return _bytes(ndimage.convolve(values * mask, kernel, mode="reflect") / known)


def grain(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of film or sensor: of any colour or of brightness alone, fine or a little coarse."""
    noise = rng.standard_normal((*pixels.shape[:2], 3 if rng.random() < 0.5 else 1)).astype(np.float32)
    if rng.random() < 0.5:
        noise = ndimage.gaussian_filter(noise, (*[rng.uniform(0.4, 1.2)] * 2, 0))
        noise /= noise.std()
    return _bytes(pixels + noise * rng.uniform(0.7, 9))


def jpeg(pixels: np.ndarray, rng: np.random.Generator, worst: int = 55) -> np.ndarray:
    return perturbations.jpeg(pixels, int(rng.integers(worst, 99)), int(rng.choice((0, 1, 2, 2))))


def webp(pixels: np.ndarray, rng: np.random.Generator, worst: int = 55) -> np.ndarray:
    return perturbations.webp(pixels, int(rng.integers(worst, 99)))


def tone(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness curve, contrast and saturation of an editor."""
    values = (pixels / np.float32(255)) ** rng.uniform(0.7, 1.4)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * rng.uniform(0, 1.6)
    return _bytes(255 * ((values - 0.5) * rng.uniform(0.75, 1.3) + 0.5 + rng.uniform(-0.08, 0.08)))


SOFTENING: tuple[Step, ...] = (blur, resample, enlarge, median, bilateral, variation, chroma, camera)
TEXTURE: tuple[Step, ...] = (sharpen, grain, tone)
STORING: tuple[Step, ...] = (jpeg, jpeg, webp)


def history(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random innocent past: for a third of the pictures none, else softening, texture and compression in turn."""
    if rng.random() < 0.33:
        return pixels
    for steps, share in ((SOFTENING, 0.65), (SOFTENING, 0.15), (TEXTURE, 0.5), (STORING, 0.4)):
        if rng.random() < share:
            pixels = steps[rng.integers(len(steps))](pixels, rng)
    return pixels


def passage(pair: tuple[np.ndarray, ...], rng: np.random.Generator, scaled: bool = True) -> tuple[np.ndarray, ...]:
    """What pictures of both classes meet on the way to the detector: the same steps with the same numbers for all."""
    seed = int(rng.integers(2**32))
    return tuple(_passed(pixels, np.random.default_rng(seed), scaled) for pixels in pair)


def _passed(pixels: np.ndarray, rng: np.random.Generator, scaled: bool) -> np.ndarray:
    if scaled and rng.random() < 0.15:
        pixels = perturbations.scale(
            pixels, rng.uniform(0.75, 1.4), perturbations.FILTERS[rng.integers(len(perturbations.FILTERS))]
        )
    if rng.random() < 0.08:
        pixels = grain(pixels, rng) if rng.random() < 0.5 else sharpen(pixels, rng)
    if rng.random() < 0.3:
        pixels = (jpeg if rng.random() < 0.75 else webp)(pixels, rng, 65)
    return pixels
