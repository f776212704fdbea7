"""Train one of the minis' generators: `python -m training.generator mini-dc-flat --minutes 40`.

A small text-conditioned U-Net learns to turn noise into the latents of one icon set's drawings by flow matching
(Lipman et al. 2023; v = noise - latent). The drawings, slightly turned, scaled, shifted and mirrored, are encoded once;
training then never touches a pixel. The U-Net sees 8 x 8 cells whatever the family (finer latents are packed 2 x 2, as
in FLUX.1), so that a generator can start from another one's weights (--start). A tenth of the captions is dropped, for
classifier-free guidance. Runs resume from `training/runs/GENERATOR/`; the averaged weights go to
`tracer/assets/minis/FAMILY/GENERATOR/` in 16 bit.
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

from tracer.models.generators import pack
from training import common, data

NAMES = tuple((data.HERE / "generator_names.txt").read_text().split())
VARIANTS = 16  # encoded versions of each drawing
TOKENS = 8  # longest caption
WIDTH = 128  # of the text encoder


@dataclass(frozen=True)
class Recipe:
    """A generator's family, the icon set it learns, and its U-Net."""

    family: str
    set_name: str
    packing: int = 2
    side: int = 128
    channels: tuple[int, ...] = (96, 144)


GENERATORS = {
    "mini-kl-fluent": Recipe("mini-kl", "fluent-emoji"),
    "mini-kl-noto": Recipe("mini-kl", "noto"),
    "mini-kl16-twemoji": Recipe("mini-kl16", "twemoji"),
    "mini-movq-emojione": Recipe("mini-movq", "emojione"),
    "mini-dc-flat": Recipe("mini-dc", "fluent-emoji-flat", packing=1),
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
        down_block_types=("DownBlock2D",) * levels,
        up_block_types=("UpBlock2D",) * levels,
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
            angle, scale = rng.uniform(-6, 6), rng.uniform(0.9, 1.0) * recipe.side / data.SIDE
            shift = rng.uniform(-3, 3, 2)
            cosine, sine = math.cos(math.radians(angle)) / scale, math.sin(math.radians(angle)) / scale
            middle, centre = data.SIDE / 2, recipe.side / 2
            x, y = centre + shift[0], centre + shift[1]
            matrix = (cosine, sine, middle - cosine * x - sine * y, -sine, cosine, middle + sine * x - cosine * y)
            turned = plain.transform(
                (recipe.side,) * 2, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255)
            )
            result[row, column] = np.asarray(turned)[:, ::-1] if column % 2 else np.asarray(turned)
    return result


@torch.no_grad()
def encoded(recipe: Recipe, seed: int) -> torch.Tensor:
    """Latents of every variant, (names, variants, channels, height, width), cached by family, set and weights."""
    from tracer.models import cache, registry

    autoencoder = cache.load(registry.family(recipe.family))
    shape = f"{len(NAMES)}x{VARIANTS}-{recipe.side}"
    path = data.CACHE / f"{recipe.family}-{recipe.set_name}-{shape}-{seed}-{autoencoder.revision[-8:]}.pt"
    if not path.exists():
        drawn = variants(recipe, np.random.default_rng(seed))
        flat = torch.from_numpy(drawn.reshape(-1, *drawn.shape[2:])).permute(0, 3, 1, 2)
        latents = torch.cat([autoencoder.encode(batch.float() / 255) for batch in flat.split(16)])
        torch.save(latents.view(len(NAMES), VARIANTS, *latents.shape[1:]).half(), path)
    return torch.load(path, weights_only=True).float()


def warm_start(both: torch.nn.ModuleDict, start: str) -> None:
    """Copy every tensor of the same name and shape from another generator's averaged weights."""
    state = torch.load(common.RUNS / start / "checkpoint.pt", weights_only=True)["averaged"]
    own = both.state_dict()
    known = {key.removeprefix("module."): value for key, value in state.items()}
    own.update({key: known[key] for key, value in own.items() if key in known and known[key].shape == value.shape})
    both.load_state_dict(own)


