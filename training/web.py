"""What pictures of both classes meet on the way from whoever made them to the detector: the histories of the web.

Everything works on whole batches, on whatever device they are: float tensors (n, 3, height, width) of whole numbers
from 0 to 255. A pair's two members meet the same steps with the same numbers, so that nothing but the autoencoder tells
them apart: the batch holds the originals first, then what was decoded, in the same order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from tracer.image import perturbations

SMALLEST, LARGEST = 0.55, 1.6  # factors of resizing
RESIZED, TOUCHED, STORED, TWICE = 0.45, 0.12, 0.72, 0.25  # shares of batches that meet a step of that kind
WEBP = 0.15  # of those stored
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)  # tables K.1 and K.2 of ITU-T T.81, which nearly all software scales
CHROMINANCE = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))  # 99 beyond


@dataclass(frozen=True)
class Plan:
    """A history, drawn once for a batch of pairs.

    Attributes:
        factor: of resizing; 1 for none.
        seed: of everything else.
    """

    factor: float
    seed: int

    def needed(self, side: int) -> int:
        """Pixels a side to begin with, so that `side` and a block of JPEG are left."""
        return math.ceil((side + 8) / self.factor)


def plan(rng: np.random.Generator, smallest: float = SMALLEST) -> Plan:
    """A random history; none for a fifth of the batches.

    Args:
        rng: of all choices.
        smallest: factor of resizing that the pictures at hand have pixels for.
    """
    factor = 1.0
    if rng.random() < RESIZED:
        factor = float(rng.choice((0.75, 1.25, 1.5)) if rng.random() < 0.2 else rng.uniform(SMALLEST, LARGEST))
    return Plan(max(factor, smallest), int(rng.integers(2**32)))


def along(pictures: torch.Tensor, steps: Plan) -> torch.Tensor:
    """Pictures after their history, a little larger than asked for: their grid of 8 pixels is where JPEG put it."""
    rng = np.random.default_rng(steps.seed)
    if steps.factor != 1:
        pictures = resized(pictures, steps.factor, ("bilinear", "bicubic", "area")[rng.integers(3)])
    if rng.random() < TOUCHED:
        pictures = grain(pictures, rng) if rng.random() < 0.4 else sharpened(pictures, rng)
    if rng.random() < STORED:
        if rng.random() < TWICE:  # re-posted: stored, perhaps cut, and stored again
            pictures = _stored(pictures, rng)
            down, right = rng.integers(8, size=2) * (rng.random() < 0.5)
            pictures = pictures[:, :, down:, right:]
        pictures = _stored(pictures, rng)
    return pictures


def _stored(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    count = len(pictures) // 2
    low = rng.random(count) < 0.2
    qualities = np.where(low, rng.integers(30, 60, count), rng.integers(60, 99, count))
    qualities = np.concatenate([qualities, qualities])
    if rng.random() < WEBP:
        return webp(pictures, qualities)
    return jpeg(pictures, torch.from_numpy(qualities).to(pictures.device), halved=rng.random() < 0.6)


def rounded(pictures: torch.Tensor) -> torch.Tensor:
    """As 8 bits keep them."""
    return pictures.round().clamp(0, 255)


def resized(pictures: torch.Tensor, factor: float, filters: str) -> torch.Tensor:
    """At another size, whose aliases are filtered out as image editors do."""
    size = tuple(max(round(length * factor), 1) for length in pictures.shape[2:])
    options = dict(mode="area") if filters == "area" and factor < 1 else dict(mode="bicubic", antialias=True)
    if filters == "bilinear":
        options["mode"] = "bilinear"
    return rounded(functional.interpolate(pictures, size, **options))


def blurred(pictures: torch.Tensor, sigma: float) -> torch.Tensor:
    """Under a Gaussian of `sigma` pixels."""
    reach = max(math.ceil(3 * sigma), 1)
    places = torch.arange(-reach, reach + 1, device=pictures.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (places / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(pictures.shape[1], 1, 1, -1)
    padded = functional.pad(pictures, (reach,) * 4, mode="reflect")
    along_rows = functional.conv2d(padded, kernel, groups=pictures.shape[1])
    return functional.conv2d(along_rows, kernel.transpose(2, 3), groups=pictures.shape[1])


def sharpened(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """An unsharp mask."""
    return rounded(pictures + rng.uniform(0.3, 1.6) * (pictures - blurred(pictures, rng.uniform(0.6, 2.5))))


def grain(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Noise of film or sensor, the same for both members of a pair: of any colour or of brightness alone."""
    count, channels = len(pictures) // 2, 3 if rng.random() < 0.5 else 1
    noise = torch.randn(count, channels, *pictures.shape[2:], device=pictures.device)
    if rng.random() < 0.5:
        noise = blurred(noise, rng.uniform(0.4, 1.2))
        noise = noise / noise.std()
    return rounded(pictures + torch.cat([noise, noise]) * rng.uniform(0.7, 9))


