"""One small interface over every autoencoder class of diffusers: encode, decode, stride.

Images are float tensors (n, 3, height, width) in [0, 1]; latents are scaled to about unit variance, as the models'
own denoisers see them, so that one learning rate fits every family.
"""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from diffusers import AutoencoderTiny

LARGE = 20_000_000  # weights from which several windows at once would fill the memory


@dataclass(frozen=True)
class Autoencoder:
    """A frozen autoencoder.

    Attributes:
        model: the diffusers model.
        stride: image pixels per latent cell and side.
        scaling, shift: latents are (raw - shift) * scaling; numbers, or one per channel (1, channels, 1, 1).
        family: id of the registry row, or the folder it came from.
        weights_digest: what calibrated numbers are tied to: "sha256:..." of the files, or "sha256-bf16:..." of the
            rounded weights (`checkpoint.rounded_digest`).
        hub_commit: of the repository that the files are from; None where they are from a folder.
        patch: side of the squares of raw cells that are folded into the channels of one cell.
        video: whether the model is one of videos, which sees an image as a single frame.
        large: whether it is asked about one window after another.
    """

    model: torch.nn.Module
    stride: int
    scaling: float | torch.Tensor
    shift: float | torch.Tensor
    family: str
    weights_digest: str
    hub_commit: str | None = None
    patch: int = 1
    video: bool = False
    large: bool = False

    @property
    def revision(self) -> str:
        """What results name, so that a reader finds the weights: the commit, or the digest where there is none."""
        return self.hub_commit or self.weights_digest

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
        inside = self._inside(images * 2 - 1)
        encoded = self.model.encode(inside[:, :, None] if self.video else inside)
        if hasattr(encoded, "latent_dist"):
            raw = encoded.latent_dist.mode()
        else:
            raw = encoded.latents if hasattr(encoded, "latents") else encoded.latent
        raw = (raw[:, :, 0] if self.video else raw).float()
        raw = torch.nn.functional.pixel_unshuffle(raw, self.patch)
        return (raw - _beside(raw, self.shift)) * _beside(raw, self.scaling)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images of latents, not clamped, so that gradients survive where pixels saturate.

        The codebook of a VQ model stays out of it: the pipelines that draw with such a model decode latents that never
        met the codebook (diffusers, pipelines/kandinsky*). The video models' own `decode` clamps, so their decoder is
        called without it; for a single frame nothing else is lost.
        """
        raw = latents / _beside(latents, self.scaling) + _beside(latents, self.shift)
        raw = self._inside(torch.nn.functional.pixel_shuffle(raw, self.patch))
        if self.video:
            decoded = self.model.decoder(self.model.post_quant_conv(raw[:, :, None]))[:, :, 0]
        else:
            options = {"force_not_quantize": True} if type(self.model).__name__ == "VQModel" else {}
            decoded = self.model.decode(raw, **options).sample
        return (decoded.float() + 1) / 2

    def _inside(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, self.dtype, memory_format=_layout(self.video))


def wrap(
    model: torch.nn.Module,
    *,
    family: str,
    weights_digest: str,
    hub_commit: str | None,
    scaling: float | None,
    shift: float | None,
    device: str,
) -> Autoencoder:
    """Freeze a diffusers autoencoder and put the common interface around it.

    Args:
        model: a loaded diffusers autoencoder.
        family: id of its registry row, or the folder it came from.
        weights_digest, hub_commit: see `Autoencoder`.
        scaling, shift: override the configuration's own.
        device: where it is to run.

    Returns:
        An `Autoencoder` in the data type of the model.
    """
    video = model.config.get("temperal_downsample") is not None  # diffusers' spelling
    own_scaling, own_shift = _units(model)
    model = model.eval().requires_grad_(False).to(device, memory_format=_layout(video))
    return Autoencoder(
        model,
        stride=total_stride(model),
        scaling=own_scaling if scaling is None else scaling,
        shift=own_shift if shift is None else shift,
        family=family,
        weights_digest=weights_digest,
        hub_commit=hub_commit,
        patch=_patch(model),
        video=video,
        large=sum(each.numel() for each in model.parameters()) > LARGE,
    )


def in_fastest_dtype(autoencoder: Autoencoder) -> Autoencoder:
    """The same, in the data type that `fastest_dtype` picks where its pictures stay the same."""
    if fastest_dtype(str(autoencoder.device)) is torch.bfloat16 and _agrees_in_16_bit(autoencoder):
        autoencoder.model.bfloat16()  # `to` would write a warning to standard error
    return autoencoder


def _units(model: torch.nn.Module) -> tuple[float | torch.Tensor, float | torch.Tensor]:
    """Scaling and shift that bring raw latents to about unit variance, as the model's own pipeline does.

    Most configurations have one number each. FLUX.2 keeps the running statistics of a batch normalisation over the
    folded cells, the video models a mean and a deviation per channel (diffusers, pipelines/flux2, qwenimage, wan).
    """
    config = model.config
    if hasattr(model, "bn"):
        deviation = (model.bn.running_var.float() + config["batch_norm_eps"]).sqrt()
        return 1 / deviation.view(1, -1, 1, 1), model.bn.running_mean.float().view(1, -1, 1, 1).clone()
    if config.get("latents_std") and config.get("latents_mean"):
        mean, deviation = (torch.tensor(config[key]) for key in ("latents_mean", "latents_std"))
        return 1 / deviation.view(1, -1, 1, 1), mean.view(1, -1, 1, 1)
    return float(config.get("scaling_factor") or 1.0), float(config.get("shift_factor") or 0.0)


def _beside(tensor: torch.Tensor, value: float | torch.Tensor) -> float | torch.Tensor:
    """A number as it is; numbers per channel where the tensor is."""
    return value.to(tensor.device) if isinstance(value, torch.Tensor) else value


def _patch(model: torch.nn.Module) -> int:
    """Side of the squares of raw cells that one latent cell stands for; only FLUX.2's statistics are over such."""
    return int(model.config["patch_size"][0]) if hasattr(model, "bn") else 1