class Run:
    """One generator's training: model, averaged model, optimiser, and how far it has come."""

    def __init__(self, name: str, seed: int, rate: float, start: str | None):
        self.name, self.recipe, self.folder, self.rate = name, GENERATORS[name], common.RUNS / name, rate
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(seed)
        latents = encoded(self.recipe, seed)
        self.mean, self.deviation = latents.mean(dim=(0, 1, 3, 4)), latents.std(dim=(0, 1, 3, 4))
        latents = (latents - self.mean[:, None, None]) / self.deviation[:, None, None]
        self.latents = pack(latents.flatten(0, 1), self.recipe.packing).unflatten(0, latents.shape[:2])
        self.words = tokenizer()
        prompts = [caption(name) for name in NAMES] + [""]  # the last one asks for nothing
        self.tokens = self.words(prompts, padding="max_length", max_length=TOKENS, return_tensors="pt")["input_ids"]
        unet, text = build(self.recipe, self.latents.shape[2], self.latents.shape[-1], len(self.words))
        self.both = torch.nn.ModuleDict(dict(unet=unet.to(memory_format=torch.channels_last), text=text))
        self.checkpoint = self.folder / "checkpoint.pt"
        if start and not self.checkpoint.exists():
            warm_start(self.both, start)
        self.start = start
        self.averaged = torch.optim.swa_utils.AveragedModel(self.both, avg_fn=common.average)
        self.optimiser = torch.optim.AdamW(self.both.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-3)
        self.step, self.spent = 0, 0.0
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            self.both.load_state_dict(state["model"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.spent, self.start = state["step"], state["spent"], state["start"]
        self.chance = torch.Generator().manual_seed(seed + self.step)

    def loss(self, batch: int) -> torch.Tensor:
        """Flow-matching loss of a random batch."""
        chance = self.chance
        rows = torch.randint(len(NAMES), (batch,), generator=chance)
        clean = self.latents[rows, torch.randint(VARIANTS, (batch,), generator=chance)]
        noise = torch.randn(clean.shape, generator=chance)
        # Logit-normal times (Esser et al. 2024, section 3.1): the middle of the path is the hard part.
        times = torch.sigmoid(torch.randn(batch, generator=chance)).view(-1, 1, 1, 1)
        asked = torch.where(torch.rand(batch, generator=chance) < 0.1, len(NAMES), rows)
        noisy = torch.lerp(clean, noise, times).contiguous(memory_format=torch.channels_last)
        with common.autocast():
            hidden = self.both["text"](self.tokens[asked]).last_hidden_state
            predicted = self.both["unet"](noisy, times.flatten() * 1000, hidden).sample
        return (predicted.float() - (noise - clean)).square().mean()

    def advance(self, loss: torch.Tensor, share: float) -> None:
        """One optimiser step; `share` of the training is done."""
        for group in self.optimiser.param_groups:
            group["lr"] = (
                self.rate * min(1, (self.step + 1) / 100) * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)
            )
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.both.parameters(), 1.0)
        self.optimiser.step()
        self.averaged.update_parameters(self.both)
        self.step += 1

    def save(self, row: dict) -> None:
        """Log a line and write the checkpoint."""
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        print(row, flush=True)
        state = dict(
            model=self.both.state_dict(),
            averaged=self.averaged.state_dict(),
            optimiser=self.optimiser.state_dict(),
            step=self.step,
            spent=self.spent,
            start=self.start,
        )
        torch.save(state, self.checkpoint.with_suffix(".new"))
        self.checkpoint.with_suffix(".new").replace(self.checkpoint)


def train(name: str, minutes: float, seed: int, batch: int, rate: float, start: str | None) -> None:
    """Train until `minutes` of processor time have been spent in all runs together, then export."""
    run = Run(name, seed, rate, start)
    last, losses = time.process_time(), []
    while run.spent < minutes * 60:
        loss = run.loss(batch)
        run.advance(loss, run.spent / (minutes * 60))
        losses.append(loss.item())
        now = time.process_time()
        run.spent, last = run.spent + now - last, now
        if run.step % 500 == 0 or run.spent >= minutes * 60:
            run.save(dict(step=run.step, minutes=round(run.spent / 60, 1), loss=round(float(np.mean(losses)), 4)))
            losses.clear()
            last = time.process_time()
    export(run, minutes)


def export(run: Run, minutes: float) -> None:
    """Write U-Net, text encoder, tokenizer and scheduler in diffusers layout, 16-bit, beside the family's `vae/`."""
    import copy

    from diffusers import FlowMatchEulerDiscreteScheduler

    folder = common.MINIS / run.recipe.family / run.name
    kept = copy.deepcopy(run.averaged.module).half()
    kept["unet"].save_pretrained(folder / "unet")
    kept["text"].save_pretrained(folder / "text_encoder")
    run.words.save_pretrained(folder / "tokenizer")
    FlowMatchEulerDiscreteScheduler().save_pretrained(folder / "scheduler")
    described = dict(
        family=run.recipe.family,
        packing=run.recipe.packing,
        latents_mean=[round(value, 5) for value in run.mean.tolist()],
        latents_std=[round(value, 5) for value in run.deviation.tolist()],
        training=dict(
            drawings=run.recipe.set_name,
            variants=VARIANTS,
            minutes=round(minutes, 1),
            steps=run.step,
            started_from=run.start,
        ),
        prompts=[caption(name) for name in NAMES],
    )
    (folder / "generator.json").write_text(json.dumps(described, indent=1) + "\n")
    common.readable(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("generator", choices=sorted(GENERATORS))
    parser.add_argument("--minutes", type=float, required=True, help="processor minutes in all, over every run")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="peak learning rate")
    parser.add_argument("--start", choices=sorted(GENERATORS), help="start from this generator's weights")
    parser.add_argument("--export", action="store_true", help="only write the weights of the last checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.export:
        run = Run(arguments.generator, arguments.seed, arguments.rate, None)
        export(run, run.spent / 60)
        return
    train(arguments.generator, arguments.minutes, arguments.seed, arguments.batch, arguments.rate, arguments.start)


if __name__ == "__main__":
    main()
