"""Measure the null distribution of the grid test: `python -m training.null_distribution --photos PHOTOS --real REAL`.

One number for every picture that no family of a line-up made: the largest score of any family, at any look. The
search for a shifted grid, or another size, pays for its chances by itself (`search.corrected`), and is left out for
surrogates, where it would take most of the time. The pictures are photographs of the split `calibrate`; of the half
`choose` (`training.real`) the art and the pictures by models without a stand-in that no surrogate was trained on, if it
is known which autoencoder the model draws with; and lattices. Scores are kept in `training/runs/null/`, so that an
interrupted run goes on as long as the test's code is the same.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.core import code_key
from tracer.evidence.inversion import calibration, decision, inspection
from tracer.evidence.inversion.trace import Suspect, code_of
from tracer.evidence.store import versions
from tracer.image import perturbations
from tracer.models import registry
from training import data, real
from training.lattices import lattices

RUN = data.HERE / "runs" / "null"
UNREACHED = 1e6  # a threshold that no score reaches: every look is taken that a run takes where nothing is named
UNKNOWN = "closed"  # pictures by models of which nobody knows with which autoencoder they draw
LINEUPS = ("minis", "real")  # what stands for each kind of family


def pictures(photos: Path, folder: Path, lineup: str) -> Iterator[tuple[str, np.ndarray]]:
    """Pictures that no family of a line-up made, with names: photographs, art, other models', lattices."""
    kinds = ("cc-by", "cc0", "highres")
    files = data.photograph_files(photos, "calibrate", kinds)
    for index, path in enumerate(files):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        yield path.name, pixels
        if index % 3 == 0:
            yield f"{path.name} at JPEG 80", perturbations.jpeg(pixels, 80)
    for each in real.pictures(folder):
        if (
            each.split == "choose"
            and not real.trained_on(each)
            and not (lineup == "real" and each.family in (*real.NAMED, UNKNOWN))
        ):
            yield each.path.name, each.pixels()
    rng = np.random.default_rng(0)
    for path in files[1::80]:
        for name, lattice in lattices(np.asarray(Image.open(path).convert("RGB")), rng):
            yield f"{path.name} {name}", lattice


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    parser.add_argument("--lineup", choices=LINEUPS, help="only this one")
    parser.add_argument("--count", type=int, default=300, help="pictures of all kinds, drawn at random")
    arguments = parser.parse_args()
    RUN.mkdir(parents=True, exist_ok=True)
    for kind, name in zip(calibration.KINDS, LINEUPS, strict=True):
        if arguments.lineup not in (None, name):
            continue
        found = decision.NullDistribution(
            scores=tuple(sorted(_measure(name, arguments.photos, arguments.real, arguments.count))),
            pictures="photographs, art, renders, scans, interfaces, pictures by other models, and lattices",
            families=tuple(row.id for row in registry.families(name)),
            date=datetime.date.today().isoformat(),
            versions=versions(),
        )
        path = calibration.save(found, calibration.null_path(kind))
        print(path.name, len(found.scores), round(found.threshold, 3), flush=True)


def _measure(name: str, photos: Path, folder: Path, count: int) -> list[float]:
    """Scores of a line-up, those that were kept first."""
    code = code_key("tracer/evidence/inversion/*.py", "tracer/models/catalogue/*.toml")
    path = RUN / f"{name}-{code}.jsonl"
    known = dict(json.loads(line) for line in path.read_text().splitlines()) if path.exists() else {}
    suspects = [Suspect.of(row) for row in registry.families(name)]
    lineup = inspection.Lineup(
        load={each.name: code_of(each) for each in suspects},
        strides={each.name: each.load().stride for each in suspects},
        threshold=UNREACHED,
        native=tuple(sorted({each.native for each in suspects})),
        search=name != "real",
    )
    with path.open("a") as file:
        found = list(pictures(photos, folder, name))
        random.Random(0).shuffle(found)
        for key, pixels in found:
            if len(known) >= count:
                break
            if key in known:
                continue
            known[key] = round(inspection.inspect(pixels, lineup).best, 3)
            file.write(json.dumps([key, known[key]]) + "\n")
            file.flush()
    return list(known.values())


if __name__ == "__main__":
    main()
