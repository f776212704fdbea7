"""Train one of the minis' generators: `python -m training.generator mini-dc-flat --minutes 40`.

A small text-conditioned U-Net learns to turn noise into the latents of one icon set's drawings by flow matching
(Lipman et al. 2023; v = noise - latent). The drawings, slightly turned, scaled, shifted and mirrored, are encoded once;
training then never touches a pixel. A tenth of the captions is dropped, for classifier-free guidance. Runs resume from
`training/runs/GENERATOR/`; the averaged weights go to `tracer/minis/FAMILY/GENERATOR/` in 16 bit.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from training import data

RUNS = data.HERE / "runs"
MINIS = data.HERE.parent / "tracer" / "minis"
NAMES = tuple((data.HERE / "generator_names.txt").read_text().split())
VARIANTS = 24  # encoded versions of each drawing
TOKENS = 8  # longest caption
WIDTH = 128  # of the text encoder


@dataclass(frozen=True)
class Recipe:
    """A generator's family, the icon set it learns, and its U-Net."""

    family: str
    set_name: str
    side: int = 128
    channels: tuple[int, ...] = (96, 160)


GENERATORS = {
    "mini-kl-fluent": Recipe("mini-kl", "fluent-emoji", channels=(48, 96, 160)),
    "mini-kl-noto": Recipe("mini-kl", "noto", channels=(48, 96, 160)),
    "mini-kl16-twemoji": Recipe("mini-kl16", "twemoji", channels=(48, 96, 160)),
    "mini-movq-emojione": Recipe("mini-movq", "emojione", channels=(48, 96, 160)),
    "mini-dc-flat": Recipe("mini-dc", "fluent-emoji-flat"),
}


def caption(name: str) -> str:
    """The prompt for an icon's name: "red-apple" -> "red apple"."""
    return name.replace("-", " ")


def tokenizer():
    """A word tokenizer over the words of the names; unknown words become [UNK]."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for name in NAMES for word in caption(name).split()})
    vocabulary = {word: index for index, word in enumerate(["[PAD]", "[BOS]", "[EOS]", "[UNK]", *words])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    raw.normalizer = normalizers.Lowercase()
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", 1), ("[EOS]", 2)]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("bos", "eos", "pad", "unk")}
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=TOKENS, **special)


def build(recipe: Recipe, latent_channels: int, latent_side: int, vocabulary: int):
    """Freshly initialised U-Net and text encoder."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    levels = len(recipe.channels)
    unet = UNet2DConditionModel(
        sample_size=latent_side,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=recipe.channels,
        down_block_types=("DownBlock2D",) * (levels - 1) + ("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",) + ("UpBlock2D",) * (levels - 1),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        # The pooled caption joins the time embedding and so modulates every block: a name is learned far faster this
        # way than through cross-attention alone.
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )
    )
    return unet, text


def variants(recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    """Slightly turned, scaled, shifted and mirrored drawings on white: uint8 (names, variants, side, side, 3)."""
    group = data.drawings(recipe.set_name)
    result = np.empty((len(NAMES), VARIANTS, recipe.side, recipe.side, 3), np.uint8)
    for row, name in enumerate(NAMES):
        drawn = group.on(group.names.index(name), np.ones(3, np.float32))
        plain = Image.fromarray((drawn * 255).round().astype(np.uint8))
        for column in range(VARIANTS):
            angle, scale = rng.uniform(-8, 8), rng.uniform(0.88, 1.0) * recipe.side / data.SIDE
            shift = rng.uniform(-4, 4, 2)
            cosine, sine = math.cos(math.radians(angle)) / scale, math.sin(math.radians(angle)) / scale
            middle, centre = data.SIDE / 2, recipe.side / 2
            x, y = centre + shift[0], centre + shift[1]
            matrix = (cosine, sine, middle - cosine * x - sine * y, -sine, cosine, middle + sine * x - cosine * y)
            turned = plain.transform(
                (recipe.side,) * 2, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255)
            )
            mirrored = rng.random() < 0.5
            result[row, column] = np.asarray(turned)[:, ::-1] if mirrored else np.asarray(turned)
    return result


@torch.no_grad()
def encoded(recipe: Recipe, seed: int) -> torch.Tensor:
    """Latents of every variant, (names, variants, channels, height, width), cached by family, set and weights."""
    from tracer import lineup, weights

    autoencoder = weights.load(lineup.family(recipe.family))
    key = f"{recipe.family}-{recipe.set_name}-{recipe.side}-{seed}-{autoencoder.revision[-8:]}.pt"
    path = data.CACHE / key
    if not path.exists():
        drawn = variants(recipe, np.random.default_rng(seed))
        flat = torch.from_numpy(drawn.reshape(-1, *drawn.shape[2:])).permute(0, 3, 1, 2)
        latents = torch.cat([autoencoder.encode(batch.float() / 255) for batch in flat.split(16)])
        torch.save(latents.view(len(NAMES), VARIANTS, *latents.shape[1:]).half(), path)
    return torch.load(path, weights_only=True).float()


