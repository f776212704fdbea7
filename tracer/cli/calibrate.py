"""The command that measures what the answers rest on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tracer.cli.console import Json, Mode, readable_errors, say
from tracer.evidence import conditions, store


def calibrate(
    family: Annotated[
        str, typer.Argument(help="a family of the registry, or artifacts, or regeneration", metavar="SUBJECT")
    ],
    belonging: Annotated[Path | None, typer.Option(help="folder of images that this family made")] = None,
    photographs: Annotated[
        list[Path] | None,
        typer.Option(help="folder of photographs to send through it instead; for artifacts required, repeatable"),
    ] = None,
    strangers: Annotated[
        list[Path] | None,
        typer.Option(help="for regeneration: folder of pictures that no model drew; may be repeated"),
    ] = None,
    count: Annotated[
        int,
        typer.Option(help="number of images, of artifacts per kind of photograph, of regeneration per model", min=3),
    ] = 200,
    mode: Mode = "fast",
    condition: Annotated[
        str | None,
        typer.Option(
            help="lossless, resized, jpeg-95, jpeg-85, jpeg-70 or jpeg-50; by default lossless, of artifacts all"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for the threshold")] = store.FOLDER,
    as_json: Json = False,
) -> None:
    """Measure and store a family's threshold, or what the verdict of artifacts or of regeneration rests on.

    Without a folder, a family's belonging images are reconstructions of tiles of the pictures that scikit-image
    bundles. The detector needs photographs that it was not trained on.
    """
    with readable_errors():
        if family == "regeneration":
            _calibrate_regeneration(strangers or [], count, out, as_json)
            return
        if family == "artifacts":
            _calibrate_artifacts(photographs or [], count, condition, out, as_json)
            return
        from tracer.evidence.inversion.belonging import calibrate as measure

        if photographs and len(photographs) > 1:
            raise ValueError("give one folder of photographs for a family")
        folder, condition = photographs[0] if photographs else None, condition or conditions.LOSSLESS
        path = measure(
            family, mode, count, belonging, folder, out, condition, lambda n: say(f"{family}: {n} of {count}")
        )
        say("")
        stored = json.loads(path.read_text())
        found = {"file": str(path), "n": stored["n"], **stored["thresholds"]}
        print(json.dumps(found) if as_json else f"{path.name}: {stored['n']} images, {stored['thresholds']}")


def _calibrate_regeneration(strangers: list[Path], count: int, out: Path, as_json: bool) -> None:
    from tracer.evidence.regeneration import calibration as regeneration_measure
    from tracer.evidence.regeneration import null_distribution as regeneration_reference

    out.mkdir(parents=True, exist_ok=True)
    scores = out / "regeneration-scores.jsonl"  # where to go on after an interruption
    found = regeneration_measure.reference(regeneration_measure.folders(strangers), count, scores, say)
    path = regeneration_reference.store(found, out / regeneration_reference.FILE.name)
    scores.unlink(missing_ok=True)
    say("")
    print(json.dumps({"file": str(path), "images": found.images}) if as_json else f"{path.name}: {found.images}")


def _calibrate_artifacts(photographs: list[Path], count: int, condition: str | None, out: Path, as_json: bool) -> None:
    if not photographs:
        raise ValueError("the detector is calibrated on photographs that it was not trained on: give --photographs DIR")
    from tracer.evidence.artifacts import calibration as artifacts_reference
    from tracer.evidence.artifacts import null_distribution as reference

    def told(done: int, total: int) -> None:
        say(f"artifacts: {done} of {total} photographs")

    wanted = [condition] if condition else reference.CONDITIONS
    paths = artifacts_reference.calibrate(photographs, count, wanted, out, told)
    say("")
    rows = [(path, json.loads(path.read_text())) for path in paths]
    found = [{"file": str(path), "n": stored["n"], **stored["thresholds"]} for path, stored in rows]
    if as_json:
        print(json.dumps(found, indent=2))
    for (path, stored), row in zip([] if as_json else rows, found, strict=False):
        print(f"{path.name}: {row['n']} photographs, {stored['thresholds']}")
