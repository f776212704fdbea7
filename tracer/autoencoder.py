"""One small interface over every autoencoder class of diffusers: encode, decode, stride.

Images are float tensors (n, 3, height, width) in [0, 1]; latents are scaled to about unit variance, as the models'
own denoisers see them, so that one learning rate fits every family.
"""

from __future__ import annotations

import copy
import functools
import time
from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Autoencoder:
    """A frozen autoencoder.

    Attributes:
        model: the diffusers model.
        stride: image pixels per latent cell and side.
        scaling, shift: latents are (raw - shift) * scaling.
        revision: Hub commit, or "sha256:..." of the weights file.
        family: id of the registry row, or the folder it came from.
    """

    model: torch.nn.Module
    stride: int
    scaling: float
    shift: float
    revision: str
    family: str

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the weights; images and latents outside are always 32-bit."""
        return next(self.model.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Latents of images: the posterior mean; for VQ models the latents before the codebook.

        Args:
            images: (n, 3, height, width) in [0, 1], both sides multiples of the stride.

        Returns:
            float32 latents (n, channels, height / stride, width / stride).

        Raises:
            ValueError: a side is no multiple of the stride.
        """
        height, width = images.shape[-2:]
        if height % self.stride or width % self.stride:
            raise ValueError(f"{width} x {height} is not a multiple of the stride {self.stride}")
        encoded = self.model.encode(self._inside(images * 2 - 1))
        if hasattr(encoded, "latent_dist"):
            raw = encoded.latent_dist.mode()
        else:
            raw = encoded.latents if hasattr(encoded, "latents") else encoded.latent
        return (raw.float() - self.shift) * self.scaling

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images of latents, not clamped, so that gradients survive where pixels saturate.

        The codebook of a VQ model stays out of it: the pipelines that draw with such a model decode latents that never
        met the codebook (diffusers, pipelines/kandinsky*).
        """
        raw = self._inside(latents / self.scaling + self.shift)
        options = {"force_not_quantize": True} if type(self.model).__name__ == "VQModel" else {}
        return (self.model.decode(raw, **options).sample.float() + 1) / 2

    def _inside(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, self.dtype, memory_format=torch.channels_last)


def wrap(
    model: torch.nn.Module, *, family: str, revision: str, scaling: float | None, shift: float | None, device: str
) -> Autoencoder:
    """Freeze a diffusers autoencoder and put the common interface around it.

    Args:
        model: a loaded diffusers autoencoder.
        family: id of its registry row, or the folder it came from.
        revision: what identifies the weights.
        scaling, shift: override the configuration's own.
        device: where it is to run.

    Returns:
        An `Autoencoder` in the data type that `fastest_dtype` picks.
    """
    model = model.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
    config = model.config
    probe = Autoencoder(
        model,
        stride=total_stride(model),
        scaling=scaling if scaling is not None else float(config.get("scaling_factor") or 1.0),
        shift=shift if shift is not None else float(config.get("shift_factor") or 0.0),
        revision=revision,
        family=family,
    )
    if fastest_dtype(device) is torch.bfloat16 and _agrees_in_16_bit(probe):
        model.to(torch.bfloat16)
    return probe


def total_stride(model: torch.nn.Module) -> int:
    """Image pixels per latent cell and side, from the configuration."""
    config = model.config
    for key in ("block_out_channels", "encoder_block_out_channels"):
        if config.get(key):
            return 2 ** (len(config[key]) - 1)
    raise ValueError(f"cannot tell the stride of {type(model).__name__}")


@functools.cache
@torch.enable_grad()
def fastest_dtype(device: str = "cpu") -> torch.dtype:
    """bfloat16 where a convolution forward and backward is clearly faster with it, else float32; measured once.

    Many CPUs have no 16-bit arithmetic and emulate it several times slower.
    """

    def seconds(dtype: torch.dtype) -> float:
        layer = torch.nn.Conv2d(32, 32, 3, padding=1, device=device, dtype=dtype).requires_grad_(False)
        best = float("inf")
        for _ in range(4):
            images = torch.ones(1, 32, 48, 48, device=device, dtype=dtype, requires_grad=True)
            start = time.perf_counter()
            layer(images).float().sum().backward()
            _ = images.grad.sum().item()  # waits for an accelerator
            best = min(best, time.perf_counter() - start)
        return best

    return torch.bfloat16 if seconds(torch.bfloat16) < 0.8 * seconds(torch.float32) else torch.float32


@torch.no_grad()
def _agrees_in_16_bit(autoencoder: Autoencoder, tolerance: float = 1e-7) -> bool:
    """Whether a 16-bit copy reconstructs a detailed test picture within `tolerance` mean squared error.

    The default is a tenth of the noise of 8-bit rounding, so that a threshold measured in 32 bit stays true. The model
    itself is not touched: going to 16 bit and back would change its weights.
    """
    side = 8 * autoencoder.stride
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(autoencoder.device)
    half = replace(autoencoder, model=copy.deepcopy(autoencoder.model).to(torch.bfloat16))
    difference = autoencoder.decode(autoencoder.encode(picture)) - half.decode(half.encode(picture))
    return difference.square().mean().item() < tolerance
