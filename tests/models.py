"""Tiny autoencoders with random weights, one of each supported class, for tests that need no trained one."""

from __future__ import annotations

from pathlib import Path

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
}


def make(kind: str, folder: Path, seed: int = 0) -> Path:
    """Save a tiny model of a class in diffusers layout and return its folder."""
    torch.manual_seed(seed)
    getattr(diffusers, kind)(**CONFIGS[kind]).save_pretrained(folder)
    return folder
