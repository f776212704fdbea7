"""Autoencoders with random weights for tests that need no trained one: each class, and each row's shape made small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch

_BLOCKS = dict(down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3)
CONFIGS = {
    "AutoencoderKL": dict(_BLOCKS, block_out_channels=[8, 8, 8], norm_num_groups=4, latent_channels=4),
    "VQModel": dict(
        _BLOCKS,
        block_out_channels=[32, 32, 32],
        latent_channels=4,
        vq_embed_dim=4,
        num_vq_embeddings=16,
        norm_type="spatial",
        layers_per_block=1,
        mid_block_add_attention=False,
    ),
    "AutoencoderTiny": dict(
        encoder_block_out_channels=[8, 8, 8],
        decoder_block_out_channels=[8, 8, 8],
        num_encoder_blocks=[1, 1, 1],
        num_decoder_blocks=[1, 1, 1],
    ),
    "AutoencoderDC": dict(
        latent_channels=8,
        attention_head_dim=8,
        encoder_block_types=["ResBlock"] * 3,
        decoder_block_types=["ResBlock"] * 3,
        encoder_block_out_channels=[8, 16, 16],
        decoder_block_out_channels=[8, 16, 16],
        encoder_layers_per_block=[0, 1, 1],
        decoder_layers_per_block=[0, 1, 1],
        encoder_qkv_multiscales=[[], [], []],
        decoder_qkv_multiscales=[[], [], []],
    ),
    # One halving fewer than the others, since two by two cells are folded into one.
    "AutoencoderKLFlux2": dict(
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        block_out_channels=[8, 8],
        norm_num_groups=4,
        latent_channels=4,
    ),
    "AutoencoderKLQwenImage": dict(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True]
    )
    | dict(latents_mean=[0.1, -0.2, 0.3, 0.0], latents_std=[2.0, 1.5, 0.5, 1.0]),
    "AutoencoderKLWan": dict(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True]
    )
    | dict(latents_mean=[0.1, -0.2, 0.3, 0.0], latents_std=[2.0, 1.5, 0.5, 1.0]),
}

# The published configurations, as far as they say something about the shape (diffusers' conversion scripts and its
# classes' defaults). The numbers of parameters that follow from them are those of the published files.
_KL = dict(
    down_block_types=["DownEncoderBlock2D"] * 4,
    up_block_types=["UpDecoderBlock2D"] * 4,
    block_out_channels=[128, 256, 512, 512],
    layers_per_block=2,
    latent_channels=4,
)
_KL16 = dict(_KL, latent_channels=16, use_quant_conv=False, use_post_quant_conv=False)
_MOVQ = dict(
    down_block_types=["DownEncoderBlock2D"] * 3 + ["AttnDownEncoderBlock2D"],
    up_block_types=["AttnUpDecoderBlock2D"] + ["UpDecoderBlock2D"] * 3,
    block_out_channels=[128, 256, 256, 512],
    layers_per_block=2,
    latent_channels=4,
    num_vq_embeddings=16384,
    vq_embed_dim=4,
    norm_type="spatial",
)
_TINY = dict(encoder_block_out_channels=[64] * 4, decoder_block_out_channels=[64] * 4)
_DC = ["ResBlock"] * 3 + ["EfficientViTBlock"] * 3
SHAPES: dict[str, dict[str, Any]] = {
    **{key: dict(_KL, scaling_factor=0.18215) for key in ("sd1", "sd-ft-ema", "sd-ft-mse", "sd2")},
    "sdxl": dict(_KL, scaling_factor=0.13025),
    "sd3": dict(_KL16, scaling_factor=1.5305, shift_factor=0.0609),
    "flux1": dict(_KL16, scaling_factor=0.3611, shift_factor=0.1159),
    "flux2": {},
    "kandinsky2": _MOVQ,
    "kandinsky3": dict(_MOVQ, block_out_channels=[256, 512, 512, 1024]),
    "vq-diffusion": dict(
        down_block_types=["DownEncoderBlock2D"] * 3 + ["AttnDownEncoderBlock2D"],
        up_block_types=["AttnUpDecoderBlock2D"] + ["UpDecoderBlock2D"] * 3,
        block_out_channels=[64, 128, 256, 512],
        layers_per_block=2,
        latent_channels=256,
        num_vq_embeddings=4096,
        vq_embed_dim=128,
    ),
    "qwen-image": {},
    "wan21": {},
    "sana": dict(
        latent_channels=32,
        encoder_block_types=_DC,
        decoder_block_types=_DC,
        encoder_block_out_channels=[128, 256, 512, 512, 1024, 1024],
        decoder_block_out_channels=[128, 256, 512, 512, 1024, 1024],
        encoder_layers_per_block=[2, 2, 2, 3, 3, 3],
        decoder_layers_per_block=[3] * 6,
        encoder_qkv_multiscales=[[], [], [], [5], [5], [5]],
        decoder_qkv_multiscales=[[], [], [], [5], [5], [5]],
        downsample_block_type="conv",
        upsample_block_type="interpolate",
        scaling_factor=0.41407,
    ),
    **dict.fromkeys(("taesd", "taesdxl"), _TINY),
    **{key: dict(_TINY, latent_channels=16) for key in ("taesd3", "taef1")},
}


def small(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """The same configuration with narrow layers: same blocks, stride and latent channels."""
    if kind in ("AutoencoderKL", "AutoencoderKLFlux2"):
        return dict(config, block_out_channels=[8] * 4, norm_num_groups=4, layers_per_block=1)
    if kind == "VQModel":  # its spatial norm has 32 groups, whatever the configuration says
        return dict(config, block_out_channels=[32] * 4, layers_per_block=1, num_vq_embeddings=16)
    if kind == "AutoencoderTiny":
        return dict(config, encoder_block_out_channels=[8] * 4, decoder_block_out_channels=[8] * 4)
    if kind == "AutoencoderDC":
        narrow = [8, 8, 16, 32, 32, 32]
        return dict(
            config,
            encoder_block_out_channels=narrow,
            decoder_block_out_channels=narrow,
            encoder_layers_per_block=[1] * 6,
            decoder_layers_per_block=[1] * 6,
        )
    return dict(config, base_dim=8, num_res_blocks=1)


def make(kind: str, folder: Path, seed: int = 0, config: dict[str, Any] | None = None) -> Path:
    """Save a model of a class in diffusers layout, by default a tiny one, and return its folder."""
    torch.manual_seed(seed)
    config = CONFIGS[kind] if config is None else config
    getattr(diffusers, kind)(**config).save_pretrained(folder)
    return folder
