"""Pictures and their captions for the two text models: names, vocabulary, tokenizer, 64 px pixels.

A drawing's caption is its name in words. Only names that at least three of the five icon sets share are learned: a name
that occurs once (mostly a flag) could neither be held out nor be checked. A photograph's caption is "a photo of a ..."
with its ImageNet label, or with its category where the file name begins with one.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training import data

SIDE = 64  # what both models see
PHOTO_SIDE = 76  # photographs are kept a little larger and cropped
TOKENS = 12  # longest caption, with its two ends
SHARED_BY = 3
STYLES = {
    "fluent-emoji": "fluent emoji",
    "noto": "noto emoji",
    "twemoji": "twemoji emoji",
    "emojione": "emojione emoji",
    "fluent-emoji-flat": "flat emoji",
}
PHOTO = "a photo of a"
FAVOURITES = tuple((data.HERE / "generator_names.txt").read_text().split())
# Mirror images, families and national flags of the same drawing differ in what 64 pixels do not show.
_SIDED = re.compile(r"left|right|forward|reverse|next|last|back-")
_SKIPPED = re.compile(r"facing-right|^family|^flag-|^kiss-|^couple-with")


def words(text: str) -> str:
    """A name or label as a caption: lower-case words and single spaces ("red-apple" -> "red apple")."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


@cache
def names() -> tuple[str, ...]:
    """The names that are learned, in alphabetical order."""
    count = Counter(name for set_name in data.SETS for name in data.drawings(set_name).names)
    return tuple(sorted(n for n, number in count.items() if number >= SHARED_BY and not _SKIPPED.search(n)))


@dataclass(frozen=True)
class Pictures:
    """Pixels with captions.

    Attributes:
        pixels: uint8 (n, 4, side, side), premultiplied RGBA; photographs are opaque.
        captions: n captions without a style.
        styles: n styles: a value of `STYLES`, or "a photo".
        names: n names of drawings; empty for photographs.
        sided: whether the mirror image would need another name, bool (n,).
    """

    pixels: torch.Tensor
    captions: tuple[str, ...]
    styles: tuple[str, ...]
    names: tuple[str, ...]
    sided: torch.Tensor

    def __len__(self) -> int:
        return len(self.captions)


def _reduced(rgba: np.ndarray, side: int) -> np.ndarray:
    """RGBA with straight alpha -> premultiplied, (side, side, 4)."""
    image = Image.fromarray(rgba).convert("RGBa")
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def drawings(held_out: bool) -> Pictures:
    """The drawings of all sets that bear a learned name: the nine tenths to learn from or the tenth to judge by."""
    known, pixels, rows = set(names()), [], []
    for set_name in data.SETS:
        group = data.drawings(set_name)
        for index, name in enumerate(group.names):
            if name in known and data.drawing_held_out(set_name, name, "text") == held_out:
                pixels.append(_reduced(np.asarray(group.pixels[index]), SIDE))
                rows.append((words(name), STYLES[set_name], name))
    return _pictures(pixels, rows)


def photographs(folder: Path, split: str) -> Pictures:
    """The photographs of a split, squeezed into a square, with their labels."""
    from open_clip import IMAGENET_CLASSNAMES

    with (folder / "cc-by" / "ATTRIBUTION.csv").open(newline="") as file:
        numbers = {row["file"]: int(row["imagenet_label_1based"]) - 1 for row in csv.DictReader(file)}
    pixels, rows = [], []
    for path in sorted([*(folder / "cc-by").iterdir(), *(folder / "cc0").iterdir()]):
        if path.suffix in {".png", ".jpg"} and data.photograph_split(path.name) == split:
            known = path.name in numbers
            label = IMAGENET_CLASSNAMES[numbers[path.name]] if known else path.stem.rpartition("_")[0]
            pixels.append(_reduced(np.asarray(Image.open(path).convert("RGBA")), PHOTO_SIDE))
            rows.append((f"{PHOTO} {words(label)}", "a photo", ""))
    return _pictures(pixels, rows)


def _pictures(pixels: list[np.ndarray], rows: list[tuple[str, str, str]]) -> Pictures:
    captions, styles, known = zip(*rows, strict=True)
    sided = torch.tensor([bool(_SIDED.search(name)) for name in known])
    return Pictures(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(), captions, styles, known, sided)


def vocabulary(photos: Pictures) -> list[str]:
    """Every word of the names, styles and training photographs' labels, in alphabetical order."""
    texts = [*map(words, names()), *STYLES.values(), *photos.captions]
    return sorted({word for text in texts for word in text.split()})


def tokenizer(vocabulary: list[str], length: int = TOKENS):
    """A word tokenizer; punctuation is a space, unknown words become [UNK]."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbered = {word: index for index, word in enumerate(["[PAD]", "[BOS]", "[EOS]", "[UNK]", *vocabulary])}
    raw = Tokenizer(models.WordLevel(numbered, unk_token="[UNK]"))  # noqa: S106 - no password
    raw.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(Regex("[^a-z0-9]+"), " ")])
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", 1), ("[EOS]", 2)]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("bos", "eos", "pad", "unk")}
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=length, **special)


def ids(encoder, texts: list[str]) -> torch.Tensor:
    """Token numbers, (n, TOKENS), padded with 0."""
    return encoder(texts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt")["input_ids"]
