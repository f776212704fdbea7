"""A small autoencoder that shares the latents of a larger family: what the line-up `real` asks first.

A tiny autoencoder (https://github.com/madebyollin/taesd) spends nine tenths of its arithmetic at full and half
resolution. A surrogate keeps the teacher's layers at a quarter and an eighth of the resolution, and replaces the rest
by a narrow network at half resolution, which pixels enter and leave as 2 x 2 squares folded into channels.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTinyOutput
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_blocks import AutoencoderTinyBlock
from torch import nn


class Surrogate(ModelMixin, ConfigMixin):
    """Encoder and decoder of a surrogate, with the interface of a diffusers autoencoder.

    Images are float (n, 3, height, width) in [-1, 1], both sides multiples of 8; latents are (n, latent_channels,
    height / 8, width / 8) in the units of the teacher's latents.

    Args:
        latent_channels: channels of the family's latents.
        block_out_channels: channels at full, half, quarter and eighth resolution; at full resolution there are none
            of its own, and the first number is ignored.
        outer_blocks: residual blocks at half resolution, in the encoder and in the decoder.
        inner_blocks: the same at a quarter and at an eighth.
        scaling_factor: latents are brought to about unit variance by this factor.
        teacher: in words, what it was distilled from.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 4,
        block_out_channels: tuple[int, ...] = (64, 64, 64, 64),
        outer_blocks: int = 2,
        inner_blocks: int = 2,
        scaling_factor: float = 1.0,
        teacher: str = "",
    ):
        super().__init__()
        _, outer, quarter, eighth = block_out_channels
        assert quarter == eighth, "the teacher's layers have one width"

        def blocks(channels: int, count: int) -> list[nn.Module]:
            return [AutoencoderTinyBlock(channels, channels, "relu") for _ in range(count)]

        self.encoder_outer = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, outer, 3, padding=1),
            *blocks(outer, outer_blocks),
            nn.Conv2d(outer, quarter, 3, padding=1, stride=2),
        )
        self.encoder_inner = nn.Sequential(
            *blocks(quarter, inner_blocks),
            nn.Conv2d(quarter, eighth, 3, padding=1, stride=2),
            *blocks(eighth, inner_blocks),
            nn.Conv2d(eighth, latent_channels, 3, padding=1),
        )
        self.decoder_inner = nn.Sequential(
            nn.Conv2d(latent_channels, eighth, 3, padding=1),
            nn.ReLU(),
            *blocks(eighth, inner_blocks),
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(eighth, quarter, 3, padding=1),
            *blocks(quarter, inner_blocks),
        )
        self.decoder_outer = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(quarter, outer, 3, padding=1),
            *blocks(outer, outer_blocks),
            nn.Conv2d(outer, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def encode(self, x: torch.Tensor) -> AutoencoderTinyOutput:
        """Latents of images."""
        return AutoencoderTinyOutput(latents=self.encoder_inner(self.encoder_outer((x + 1) / 2)))

    def decode(self, x: torch.Tensor) -> DecoderOutput:
        """Images of latents, not clamped."""
        drawn = self.decoder_outer(self.decoder_inner(torch.tanh(x / 3) * 3))
        return DecoderOutput(sample=drawn * 2 - 1)
