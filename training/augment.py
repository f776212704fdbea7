"""Batches of 64 px pictures as the text models will meet them: moved, recoloured, blurred, compressed, noisy."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from training.captions import SIDE


def on_white(pixels: torch.Tensor) -> torch.Tensor:
    """Premultiplied RGBA, uint8 (n, 4, h, w), as RGB on white: float32 (n, 3, SIDE, SIDE) in [0, 1]."""
    values = pixels.float() / 255
    plain = values[:, :3] + 1 - values[:, 3:]
    if plain.shape[-1] == SIDE:
        return plain
    return functional.interpolate(plain, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)


def drawn(pixels: torch.Tensor, sided: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Drawings turned, scaled, shifted and mirrored, three quarters of them on white.

    Args:
        pixels: premultiplied RGBA, uint8 (n, 4, SIDE, SIDE).
        sided: which of them must not be mirrored, bool (n,).
        chance: source of all random numbers.

    Returns:
        float32 (n, 3, SIDE, SIDE) in [0, 1].
    """
    count = len(pixels)

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, generator=chance)

    values = pixels.float() / 255
    angle, scale = uniform(-0.14, 0.14), uniform(0.84, 1.05)
    mirror = torch.where((uniform(0, 1) < 0.5) & ~sided, -1.0, 1.0)
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    row = torch.stack([cosine * mirror, sine * mirror, uniform(-0.08, 0.08)], dim=1)
    matrices = torch.stack([row, torch.stack([-sine, cosine, uniform(-0.08, 0.08)], dim=1)], dim=1)
    grid = functional.affine_grid(matrices, [count, 4, SIDE, SIDE], align_corners=False)
    moved = functional.grid_sample(values, grid, mode="bilinear", align_corners=False)
    still = uniform(0, 1) < 0.25  # as crisp as the set draws them
    moved[still] = values[still]
    backgrounds = torch.rand((count, 3, 1, 1), generator=chance)
    backgrounds[uniform(0, 1) < 0.75] = 1.0
    return moved[:, :3] + backgrounds * (1 - moved[:, 3:])


def photographed(pixels: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Random crops of photographs, mirrored half of the time: (n, 3, SIDE, SIDE) in [0, 1]."""
    crops = []
    for picture in pixels[:, :3]:
        top, left, mirror = (int(torch.randint(high, (), generator=chance)) for high in (*_margins(picture), 2))
        crop = picture[:, top : top + SIDE, left : left + SIDE]
        crops.append(crop.flip(-1) if mirror else crop)
    return torch.stack(crops).float() / 255


def _margins(picture: torch.Tensor) -> tuple[int, int]:
    return picture.shape[1] - SIDE + 1, picture.shape[2] - SIDE + 1


def worn(images: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Images in [0, 1] after mild recolouring and, each by chance, blur, loss of resolution, noise and JPEG.

    A round trip through a small autoencoder looks like a mixture of these.
    """
    count = len(images)
    gains = 1 + 0.06 * torch.randn((count, 1, 1, 1), generator=chance)
    gains = gains + 0.03 * torch.randn((count, 3, 1, 1), generator=chance)
    images = (images * gains).clamp(0, 1)
    which = torch.rand((count, 4), generator=chance)
    blurred = which[:, 0] < 0.5
    if blurred.any():
        sigma = 0.25 + 0.85 * torch.rand(int(blurred.sum()), generator=chance)
        images[blurred] = blur(images[blurred], sigma)
    coarse = which[:, 1] < 0.2
    if coarse.any():
        side = int(torch.randint(SIDE // 2, SIDE - 8, (), generator=chance))
        small = functional.interpolate(images[coarse], (side, side), mode="bilinear", antialias=True)
        images[coarse] = functional.interpolate(small, (SIDE, SIDE), mode="bilinear")
    noisy = which[:, 2] < 0.4
    strength = 0.04 * torch.rand((count, 1, 1, 1), generator=chance) * noisy[:, None, None, None]
    images = (images + strength * torch.randn(images.shape, generator=chance)).clamp(0, 1)
    for index in (which[:, 3] < 0.2).nonzero().flatten().tolist():
        images[index] = jpeg(images[index], int(torch.randint(50, 96, (), generator=chance)))
    return images


def blur(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Gaussian blur, each image (n, 3, h, w) by its own `sigma` in pixels, (n,), at most about 1.2."""
    places = torch.arange(-3, 4)
    kernel = torch.exp(-(places**2) / (2 * sigma[:, None] ** 2))
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(3, dim=0)
    flat = functional.pad(images.flatten(0, 1)[None], (3, 3, 3, 3), mode="replicate")
    flat = functional.conv2d(flat, kernel[:, None, None, :], groups=len(kernel))
    return functional.conv2d(flat, kernel[:, None, :, None], groups=len(kernel)).view_as(images)


def jpeg(image: torch.Tensor, quality: int) -> torch.Tensor:
    """One image (3, h, w) in [0, 1] after JPEG compression."""
    file = io.BytesIO()
    Image.fromarray((image.permute(1, 2, 0) * 255).round().byte().numpy()).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.asarray(Image.open(file)).copy()).permute(2, 0, 1).float() / 255


def normalised(images: torch.Tensor) -> torch.Tensor:
    """[0, 1] -> [-1, 1], channels last: what both models take."""
    return (images * 2 - 1).contiguous(memory_format=torch.channels_last)


def chance_of(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step of a run."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)