@functools.lru_cache(maxsize=4)
def _transform(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The discrete cosine transform of 8 samples, and the tables of brightness and colour, (2, 8, 8)."""
    row, column = torch.arange(8)[:, None], torch.arange(8)[None]
    matrix = torch.cos((2 * column + 1) * row * math.pi / 16) / 2
    matrix[0] /= math.sqrt(2)
    colour = torch.full((8, 8), 99.0)
    colour[:4, :4] = torch.tensor(CHROMINANCE)
    return matrix.to(device), torch.stack([torch.tensor(LUMINANCE).float(), colour]).to(device)


def jpeg(pictures: torch.Tensor, qualities: torch.Tensor, halved: bool) -> torch.Tensor:
    """Saved as JPEG and read again, as libjpeg does it.

    Args:
        pictures: (n, 3, height, width).
        qualities: (n,), 1 to 100.
        halved: whether colour is kept at half the resolution (4:2:0).
    """
    height, width = pictures.shape[2:]
    padded = functional.pad(pictures, (0, -width % 16, 0, -height % 16), mode="replicate")
    red, green, blue = padded.unbind(dim=1)
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    colours = torch.stack([(blue - brightness) * 0.564334, (red - brightness) * 0.713267], dim=1) + 128
    colours = rounded(colours)
    if halved:
        colours = rounded(functional.avg_pool2d(colours, 2))
    qualities = qualities.float()
    scales = torch.where(qualities < 50, 5000 / qualities, 200 - 2 * qualities)
    _, tables = _transform(pictures.device)
    tables = ((tables * scales[:, None, None, None] + 50) / 100).floor().clamp(1, 255)
    brightness = _quantised(rounded(brightness)[:, None], tables[:, :1])
    colours = _quantised(colours, tables[:, 1:])
    if halved:
        colours = functional.interpolate(colours, scale_factor=2, mode="bilinear")  # libjpeg's "fancy upsampling"
    blue, red = (colours - 128).unbind(dim=1)
    brightness = brightness[:, 0]
    channels = (brightness + 1.402 * red, brightness - 0.344136 * blue - 0.714136 * red, brightness + 1.772 * blue)
    return rounded(torch.stack(channels, dim=1))[:, :, :height, :width]


def _quantised(planes: torch.Tensor, tables: torch.Tensor) -> torch.Tensor:
    """Planes (n, k, height, width) after their 8 x 8 blocks were kept in steps of the tables (n, 1, 8, 8)."""
    matrix, _ = _transform(planes.device)
    count, kinds, height, width = planes.shape
    blocks = (planes - 128).reshape(count, kinds, height // 8, 8, width // 8, 8).transpose(3, 4)
    tables = tables[:, :, None, None]
    steps = (matrix @ blocks @ matrix.T / tables).round()
    blocks = matrix.T @ (steps * tables) @ matrix
    return rounded(blocks.transpose(3, 4).reshape(planes.shape) + 128)


def webp(pictures: torch.Tensor, qualities: np.ndarray) -> torch.Tensor:
    """Saved as lossy WebP and read again, by libwebp: in threads, on the processor."""
    arrays = pictures.byte().permute(0, 2, 3, 1).cpu().contiguous().numpy()
    stored = np.stack(list(_threads().map(_webp(), arrays, qualities)))
    return torch.from_numpy(stored).permute(0, 3, 1, 2).to(pictures.device).float()


def _webp() -> Callable[[np.ndarray, int], np.ndarray]:
    return lambda pixels, quality: perturbations.webp(pixels, int(quality))


@functools.lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor()
