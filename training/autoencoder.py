"""Train one of the minis' autoencoders: `python -m training.autoencoder mini-kl --minutes 40 --photos FOLDER`.

The loss is the mean absolute plus four times the mean squared error of images in [0, 1], and a very small regulariser
of the latents; no perceptual or adversarial term, so that the figures stay easy to read. Training resumes from
`training/runs/FAMILY/` and its learning rate follows the share of the minutes already spent, so a run that is cut off
continues where it was. At the end, and with --export at any time, the averaged weights go to
`tracer/assets/minis/FAMILY/vae/` in 16 bit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderDC, AutoencoderKL, VQModel
from diffusers.models.resnet import ResnetBlock2D

from training import common, data
from training.muon import Muon

_LEVELS = 4
_KL = dict(
    block_out_channels=(16, 24, 48, 64),
    down_block_types=("DownEncoderBlock2D",) * _LEVELS,
    up_block_types=("UpDecoderBlock2D",) * _LEVELS,
    layers_per_block=1,
    norm_num_groups=2,  # normalising few groups leaves brightness in, which small nets learn slowly otherwise
    mid_block_add_attention=False,  # attention would tie every pixel to the whole frame; tiles need locality
    sample_size=128,
)
_DC_WIDTHS = (16, 32, 64, 128, 128)
_DC_LAYERS = (0, 1, 1, 1, 1)  # no layer at full resolution: the cheapest autoencoder per pixel that diffusers has


@dataclass(frozen=True)
class Recipe:
    """What one family is and how it was trained.

    Attributes:
        kind: class of the autoencoder.
        config: its configuration.
        optimiser: "muon" or "adamw"; nets without shortcuts past their pooling learn far faster with the first.
        rate: peak learning rate.
        batch: crops a step.
        side: crop side in pixels.
        half: train in bfloat16 where the processor has it in hardware; elsewhere it is emulated, many times slower.
        layout: memory layout of the weights; the faster one depends on the class.
    """

    kind: type[torch.nn.Module]
    config: dict[str, Any]
    optimiser: str = "muon"
    rate: float = 1.5e-2
    batch: int = 6
    side: int = 64
    half: bool = False
    layout: torch.memory_format = torch.channels_last


FAMILIES = {
    "mini-kl": Recipe(AutoencoderKL, dict(_KL, latent_channels=4)),
    "mini-kl16": Recipe(AutoencoderKL, dict(_KL, latent_channels=16, use_quant_conv=False, use_post_quant_conv=False)),
    "mini-movq": Recipe(
        VQModel,
        dict(
            block_out_channels=(32, 32, 64, 64),  # spatial normalisation needs multiples of 32
            down_block_types=("DownEncoderBlock2D",) * _LEVELS,
            up_block_types=("UpDecoderBlock2D",) * _LEVELS,
            layers_per_block=1,
            latent_channels=4,
            vq_embed_dim=4,
            num_vq_embeddings=2048,
            norm_type="spatial",
            norm_num_groups=2,
            mid_block_add_attention=False,
            sample_size=128,
        ),
        batch=8,
        half=True,
        layout=torch.contiguous_format,
    ),
    "mini-dc": Recipe(
        AutoencoderDC,
        dict(
            latent_channels=32,
            attention_head_dim=8,
            encoder_block_types=("ResBlock",) * 5,
            decoder_block_types=("ResBlock",) * 5,
            encoder_block_out_channels=_DC_WIDTHS,
            decoder_block_out_channels=_DC_WIDTHS,
            encoder_layers_per_block=_DC_LAYERS,
            decoder_layers_per_block=_DC_LAYERS,
            encoder_qkv_multiscales=((),) * 5,
            decoder_qkv_multiscales=((),) * 5,
        ),
        optimiser="adamw",
        rate=2e-3,
        batch=12,
    ),
}


def build(family: str) -> torch.nn.Module:
    """A freshly initialised autoencoder of a family."""
    recipe = FAMILIES[family]
    model = recipe.kind(**recipe.config)
    for module in model.modules():
        # Every residual branch starts at zero: the network begins as a chain of plain (un)pooling convolutions, which
        # on two cores is the difference between learning in minutes and in hours.
        if isinstance(module, ResnetBlock2D):
            torch.nn.init.zeros_(module.conv2.weight)
            torch.nn.init.zeros_(module.conv2.bias)
    return model.to(memory_format=recipe.layout)


def forward(model: torch.nn.Module, images: torch.Tensor, sample: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Reconstruction in [0, 1] and the latent regulariser of a batch in [0, 1]."""
    inputs = images * 2 - 1
    if isinstance(model, AutoencoderKL):
        posterior = model.encode(inputs).latent_dist
        latents = posterior.sample() if sample else posterior.mode()
        decoded, penalty = model.decode(latents).sample, 1e-6 * posterior.kl().mean()
    elif isinstance(model, VQModel):
        # Kandinsky decodes latents that never met the codebook, so training leaves it out; `export` fits one later.
        latents = model.encode(inputs).latents
        if sample:
            latents = _jittered(latents)
        decoded, penalty = model.decode(latents, force_not_quantize=True).sample, inputs.new_zeros(())
    else:
        latents = model.encode(inputs).latent
        if sample:
            latents = _jittered(latents)
        decoded, penalty = model.decode(latents).sample, inputs.new_zeros(())
    return (decoded + 1) / 2, penalty


