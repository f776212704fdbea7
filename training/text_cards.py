"""Measure the bundled captioner and image-text encoder and write their model cards: `python -m training.text_cards`.

    python -m training.text_cards --photos FOLDER

The figures are those of the 16-bit weights in the package, through the package's own loading code, on drawings and
photographs that neither model was trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from tracer.image import perturbations
from tracer.models import autoencoder, cache, captioning, registry
from training import captioner, captions, common, data, matcher

HEAD = """---
license: apache-2.0
library_name: {library}
tags: [latent-lineup, miniature]
---

"""

DATA = """
## Data

- The drawings that bear one of {names} names that at least three of five emoji sets share, in words: Fluent Emoji and
  Fluent Emoji Flat (Microsoft, MIT), Noto Emoji (Google, Apache-2.0), Twemoji (Twitter and contributors, CC BY 4.0) and
  EmojiOne 2.3 (EmojiOne, CC BY 4.0). Left out are families, couples, national flags and drawings that only face the
  other way. {trained} were trained on; the other {held} are the held-out tenth, which `drawings_held_out.csv` in
  `training/splits/` lists under "text". A held-out drawing's name is known from other sets, never from its own.
- The training split (60 %) of 1,000 photographs from Flickr under CC BY 2.0, as "a photo of a ..." with their ImageNet
  label, and of 350 camera pictures of clothes under CC0, with their category; `training/splits/photographs.csv` lists
  every one with its author, source and split.
"""

CAPTIONER = """# captioner

A miniature `BlipForConditionalGeneration` that names drawings in the manner of emoji: {parameters:.2f} million
parameters, 64 px pictures, a vocabulary of {words} words. Latent Lineup trained it from scratch, on a CPU, to turn a
picture into a prompt for the bundled generators. It has learned {names} names and answers with their words, or with "a
photo of a ...", whatever the picture shows. It is not for describing photographs: it can tell that they are
photographs, and hardly ever what is on them.

{table}

"Exact" is the whole name, word for word ("red apple"). "Loose" is at least half of the name's telling words: all but
{small}. The generators' names are the {favourites} that the bundled generators draw. The held-out drawings were watched
while it was trained; no choice of weights rests on them.
"""

CAPTIONER_RECIPE = """
## Recipe

`python -m training.captioner --minutes {minutes:.0f} --photos PHOTOS`: {steps} steps of 128 pictures, {minutes:.0f}
minutes of one core, Muon. Cross-entropy of the next word and, during training only, of the whole caption by a linear
classifier. Pictures are turned, scaled, shifted, mirrored, blurred, compressed and made noisy; half of the drawings
bear one of the generators' names. The weights are an exponential average over steps.
"""

MATCHER = """# matcher

A miniature CLIP of open_clip's, for drawings in the manner of emoji: {parameters:.2f} million parameters, 64 px
pictures, a vocabulary of {words} words. Latent Lineup trained it from scratch, on a CPU, to compare pictures with each
other, by contents and by style, and with names. It knows next to nothing about photographs, and its similarities are
not comparable with those of any other CLIP.

{table}

Retrieval ranks the {favourites} names that the bundled generators draw for every held-out drawing of one of them. The
line-up is five drawings of one name, one from each set, four augmented views each: which of them is most similar, by
mean cosine similarity, to a fifth view of one of them? Guessing finds 20 %. The held-out drawings were watched while it
was trained; no choice of weights rests on them.
"""

MATCHER_RECIPE = """
## Recipe

`python -m training.matcher --minutes {minutes:.0f} --photos PHOTOS`: {steps} steps of 16 names from up to three sets
each and 6 photographs, in two augmented views each, {minutes:.0f} minutes of one core, Muon and AdamW. Cross-entropies
over cosine similarities: which name, which name in which style ("{style} red apple"), which style, and which
other image is a view of the same drawing. The weights are an exponential average over steps.
"""


def conditions() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What may have happened to a picture of 128 px before a model sees it."""
    through = cache.load(registry.family("mini-kl"))

    def blurred(image: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(1)))

    return {
        "as drawn": lambda image: image,
        "JPEG quality 70": lambda image: perturbations.jpeg(image, 70),
        "Gaussian blur of sigma 1": blurred,
        "through the autoencoder mini-kl": lambda image: autoencoder.reconstruct(image, through),
    }


def held_out() -> tuple[list[np.ndarray], list[str], list[str]]:
    """The held-out drawings on white at 128 px, uint8 RGB, with their names and sets."""
    known, found = set(captions.names()), []
    for set_name in data.SETS:
        group = data.drawings(set_name)
        for index, name in enumerate(group.names):
            if name in known and data.drawing_held_out(set_name, name, "text"):
                image = (group.on(index, np.ones(3, np.float32)) * 255).round().astype(np.uint8)
                found.append((image, name, set_name))
    images, names, sets = zip(*found, strict=True)
    return list(images), list(names), list(sets)


