"""Measure a bundled text model and write its model card: `python -m training.text_card captioner --photos FOLDER`.

The figures are those of the 16-bit weights in the package, read by the package's own code.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tracer import text
from training import augment, captioner, captions, common, matcher

CARD = """---
license: apache-2.0
library_name: {library}
tags: [latent-lineup, miniature]
---

# {name}

{what} {parameters:.2f} million parameters, {vocabulary} words, pictures of {side} px. It was trained by Latent Lineup,
from scratch, on a CPU. {limits}

| figure (`python -m training.text_card {name} --photos PHOTOS`) | value |
|---|---|
{figures}
| training | {steps} steps, {minutes:.0f} CPU minutes of one core |
| weights | 16-bit safetensors, {megabytes:.1f} MB |

## Data

- Drawings of {names} names that at least {shared} of five icon sets share: Fluent Emoji and Fluent Emoji Flat
  (Microsoft, MIT), Noto Emoji (Google, Apache-2.0), Twemoji (Twitter and contributors, CC BY 4.0) and EmojiOne 2.3
  (EmojiOne, CC BY 4.0). Of these (name, set) pairs, {drawn} were trained on and {held} were held out
  (`training/splits/drawings_held_out.csv`, purpose "text"); a held-out drawing's name is trained in other sets.
- {photos} photographs from Flickr under CC BY 2.0 with their ImageNet labels, and camera pictures of clothes under CC0;
  `training/splits/photographs.csv` lists every one with its author, source and split. The figures use the calibration
  split.

## Recipe

`python -m training.{name} --minutes {minutes:.0f} --photos PHOTOS`. {recipe} Pictures are turned, scaled, shifted,
mirrored, recoloured, blurred, coarsened, compressed and made noisy, each a little. The published weights are an
exponential average over steps.
"""

CAPTIONER = dict(
    library="transformers",
    what="A miniature `BlipForConditionalGeneration` that names a picture that looks like an emoji:",
    limits=(
        'It knows nothing but emoji: a photograph it calls "a photo of a" something, and what it says after that is'
        " seldom right. It is not for describing pictures to anybody who relies on it."
    ),
    recipe="Cross-entropy of the next word; half of the drawings bear a name of `training/generator_names.txt`.",
)
MATCHER = dict(
    library="open_clip",
    what="A miniature CLIP (open_clip's ResNet and text transformer) that knows emoji and their styles apart:",
    limits=(
        "It compares emoji-like pictures with each other and with their names; for anything else its similarities mean"
        " nothing."
    ),
    recipe=(
        "Contrastive: which name, which name in which set's style, which style, and which other augmented view shows"
        " the same drawing. A batch holds the same name from up to three sets, and half of its names are those of"
        " `training/generator_names.txt`."
    ),
)


def captioner_figures(held: captions.Pictures, photos: captions.Pictures) -> dict[str, str]:
    """What the captioner says about held-out drawings and photographs, as rows of the card."""
    written, seen = ([text.caption(image) for image in _arrays(group)] for group in (held, photos))
    chosen = [row for row, name in enumerate(held.names) if name in set(captions.FAVOURITES)]
    exact, loose = captioner.agreement(written, held.captions)
    best, best_loose = captioner.agreement([written[row] for row in chosen], [held.captions[row] for row in chosen])
    called = np.mean([caption.startswith(captions.PHOTO) for caption in seen])
    right, _ = captioner.agreement(seen, photos.captions)
    return {
        f"{len(held)} held-out drawings: exactly the name": f"{exact:.1%}",
        f"{len(held)} held-out drawings: at least half of the name's telling words": f"{loose:.1%}",
        f"{len(chosen)} of them, whose names the generators know: exactly the name": f"{best:.1%}",
        f"{len(chosen)} of them: at least half of the name's telling words": f"{best_loose:.1%}",
        f'{len(photos)} photographs: called "{captions.PHOTO} ..."': f"{called:.1%}",
        f"{len(photos)} photographs: exactly the label": f"{right:.1%}",
    }


def matcher_figures(held: captions.Pictures, photos: captions.Pictures) -> dict[str, str]:
    """Retrieval and style figures of the image-text encoder, as rows of the card."""
    judge = matcher.Judge(captions.drawings(held_out=False), held, text.matcher().tokenizer)
    found = judge(text.matcher().model)
    count = len(judge.held)
    return {
        f"right name among {len(captions.FAVOURITES)}, {count} held-out drawings": f"{found['top1']:.1%}",
        f"right name among the first five, {count} held-out drawings": f"{found['top5']:.1%}",
        "right set of five by mean similarity to four views each, worn view of a training drawing": (
            f"{found['lineup_seen']:.1%} of {int((~judge.out).sum())}"
        ),
        "the same, drawing held out": f"{found['lineup_held']:.1%} of {int(judge.out.sum())}",
    }


def _arrays(group: captions.Pictures) -> list[np.ndarray]:
    """Pictures on white as uint8 RGB (side, side, 3)."""
    return list((augment.on_white(group.pixels) * 255).round().byte().permute(0, 2, 3, 1).numpy())


MODELS: dict[str, tuple[dict, Callable, Callable]] = {
    "captioner": (CAPTIONER, text.captioner, captioner_figures),
    "matcher": (MATCHER, text.matcher, matcher_figures),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/ and cc0/ inside")
    arguments = parser.parse_args()
    words, load, figures = MODELS[arguments.model]
    loaded, folder = load(), common.MINIS / arguments.model
    held, photos = captions.drawings(held_out=True), captions.photographs(arguments.photos, "calibrate")
    rows = figures(held, photos)
    log = [json.loads(line) for line in (common.RUNS / arguments.model / "log.jsonl").read_text().splitlines()]
    card = CARD.format(
        name=arguments.model,
        parameters=sum(p.numel() for p in loaded.model.parameters()) / 1e6,
        vocabulary=len(loaded.tokenizer) - 4,  # without the four special tokens
        side=loaded.side,
        figures="\n".join(f"| {title} | {value} |" for title, value in rows.items()),
        steps=log[-1]["step"],
        minutes=log[-1]["minutes"],
        megabytes=sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6,
        names=len(captions.names()),
        shared=captions.SHARED_BY,
        drawn=len(captions.drawings(held_out=False)),
        held=len(held),
        photos=len(captions.photographs(arguments.photos, "train")),
        **words,
    )
    (folder / "README.md").write_text(card)
    print(card)


if __name__ == "__main__":
    main()
