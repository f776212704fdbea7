"""Write the photographs and the art that calibrate and test the detector.

    python -m training.detector_images --photos FOLDER --real FOLDER --out DIR

`DIR/calibrate` and `DIR/test` get the photographs of their splits at native size, copied byte for byte into one folder
per kind. Of `cc-by`, whose photographs are small and sharp, the test gets so few that they stay under a third. What no
model made of the half `choose` calibrates too, a folder per category, without what the detector was trained on.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from training import data, real
from training.originals import HARD

KINDS = ("cc-by", "cc0", "highres")


def chosen(photos: Path, split: str) -> dict[str, list[Path]]:
    """The files of a split by kind."""
    files = {kind: data.photograph_files(photos, split, (kind,)) for kind in KINDS}
    if split == "test":
        first = files["cc-by"]
        most = (len(files["cc0"]) + len(files["highres"]) - 1) // 2
        files["cc-by"] = [first[index * len(first) // most] for index in range(min(most, len(first)))]
    return files


def others(folder: Path) -> dict[str, list[Path]]:
    """What no model made of the half `choose`, and the detector was not trained on, by category."""
    files: dict[str, list[Path]] = {}
    for each in real.pictures(folder):
        if not each.generated and each.split == "choose" and each.source not in HARD:
            files.setdefault(each.family, []).append(each.path)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    for split in ("calibrate", "test"):
        groups = chosen(arguments.photos, split)
        if split == "calibrate":
            groups |= others(arguments.real)
        for kind, files in groups.items():
            folder = arguments.out / split / kind
            folder.mkdir(parents=True, exist_ok=True)
            for file in files:
                shutil.copyfile(file, folder / file.name)
            print(f"{split}/{kind}: {len(files)} pictures")


if __name__ == "__main__":
    main()
