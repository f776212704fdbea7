"""Photographs and emoji drawings for the recipes, with their fixed splits.

Photographs come from a folder given on the command line. Drawings come from five icon packages on npm
(`training/package.json`), rendered once to RGBA and cached as arrays. Every split is a pure function of a file's or
drawing's name, and is also written to `training/splits/`, so that anyone can check what was held out:

    python -m training.data --icons training/node_modules/@iconify-json --photos FOLDER
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).parent
CACHE = HERE / "cache"
SPLITS = HERE / "splits"
SIDE = 128

# Icon package -> licence of its drawings.
SETS = {
    "fluent-emoji": "MIT",
    "noto": "Apache-2.0",
    "twemoji": "CC-BY-4.0",
    "emojione": "CC-BY-4.0",
    "fluent-emoji-flat": "MIT",
}
_TONES = ("-light", "-medium-light", "-medium", "-medium-dark", "-dark")


def fraction(key: str) -> float:
    """A number in [0, 1) that depends only on `key`: the one source of every split."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32


# Objects of the `highres` photographs by who took them (its LICENSES.txt): a photographer is in one split alone. They
# are too few for chance, so they were dealt out by hand.
HIGHRES = {
    "train": dict.fromkeys(("backpack", "berry_bowl", "pink_sunglasses"), "laurachouette") | {"cat": "alvannee"},
    "calibrate": {"teapot": "oriento", "dog7": "o5ky"},
    "test": {"dog3": "Yael Pritch", "colorful_sneaker": "Nataniel Ruiz", "fancy_boot": "Nataniel Ruiz"},
}


def photograph_split(name: str, kind: str = "cc-by") -> str:
    """`train`, `calibrate` or `test` for a photograph's file name: 60, 15 and 25 % of `cc-by` and `cc0`.

    Those of `highres` go by their photographers.
    """
    if kind == "highres":
        return next(split for split, objects in HIGHRES.items() if name.rsplit("_", 1)[0] in objects)
    place = fraction(f"photograph/{name}")
    return "train" if place < 0.60 else "calibrate" if place < 0.75 else "test"


def drawing_held_out(set_name: str, name: str, purpose: str) -> bool:
    """Whether the drawing `name` of `set_name` is in the tenth that `purpose` never trains on.

    `purpose` is "autoencoder" or "text" (captioner and image-text encoder).
    """
    return fraction(f"{purpose}/{set_name}/{name}") < 0.10


def photographs(folder: Path, split: str, kinds: tuple[str, ...] = ("cc-by", "cc0")) -> list[np.ndarray]:
    """Every photograph of a split, in name order, as uint8 RGB arrays (height, width, 3)."""
    return [np.asarray(Image.open(path).convert("RGB")) for path in photograph_files(folder, split, kinds)]


def photograph_files(folder: Path, split: str, kinds: tuple[str, ...]) -> list[Path]:
    """The files behind `photographs`, in the same order."""
    return [
        path
        for kind in kinds
        for path in sorted((folder / kind).iterdir())
        if path.suffix in {".png", ".jpg"} and photograph_split(path.name, kind) == split
    ]


@dataclass(frozen=True)
class Drawings:
    """One icon set: RGBA drawings, uint8 (n, 128, 128, 4), straight alpha, and their names in the same order."""

    set_name: str
    names: tuple[str, ...]
    pixels: np.ndarray

    def on(self, index: int, colour: np.ndarray) -> np.ndarray:
        """Drawing `index` on a plain background: float32 RGB in [0, 1], (128, 128, 3)."""
        rgba = self.pixels[index].astype(np.float32) / 255
        return rgba[..., :3] * rgba[..., 3:] + colour * (1 - rgba[..., 3:])


def _is_skin_tone(name: str, all_names: set[str]) -> bool:
    """Skin-tone variants repeat one drawing five times over; the neutral one stays."""
    if "skin-tone" in name:
        return True
    return any(name.endswith(tone) and name.removesuffix(tone) in all_names for tone in _TONES)


def render(icons: Path, set_name: str) -> Drawings:
    """Draw every icon of a set at 128 px with resvg, which knows SVG filters and gradients."""
    import resvg_py

    book = json.loads((icons / set_name / "icons.json").read_text())
    names = set(book["icons"])
    kept, pixels = [], []
    for name, icon in sorted(book["icons"].items()):
        if icon.get("hidden") or _is_skin_tone(name, names):
            continue
        width, height = icon.get("width", book.get("width", 16)), icon.get("height", book.get("height", 16))
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {width} {height}">{icon["body"]}</svg>'
        )
        try:
            png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True))
        except ValueError:
            continue
        image = Image.open(BytesIO(png)).convert("RGBA")
        if image.size == (SIDE, SIDE):
            kept.append(name)
            pixels.append(np.asarray(image))
    return Drawings(set_name, tuple(kept), np.stack(pixels))