def _jittered(latents: torch.Tensor) -> torch.Tensor:
    """Latents with a little noise, which keeps their space smooth for a generator, as a KL posterior does."""
    return latents + 0.02 * latents.detach().std() * torch.randn_like(latents)


def fit_codebook(model: VQModel, latents: torch.Tensor, seed: int = 0) -> None:
    """Set the codebook to the k-means centres of latents (n, channels, height, width)."""
    from scipy.cluster.vq import kmeans2

    cells = latents.permute(0, 2, 3, 1).flatten(0, 2).numpy()
    centres, _ = kmeans2(cells, model.config.num_vq_embeddings, minit="points", seed=seed)
    model.quantize.embedding.weight.data.copy_(torch.from_numpy(centres))


def validation_images(photos: Path, count: int = 48) -> dict[str, torch.Tensor]:
    """Held-out 128 px images: centre crops of calibration photographs, and drawings on white."""
    crops = []
    for photo in data.photographs(photos, "calibrate", ("cc-by",))[:count]:
        top, left = ((length - data.SIDE) // 2 for length in photo.shape[:2])
        crops.append(photo[top : top + data.SIDE, left : left + data.SIDE].astype(np.float32) / 255)
    drawn = []
    for set_name in data.SETS:
        group = data.drawings(set_name)
        held = [i for i, name in enumerate(group.names) if data.drawing_held_out(set_name, name, "autoencoder")]
        drawn += [group.on(index, np.ones(3, np.float32)) for index in held[: count // len(data.SETS)]]
    groups = {"photographs": crops, "drawings": drawn}
    return {name: torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() for name, images in groups.items()}


@torch.no_grad()
def psnr(model: torch.nn.Module, images: torch.Tensor) -> float:
    """Mean peak signal-to-noise ratio in dB of the reconstructions of a batch in [0, 1]."""
    values = []
    for batch in images.split(8):
        error = (forward(model, batch, sample=False)[0].clamp(0, 1) - batch).square().mean(dim=(1, 2, 3))
        values += (-10 * error.log10()).tolist()
    return float(np.mean(values))


def export(family: str, averaged: torch.nn.Module, photos: Path) -> None:
    """Write the averaged weights in 16 bit, with the scale that brings latents to unit variance."""
    import copy

    model = copy.deepcopy(averaged).eval()
    with torch.no_grad():
        crops = data.Crops(data.photographs(photos, "calibrate", ("cc-by",)), [], 128, seed=1).batch(64) * 2 - 1
        encoded = model.encode(crops)
        latents = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded[0]
    if isinstance(model, VQModel):
        fit_codebook(model, latents)
    model.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    folder = common.MINIS / family / "vae"
    model.half().save_pretrained(folder, safe_serialization=True)
    common.readable(folder)


def train(family: str, minutes: float, photos: Path, seed: int) -> None:
    """Train until `minutes` of processor time have been spent in all runs together."""
    recipe, run = FAMILIES[family], common.RUNS / family
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = build(family)
    averaged = torch.optim.swa_utils.AveragedModel(model, avg_fn=common.average, use_buffers=True)
    if recipe.optimiser == "muon":
        optimiser = Muon(model, recipe.rate)
    else:
        optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    peaks = [group["lr"] for group in optimiser.param_groups]
    step, spent = 0, 0.0
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]
    crops = data.Crops(
        data.photographs(photos, "train"), [data.drawings(name) for name in data.SETS], recipe.side, seed=seed + step
    )
    held_out = validation_images(photos)

    def save() -> None:
        torch.save(
            {
                "model": model.state_dict(),
                "averaged": averaged.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
                "spent": spent,
            },
            checkpoint.with_suffix(".new"),
        )
        checkpoint.with_suffix(".new").replace(checkpoint)

    last = time.process_time()
    while spent < minutes * 60:
        share = spent / (minutes * 60)
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * min(1, (step + 1) / 50) * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
        images = crops.batch(recipe.batch).contiguous(memory_format=recipe.layout)
        with common.autocast() if recipe.half else contextlib.nullcontext():
            decoded, penalty = forward(model, images, sample=True)
        error = decoded.float() - images
        loss = error.abs().mean() + 4 * error.square().mean() + penalty
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        averaged.update_parameters(model)
        step += 1
        now = time.process_time()
        spent, last = spent + now - last, now
        if step % 250 == 0 or spent >= minutes * 60:
            figures = {name: round(psnr(averaged.module, images), 2) for name, images in held_out.items()}
            row = dict(step=step, minutes=round(spent / 60, 1), loss=round(loss.item(), 5), psnr=figures)
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            print(row, flush=True)
            save()
            last = time.process_time()
    export(family, averaged.module, photos)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=sorted(FAMILIES))
    parser.add_argument("--minutes", type=float, required=True, help="processor minutes in all, over every run")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/ and cc0/ inside")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", action="store_true", help="only write the weights of the last checkpoint")
    arguments = parser.parse_args()
    if arguments.export:
        state = torch.load(common.RUNS / arguments.family / "checkpoint.pt", weights_only=True)
        model = build(arguments.family)
        model.load_state_dict({k.removeprefix("module."): v for k, v in state["averaged"].items() if k != "n_averaged"})
        export(arguments.family, model, arguments.photos)
        return
    train(arguments.family, arguments.minutes, arguments.photos, arguments.seed)


if __name__ == "__main__":
    main()