def _layout(video: bool) -> torch.memory_format:
    """Channels last is faster, and there is none for the five-dimensional weights of video models."""
    return torch.preserve_format if video else torch.channels_last


def total_stride(model: torch.nn.Module) -> int:
    """Image pixels per latent cell and side, from the configuration.

    Raises:
        ValueError: the configuration does not tell.
    """
    config = model.config
    if config.get("stride"):  # a class of this package's own says it
        return int(config["stride"])
    for key in ("block_out_channels", "encoder_block_out_channels", "dim_mult"):
        if config.get(key):
            return 2 ** (len(config[key]) - 1) * _patch(model)
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
def _agrees_in_16_bit(autoencoder: Autoencoder, tolerance: float = 1e-7, share: float = 0.01) -> bool:
    """Whether a 16-bit copy reconstructs a detailed test picture like the original.

    The model itself is not touched: going to 16 bit and back would change its weights.

    Args:
        autoencoder: in 32 bit.
        tolerance: mean squared error that is allowed; by default a tenth of the noise of 8-bit rounding, since the
            errors of a model's own pictures are hardly larger than that.
        share: part of the reconstruction's error that a stand-in is allowed, whose errors are large for every picture.
    """
    side = 8 * autoencoder.stride
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(autoencoder.device)
    half = replace(autoencoder, model=copy.deepcopy(autoencoder.model).bfloat16())
    decoded = autoencoder.decode(autoencoder.encode(picture))
    if isinstance(autoencoder.model, AutoencoderTiny):
        tolerance = share * (decoded - picture).square().mean().item()
    return (decoded - half.decode(half.encode(picture))).square().mean().item() < tolerance


def reconstructions(autoencoder: Autoencoder, photographs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Belonging images without a generator: photographs once through the autoencoder."""
    for photograph in photographs:
        yield reconstruct(photograph, autoencoder)


def reconstruct(pixels: np.ndarray, autoencoder: Autoencoder) -> np.ndarray:
    """The image once through the autoencoder, as a file would keep it: uint8 RGB, cut to the latent grid."""
    height, width = (length // autoencoder.stride * autoencoder.stride for length in pixels.shape[:2])
    with torch.no_grad():
        decoded = autoencoder.decode(autoencoder.encode(as_tensor(pixels[:height, :width])[None]))
    return as_pixels(decoded)[0]


def as_pixels(images: torch.Tensor) -> np.ndarray:
    """Float images (n, 3, height, width) to uint8 (n, height, width, 3): clamped to [0, 1] and rounded."""
    return (images.detach().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    """A uint8 picture (height, width, 3) as floats (3, height, width) in [0, 1]."""
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)