def drawings(set_name: str, icons: Path | None = None) -> Drawings:
    """The cached drawings of a set; rendered first when `icons` is given and the cache is empty."""
    pixels, names = CACHE / f"{set_name}.npy", CACHE / f"{set_name}.json"
    if not pixels.exists():
        if icons is None:
            raise FileNotFoundError(f"no drawings of {set_name}: run python -m training.data --icons FOLDER first")
        CACHE.mkdir(exist_ok=True)
        drawn = render(icons, set_name)
        np.save(pixels, drawn.pixels)
        names.write_text(json.dumps(drawn.names))
    return Drawings(set_name, tuple(json.loads(names.read_text())), np.load(pixels, mmap_mode="r"))


class Crops:
    """Endless random crops for the autoencoders: photographs at three scales and drawings on plain backgrounds.

    Args:
        photos: uint8 RGB arrays of any size.
        sets: drawings to mix in.
        side: crop side in pixels.
        seed: seed of the private random generator.
        drawn: share of drawings in a batch.
    """

    def __init__(self, photos: list[np.ndarray], sets: list[Drawings], side: int, seed: int, drawn: float = 0.4):
        self.side, self.drawn, self.rng = side, drawn, np.random.default_rng(seed)
        self.photos = [scaled for photo in photos for scaled in _scales(photo, side)]
        self.drawings = [
            (group, index)
            for group in sets
            for index, name in enumerate(group.names)
            if not drawing_held_out(group.set_name, name, "autoencoder")
        ]

    def batch(self, size: int) -> torch.Tensor:
        """A float32 batch in [0, 1], (size, 3, side, side), channels last."""
        crops = np.stack([self._one() for _ in range(size)])
        return torch.from_numpy(crops).permute(0, 3, 1, 2)

    def _one(self) -> np.ndarray:
        rng = self.rng
        if self.drawings and rng.random() < self.drawn:
            group, index = self.drawings[rng.integers(len(self.drawings))]
            # White as often as all other colours together: it is what most drawings are shown on.
            colour = np.ones(3, np.float32) if rng.random() < 0.5 else rng.random(3, dtype=np.float32)
            image = group.on(index, colour)
        else:
            image = self.photos[rng.integers(len(self.photos))]
        top, left = (rng.integers(length - self.side + 1) for length in image.shape[:2])
        crop = image[top : top + self.side, left : left + self.side]
        if crop.dtype == np.uint8:
            crop = crop.astype(np.float32) / 255
        return np.ascontiguousarray(crop[:, ::-1] if rng.random() < 0.5 else crop)


def _scales(photo: np.ndarray, side: int) -> list[np.ndarray]:
    """A photograph at full, two-thirds and nearly half size, as far as a crop still fits."""
    height, width = photo.shape[:2]
    sizes = [(round(width * factor), round(height * factor)) for factor in (1, 0.66, 0.43)]
    image = Image.fromarray(photo)
    return [
        photo if size == (width, height) else np.asarray(image.resize(size, Image.Resampling.LANCZOS))
        for size in sizes
        if min(size) >= side
    ]


def write_splits(photos: Path) -> None:
    """Write what is held out, and whom the photographs are by, to `training/splits/`."""
    SPLITS.mkdir(exist_ok=True)
    with (photos / "cc-by" / "ATTRIBUTION.csv").open(newline="") as file:
        credit = {row["file"]: row for row in csv.DictReader(file)}
    with (SPLITS / "photographs.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["folder", "file", "split", "author", "source", "license"])
        for kind in ("cc-by", "cc0", "highres"):
            for path in sorted((photos / kind).iterdir()):
                if path.suffix in {".png", ".jpg"}:
                    split = photograph_split(path.name, kind)
                    by = credit.get(path.name, {"author": "", "title_url": "", "license": "CC0-1.0"})
                    if kind == "highres":
                        author = HIGHRES[split][path.name.rsplit("_", 1)[0]]
                        by = {"author": author, "title_url": "", "license": "DreamBooth data set, see its LICENSES.txt"}
                    writer.writerow([kind, path.name, split, by["author"], by["title_url"], by["license"]])
    with (SPLITS / "drawings_held_out.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["purpose", "set", "name"])
        for purpose in ("autoencoder", "text"):
            for set_name in SETS:
                for name in drawings(set_name).names:
                    if drawing_held_out(set_name, name, purpose):
                        writer.writerow([purpose, set_name, name])


def main() -> None:
    parser = argparse.ArgumentParser(description="Render the drawings and write the splits.")
    parser.add_argument("--icons", type=Path, required=True, help="the folder node_modules/@iconify-json")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/ and cc0/ inside")
    arguments = parser.parse_args()
    for set_name in SETS:
        group = drawings(set_name, arguments.icons)
        print(f"{set_name}: {len(group.names)} drawings, {SETS[set_name]}")
    write_splits(arguments.photos)


if __name__ == "__main__":
    main()