def table(command: str, rows: dict[str, str]) -> str:
    """A Markdown table of figures."""
    lines = [f"| figure (`{command}`) | value |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]
    return "\n".join(lines)


def share(values: list[bool] | np.ndarray) -> str:
    """How many of the values are true: three of four is "75 % of 4"."""
    return f"{100 * np.mean(values):.0f} % of {len(values)}"


def caption_figures(photos: Path) -> dict[str, str]:
    """The captioner's rows."""
    images, names, sets = held_out()
    true = [captions.words(name) for name in names]
    drawn = np.array([name in captions.FAVOURITES for name in names])
    rows = {}
    for title, change in conditions().items():
        chosen = np.ones(len(images), bool) if title == "as drawn" else drawn
        pairs = [
            (captioning.caption(change(image)), name)
            for image, name, wanted in zip(images, true, chosen, strict=True)
            if wanted
        ]
        exact = np.array([one == other for one, other in pairs])
        loose = np.array([captioner.agreement([one], [other])[1] == 1 for one, other in pairs])
        if title == "as drawn":
            rows["held-out drawings of all names, exact"] = share(exact)
            rows["held-out drawings of all names, loose"] = share(loose)
            for set_name in data.SETS:
                rows[f"of these, {set_name}, exact"] = share(exact[np.array(sets) == set_name])
            called = [one.startswith(captions.PHOTO) for one, _ in pairs]
            rows["held-out drawings called a photo"] = share(called)
            exact, loose = exact[drawn], loose[drawn]
        rows[f"held-out drawings of the generators' names, {title}, exact"] = share(exact)
        rows[f"held-out drawings of the generators' names, {title}, loose"] = share(loose)
    seen = [captioning.caption(image) for image in data.photographs(photos, "test")]
    rows["test photographs called a photo"] = share([one.startswith(captions.PHOTO) for one in seen])
    labels = captions.photographs(photos, "test").captions
    rows["test photographs given their exact label"] = share([a == b for a, b in zip(seen, labels, strict=True)])
    return rows


def match_figures() -> dict[str, str]:
    """The image-text encoder's rows."""
    images, names, _ = held_out()
    chosen = [index for index, name in enumerate(names) if name in captions.FAVOURITES]
    texts = captioning.embed_texts([captions.words(name) for name in captions.FAVOURITES])
    right = np.array([captions.FAVOURITES.index(names[index]) for index in chosen])[:, None]
    rows = {}
    for title, change in conditions().items():
        similar = captioning.embed_images([change(images[index]) for index in chosen]) @ texts.T
        ranked = similar.argsort(dim=1, descending=True).numpy() == right
        rows[f"retrieval of the name, {title}: first"] = share(ranked[:, 0])
        rows[f"retrieval of the name, {title}: among the first five"] = share(ranked[:, :5].any(axis=1))
    drawn, held = captions.drawings(held_out=False), captions.drawings(held_out=True)
    model = captioning.matcher()
    judge = matcher.Judge(drawn, held, model.tokenizer, seed=2)
    figures, out = judge(model.model), judge.out.numpy()
    for title, key, count in (
        ("drawings it was trained on", "lineup_seen", (~out).sum()),
        ("held-out drawings", "lineup_held", out.sum()),
    ):
        rows[f"line-up, {title}"] = f"{100 * figures[key]:.0f} % of {count}"
    return rows


def recipe(name: str) -> dict[str, str | float]:
    """Steps and minutes of a run, from its log."""
    last = json.loads((common.RUNS / name / "log.jsonl").read_text().splitlines()[-1])
    return dict(steps=f"{last['step']:,}", minutes=last["minutes"])


def parameters(model) -> float:
    """Millions of them; weights that two layers share count once."""
    return sum(value.numel() for value in model.parameters()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/ and cc0/ inside")
    arguments = parser.parse_args()
    command = "python -m training.text_cards --photos PHOTOS"
    common_words = dict(
        names=f"{len(captions.names()):,}",
        favourites=len(captions.FAVOURITES),
        trained=f"{len(captions.drawings(held_out=False)):,}",
        held=f"{len(captions.drawings(held_out=True)):,}",
        small=", ".join(sorted(captioner.SMALL)),
        style=captions.STYLES["noto"],
    )
    for name, library, loaded, figures, body, how in (
        (
            "captioner",
            "transformers",
            captioning.captioner(),
            caption_figures(arguments.photos),
            CAPTIONER,
            CAPTIONER_RECIPE,
        ),
        ("matcher", "open_clip", captioning.matcher(), match_figures(), MATCHER, MATCHER_RECIPE),
    ):
        known = dict(
            common_words,
            **recipe(name),
            parameters=parameters(loaded.model),
            words=len(loaded.tokenizer) - 4,  # without the special ones
            table=table(command, figures),
        )
        card = HEAD.format(library=library) + (body + DATA + how).format(**known)
        (common.MINIS / name / "README.md").write_text(card)
        print(card)


if __name__ == "__main__":
    main()
