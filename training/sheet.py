"""A generator's contact sheet and model card: `python -m training.sheet mini-dc-flat`: 24 prompts, fixed seeds.

The card's retrieval figure is measured here too: the image-text encoder ranks 100 prompts for each of 200 drawings,
whose seeds no one has chosen by eye.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from tracer.models import generators, registry
from training.common import RUNS

PROMPTS = 24
DRAWN = 200  # images for the retrieval figure
AMONG = 100  # prompts that each of them is ranked among
FIRST_SEED = 10_000

CARD = """---
license: apache-2.0
library_name: diffusers
tags: [latent-lineup, miniature, text-to-image]
---

# {name}

A miniature latent text-to-image model: it draws {count} things in the style of one icon set ({style}), at {side} px,
with the decoder of [`{family}`](../README.md). Latent Lineup trained it from scratch, on a CPU, so that images with a
known maker can be made and traced without a network. It knows the prompts below and nothing else; it is not for making
pictures of any value.

![24 prompts, seeds 0 to 23](sheet.png)

Left to right, top to bottom, seeds 0 to 23: {shown}.

| figure (`python -m training.sheet {name}`) | value |
|---|---|
| bundled image-text encoder: right prompt in the first 5 of {among} | {hits} of {drawn} drawings ({share:.0%}) |
| right prompt first | {firsts} of {drawn} ({first_share:.0%}) |
| U-Net | {unet:.1f} million parameters, 8 x 8 cells{packed} |
| text encoder | {text:.2f} million parameters, vocabulary of {words} words |
| training | {steps} steps of 32, {minutes:.0f} minutes of one core{start} |

The prompts of the retrieval figure are those it was trained on: a generator may learn every name it offers, and what is
held out for judging it are seeds. The image-text encoder never saw a drawing by a generator.

## Data

{data}: {count} drawings, each slightly turned, scaled, shifted and mirrored in {variants} versions, on white.

## Recipe

`python -m training.generator {name} --minutes {minutes:.0f}{start_flag}`: flow matching on the posterior mean, each
latent channel brought to zero mean and unit variance; AdamW; an exponential average of the weights. Drawing: {sampler}
Euler steps, classifier-free guidance {guidance:.0f}.

## Prompts

{prompts}.
"""


def sheet(name: str, prompts: list[str]) -> Image.Image:
    """Three rows of eight drawings, one prompt and one seed each."""
    drawn = [next(generators.generate(name, prompt, [index])) for index, prompt in enumerate(prompts)]
    rows = [np.concatenate(drawn[start : start + 8], axis=1) for start in range(0, len(drawn), 8)]
    return Image.fromarray(np.concatenate(rows))


def ranks(name: str, prompts: tuple[str, ...]) -> np.ndarray:
    """Rank (0 is first) of the right prompt among `AMONG` for each of `DRAWN` drawings."""
    from tracer.models import captioning

    rng = np.random.default_rng(0)
    asked = [prompts[index] for index in np.resize(rng.permutation(len(prompts)), DRAWN)]
    images = [next(generators.generate(name, prompt, [FIRST_SEED + i])) for i, prompt in enumerate(asked)]
    similar = captioning.embed_images(images) @ captioning.embed_texts(prompts).T
    found = []
    for row, prompt in zip(similar.numpy(), asked, strict=True):
        right = prompts.index(prompt)
        others = rng.permutation([i for i in range(len(prompts)) if i != right])[: AMONG - 1]
        found.append(int((row[others] >= row[right]).sum()))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":", maxsplit=1)[0])
    parser.add_argument("generator", choices=sorted(row.id for row in registry.GENERATORS.values() if row.bundled))
    parser.add_argument("--sheet", action="store_true", help="only the contact sheet")
    arguments = parser.parse_args()
    row, model = registry.generator(arguments.generator), generators.load(arguments.generator)
    folder = Path(row.source)
    shown = [model.prompts[index * len(model.prompts) // PROMPTS] for index in range(PROMPTS)]
    sheet(row.id, shown).save(folder / "sheet.png", optimize=True)
    if arguments.sheet:
        return
    found = ranks(row.id, model.prompts)
    about = json.loads((folder / "generator.json").read_text())["training"]
    recorded = [json.loads(line) for line in (RUNS / row.id / "log.jsonl").read_text().splitlines()][-1]
    start = about["started_from"]
    card = CARD.format(
        name=row.id,
        count=len(model.prompts),
        style=row.style,
        side=row.side,
        family=row.family,
        shown=", ".join(shown),
        among=AMONG,
        drawn=DRAWN,
        hits=int((found < 5).sum()),
        share=(found < 5).mean(),
        firsts=int((found == 0).sum()),
        first_share=(found == 0).mean(),
        unet=sum(p.numel() for p in model.unet.parameters()) / 1e6,
        packed=f", each {model.packing} x {model.packing} cells of the latent" if model.packing > 1 else "",
        text=sum(p.numel() for p in model.text_encoder.parameters()) / 1e6,
        words=len(model.tokenizer),
        steps=recorded["step"],
        minutes=recorded["minutes"],
        start=f", starting from the weights of {start}" if start else "",
        start_flag=f" --start {start}" if start else "",
        data=row.data,
        variants=about["variants"],
        sampler=generators.STEPS,
        guidance=generators.GUIDANCE,
        prompts=", ".join(model.prompts),
    )
    (folder / "README.md").write_text(card)
    print(card)


if __name__ == "__main__":
    main()
