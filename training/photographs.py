"""Sort photographs by split and kind: `python -m training.photographs --photos FOLDER --out DIR`.

`DIR/calibrate/` and `DIR/test/` get a folder per kind of photograph, of links to those that the detector of autoencoder
marks never saw: for `python -m tracer calibrate artifacts` and `python -m tracer benchmark --only artifacts`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training import data

KINDS = ("cc-by", "cc0", "highres")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    for split in ("calibrate", "test"):
        for kind in KINDS:
            folder = arguments.out / split / kind
            folder.mkdir(parents=True, exist_ok=True)
            files = data.photograph_files(arguments.photos, split, (kind,))
            for file in files:
                link = folder / file.name
                if not link.is_symlink():
                    link.symlink_to(file.resolve())
            print(f"{split}/{kind}: {len(files)}")


if __name__ == "__main__":
    main()