def train(name: str, minutes: float, seed: int, batch: int, rate: float) -> None:
    """Train until `minutes` of training have been spent in all runs together, then export."""
    recipe, run = GENERATORS[name], RUNS / name
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    latents = encoded(recipe, seed)
    mean, deviation = latents.mean(dim=(0, 1, 3, 4)), latents.std(dim=(0, 1, 3, 4))
    latents = (latents - mean[:, None, None]) / deviation[:, None, None]
    words = tokenizer()
    tokens = words([caption(n) for n in NAMES] + [""], padding="max_length", max_length=TOKENS, return_tensors="pt")
    tokens = tokens["input_ids"]
    unet, text = build(recipe, latents.shape[2], latents.shape[-1], len(words))
    both = torch.nn.ModuleDict(dict(unet=unet, text=text))
    averaged = torch.optim.swa_utils.AveragedModel(both, avg_fn=_average)
    optimiser = torch.optim.AdamW(both.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-3)
    step, spent, checkpoint = 0, 0.0, run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        both.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]
    chance = torch.Generator().manual_seed(seed + step)
    last, losses = time.perf_counter(), []
    while spent < minutes * 60:
        share = spent / (minutes * 60)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 100) * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
        rows = torch.randint(len(NAMES), (batch,), generator=chance)
        clean = latents[rows, torch.randint(VARIANTS, (batch,), generator=chance)]
        noise = torch.randn(clean.shape, generator=chance)
        # Logit-normal times (Esser et al. 2024, section 3.1): the middle of the path is the hard part.
        times = torch.sigmoid(torch.randn(batch, generator=chance)).view(-1, 1, 1, 1)
        asked = torch.where(torch.rand(batch, generator=chance) < 0.1, len(NAMES), rows)
        hidden = text(tokens[asked]).last_hidden_state
        noisy = torch.lerp(clean, noise, times)
        predicted = unet(noisy, times.flatten() * 1000, hidden).sample
        loss = (predicted - (noise - clean)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step()
        averaged.update_parameters(both)
        losses.append(loss.item())
        step += 1
        now = time.perf_counter()
        spent, last = spent + now - last, now
        if step % 200 == 0 or spent >= minutes * 60:
            row = dict(step=step, minutes=round(spent / 60, 1), loss=round(float(np.mean(losses)), 4))
            losses.clear()
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            print(row, flush=True)
            state = dict(
                model=both.state_dict(),
                averaged=averaged.state_dict(),
                optimiser=optimiser.state_dict(),
                step=step,
                spent=spent,
            )
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            if step % 1000 == 0 or spent >= minutes * 60:
                export(name, averaged.module, words, mean, deviation)
            last = time.perf_counter()


def _average(averaged: torch.Tensor, current: torch.Tensor, count: int | torch.Tensor) -> torch.Tensor:
    """Exponential average that forgets its start: the decay grows to 0.998 with the number of steps."""
    return torch.lerp(current, averaged, min(0.998, (1 + float(count)) / (10 + float(count))))


def export(name: str, averaged: torch.nn.ModuleDict, words, mean: torch.Tensor, deviation: torch.Tensor) -> None:
    """Write U-Net, text encoder, tokenizer and scheduler in diffusers layout, 16-bit, beside the family's `vae/`."""
    import copy

    from diffusers import FlowMatchEulerDiscreteScheduler

    folder, recipe = MINIS / GENERATORS[name].family / name, GENERATORS[name]
    kept = copy.deepcopy(averaged).half()
    kept["unet"].save_pretrained(folder / "unet")
    kept["text"].save_pretrained(folder / "text_encoder")
    words.save_pretrained(folder / "tokenizer")
    FlowMatchEulerDiscreteScheduler().save_pretrained(folder / "scheduler")
    described = dict(
        family=recipe.family,
        latents_mean=[round(value, 5) for value in mean.tolist()],
        latents_std=[round(value, 5) for value in deviation.tolist()],
        prompts=[caption(n) for n in NAMES],
    )
    (folder / "generator.json").write_text(json.dumps(described, indent=1) + "\n")
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)  # the writer makes it readable to its owner alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("generator", choices=sorted(GENERATORS))
    parser.add_argument("--minutes", type=float, required=True, help="training time in all, over every run")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    train(arguments.generator, arguments.minutes, arguments.seed, arguments.batch, arguments.rate)


if __name__ == "__main__":
    main()
