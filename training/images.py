"""Write the held-out images that calibrate and test the minis: `python -m training.images --photos FOLDER --out DIR`.

`DIR/calibrate` gets 128 px centre crops of 150 calibration photographs and 50 drawings, `DIR/test` crops of 200 test
photographs and `DIR/test-drawings` 100 drawings, all of them never seen by the autoencoders and in no two folders.
`DIR/negatives-calibrate` and `DIR/negatives-test` have 20 and 30 of those photographs with 40 and 50 of those drawings
again, for prompt regeneration, whose every picture takes time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from training import data

CALIBRATE = dict(photographs=150, drawings=50)
TEST = dict(photographs=200, drawings=100)
NEGATIVES = {"calibrate": (20, 40), "test": (30, 50)}


def crop(photo: np.ndarray) -> np.ndarray:
    """The central 128 px of a photograph, at native resolution."""
    top, left = ((length - data.SIDE) // 2 for length in photo.shape[:2])
    return photo[top : top + data.SIDE, left : left + data.SIDE]


def write(images: list[np.ndarray], folder: Path, prefix: str) -> None:
    """Save images as numbered PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{prefix}-{index:03}.png")


def held_out_drawings() -> list[np.ndarray]:
    """Drawings that no autoencoder saw, on white, shuffled over the sets."""
    found = []
    for set_name in data.SETS:
        group = data.drawings(set_name)
        for index, name in enumerate(group.names):
            if data.drawing_held_out(set_name, name, "autoencoder"):
                image = (group.on(index, np.ones(3, np.float32)) * 255).round().astype(np.uint8)
                found.append((data.fraction(f"order/{set_name}/{name}"), image))
    return [image for _, image in sorted(found, key=lambda pair: pair[0])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/ and cc0/ inside")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    drawings = held_out_drawings()
    for name, counts in (("calibrate", CALIBRATE), ("test", TEST)):
        photos = data.photographs(arguments.photos, name)
        # Both kinds of photograph, evenly: every n-th of the split.
        chosen = [photos[i * len(photos) // counts["photographs"]] for i in range(counts["photographs"])]
        write([crop(photo) for photo in chosen], arguments.out / name, "photograph")
        count = NEGATIVES[name][0]
        few = [chosen[i * len(chosen) // count] for i in range(count)]
        write([crop(photo) for photo in few], arguments.out / f"negatives-{name}", "photograph")
    first = CALIBRATE["drawings"]
    for name, start in (("calibrate", 0), ("test", first)):
        write(drawings[start : start + NEGATIVES[name][1]], arguments.out / f"negatives-{name}", "drawing")
    write(drawings[:first], arguments.out / "calibrate", "drawing")
    write(drawings[first : first + TEST["drawings"]], arguments.out / "test-drawings", "drawing")


if __name__ == "__main__":
    main()
