"""The command that measures what the answers rest on."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tracer.cli.console import Json, Mode, complain, readable_errors, say
from tracer.evidence import store
from tracer.evidence.inversion.decision import ALPHA
from tracer.models import registry


def calibrate(
    family: Annotated[
        str, typer.Argument(help="a family of the registry, or artifacts, or regeneration", metavar="SUBJECT")
    ],
    belonging: Annotated[Path | None, typer.Option(help="folder of images that this family made")] = None,
    photographs: Annotated[
        list[Path] | None,
        typer.Option(help="folder of photographs to send through it instead; for artifacts required, repeatable"),
    ] = None,
    negatives: Annotated[
        list[Path] | None,
        typer.Option(help="for regeneration: folder of pictures that no model drew; may be repeated"),
    ] = None,
    count: Annotated[
        int,
        typer.Option(help="number of images, of artifacts per kind of photograph, of regeneration per model", min=3),
    ] = 200,
    mode: Mode = "grid",
    condition: Annotated[
        str | None, typer.Option(help="of artifacts, only this one: lossless, soft, webp, jpeg-95 ... jpeg-50")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for what is measured")] = store.FOLDER,
    as_json: Json = False,
) -> None:
    """Measure what a family's own pictures and negatives score, or what artifacts or regeneration rest on.

    A family needs no calibration in grid mode: this checks that it keeps to the error that all families share. Without
    a folder, its own pictures are reconstructions of tiles of the pictures that scikit-image bundles. The detector
    needs photographs that it was not trained on.
    """
    with readable_errors():
        if condition and family != "artifacts":
            raise ValueError("--condition is for artifacts alone")
        if family == "regeneration":
            _calibrate_regeneration(negatives or [], count, out, as_json)
        elif family == "artifacts":
            _calibrate_artifacts(photographs or [], count, condition, out, as_json)
        elif photographs and len(photographs) > 1:
            raise ValueError("give one folder of photographs for a family")
        else:
            _calibrate_family(family, mode, count, belonging, photographs[0] if photographs else None, out, as_json)


def _calibrate_family(
    family: str, mode: str, count: int, belonging: Path | None, photographs: Path | None, out: Path, as_json: bool
) -> None:
    from tracer.evidence.inversion import calibration
    from tracer.evidence.inversion.trace import Suspect

    shared = calibration.shared(Suspect.of(registry.family(family)).kind)
    path, found = calibration.calibrate(
        family, mode, count, belonging, photographs, out, lambda done: say(f"{family}: {done} images")
    )
    say("")
    told = {"file": str(path), "n": len(found.own if mode == "grid" else found.scores), "images": found.images}
    if mode != "grid":
        told |= {"threshold": found.threshold}
        words = f"{told['n']} images ({found.images}), losses up to {found.threshold:.4g} belong"
    else:
        own, null = _figures(found.own, shared.threshold), _figures(found.null, shared.threshold)
        told |= {"threshold": shared.threshold, "own": own, "null": null, "departs": found.departs(shared)}
        words = (
            f"of {own['images']} own images ({found.images}) {own['named']} score {shared.threshold:.3g} and more, "
            f"median {own['median']:.3g}; of {null['images']} negatives {null['named']}, median {null['median']:.3g}"
        )
        if told["departs"]:
            complain(f"{family} is named for more negatives than the error of {ALPHA:.0%} allows")
    print(json.dumps(told) if as_json else f"{path.name}: {words}")


def _figures(scores: Sequence[float], threshold: float) -> dict[str, float]:
    """How many images score high enough to be named, of how many, and the score in their middle."""
    named = sum(score >= threshold for score in scores)
    return {"images": len(scores), "named": named, "median": statistics.median(scores)}


def _calibrate_regeneration(negatives: list[Path], count: int, out: Path, as_json: bool) -> None:
    from tracer.evidence.regeneration import calibration, null_distribution

    out.mkdir(parents=True, exist_ok=True)
    scores = out / "regeneration-scores.jsonl"  # where to go on after an interruption
    found = calibration.null_distribution(calibration.folders(negatives), count, scores, say)
    path = null_distribution.save(found, out / null_distribution.FILE.name)
    scores.unlink(missing_ok=True)
    say("")
    print(json.dumps({"file": str(path), "images": found.images}) if as_json else f"{path.name}: {found.images}")


def _calibrate_artifacts(photographs: list[Path], count: int, condition: str | None, out: Path, as_json: bool) -> None:
    if not photographs:
        raise ValueError("the detector is calibrated on photographs that it was not trained on: give --photographs DIR")
    from tracer.evidence.artifacts import calibration, null_distribution

    def told(done: int, total: int) -> None:
        say(f"artifacts: {done} of {total} photographs")

    wanted = [condition] if condition else null_distribution.CONDITIONS
    paths = calibration.calibrate(photographs, count, wanted, out, told)
    say("")
    rows = [(path, json.loads(path.read_text())) for path in paths]
    found = [{"file": str(path), "n": stored["n"], **stored["thresholds"]} for path, stored in rows]
    if as_json:
        print(json.dumps(found, indent=2))
    for (path, stored), row in zip([] if as_json else rows, found, strict=False):
        print(f"{path.name}: {row['n']} photographs, {stored['thresholds']}")
