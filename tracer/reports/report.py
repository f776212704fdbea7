"""A report on one image that stands alone: what was found, from what, with what, and what that rests on.

Its HTML is one file without scripts or outside requests, for light, dark and paper.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tracer import __version__, api
from tracer.evidence.inversion import calibration, decision, grid, inspection, search
from tracer.evidence.inversion.settings import DESCENTS
from tracer.evidence.store import Record, ThresholdMismatch
from tracer.evidence.verdict import Trace
from tracer.image import intake, provenance
from tracer.models import registry
from tracer.models.errors import ModelUnavailable
from tracer.reports.files import check_ordinary, naming
from tracer.reports.html import Figure, page
from tracer.verdict import combine, wording
from tracer.verdict.combine import Joint

SUFFIXES = (".html", ".json")
SIDE = 384  # pixels of the region that a report shows of a larger image
_GRID = 64  # the region starts on a multiple of every family's stride, or the reconstruction would not be the image's
_LIBRARIES = ("numpy", "pillow", "torch", "diffusers", "sd-parsers", "c2pa-python")


def check(path: Path) -> None:
    """Raise ValueError unless a report can have this name."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError("--report must end in .html or .json")
    check_ordinary(path)


@dataclass(frozen=True)
class Basis:
    """What a threshold was measured on.

    Attributes:
        family: whose it is; "every family" in grid mode, where all share it.
        threshold: of the evidence.
        count: how many images are behind it.
        images: what they are.
        measured: on what day.
        versions: of the libraries involved.
        error: share of pictures by none of the families that reach it; None in the paper's modes, which hold none.
        file: of the stored numbers.
    """

    family: str
    threshold: float
    count: int
    images: str
    measured: str
    versions: dict[str, str]
    error: float | None
    file: str

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        told = asdict(self)
        return told | {"with": told.pop("versions")}


@dataclass(frozen=True)
class Report:
    """Everything that a report says.

    Attributes:
        made, by: when (ISO 8601), and with what.
        trace: what inversion found.
        joint: what that and the other kinds of evidence say together.
        settings: of the mode, by name.
        thresholds: what each rests on.
        versions: of the libraries involved.
        claims: what the file says about itself.
    """

    made: str
    by: str
    trace: Trace
    joint: Joint
    settings: Record
    thresholds: tuple[Basis, ...]
    versions: dict[str, str]
    claims: provenance.Claims

    def document(self) -> dict[str, Any]:
        """As JSON values: the trace's own document, and what a report adds to it."""
        together = wording.document(self.joint)
        others = {kind: each for kind, each in together.pop("evidence").items() if kind != "inversion"}
        return {
            "report": {"made": self.made, "by": self.by},
            **wording.document(self.trace),
            "answer": together["answer"],
            "joint": together,
            **others,
            "settings": self.settings,
            "thresholds": [each.document() for each in self.thresholds],
            "versions": self.versions,
            "claims": self.claims.document(),
        }

    def text(self, suffix: str, shown: Sequence[Figure] = ()) -> str:
        """The file with an ending of `SUFFIXES`; `shown` is for the HTML."""
        return json.dumps(self.document(), indent=2) if suffix == ".json" else page(self, shown)


def report(joint: Joint, mode: str, found: provenance.Claims) -> Report:
    """The report on a joint answer with a trace that was made in a mode, and with what the file says about itself."""
    trace = joint.evidence["inversion"]
    return Report(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        by=f"Latent Lineup {__version__}",
        trace=trace,
        joint=joint,
        settings=_settings(mode),
        thresholds=_rests_on(trace, mode),
        versions={**trace.versions, **_versions()},
        claims=found,
    )


def figures(trace: Trace, picture: intake.Picture) -> list[Figure]:
    """The image, what the decoder that fits best makes of it, and the difference.

    As it was inspected: on the grid that was found, and brought back to the size that it was drawn at. Of an image over
    `SIDE` pixels a side, the middle. Without evidence of a family in the registry, only the image.
    """
    rows = [row for row in trace.evidence if row.family in registry.FAMILIES]
    best = min(rows, key=lambda row: row.sort_key, default=None)
    pixels, changed = picture.pixels, ""
    if best and best.resized_from:
        pixels, changed = search.undone(pixels, best.resized_from), ", brought back to the size it was drawn at"
    if best and any(best.offset):
        pixels, changed = pixels[best.offset[0] :, best.offset[1] :], f"{changed}, from where its grid begins"
    region, where = _region(pixels)
    shown = [Figure("The image", f"{where}{changed}.", region)]
    if best is None:
        return shown
    from tracer.reports.figures import plots as drawing

    again = api.reconstruct(best.family, replace(picture, pixels=region))
    original = region[: again.shape[0], : again.shape[1]]
    levels = drawing.difference(original, again)
    told = f"Mean difference {levels.mean():.2f} of 255 grey levels, largest {levels.max():.0f}"
    scale = f"dark: none; bright: {drawing.RESIDUAL_TOP} levels and more"
    return [
        *shown,
        Figure(f"Through {best.family}", "Once through the autoencoder that fits best.", again),
        Figure("Difference", f"{told}; {scale}.", drawing.residual(original, again)),
    ]


def joined(trace: Trace, picture: intake.Picture) -> Joint:
    """A trace together with what the detector of marks says about the same picture, where it is to be had."""
    try:
        return combine.join(trace, api.artifacts(picture))
    except (ModelUnavailable, ThresholdMismatch) as error:
        return combine.join(trace, unavailable={"artifacts": str(error)})


def write(path: Path, source: Path, trace: Trace, mode: str) -> None:
    """Write the report on a traced file.

    Args:
        path: ends in .html or .json.
        source: the file; it has to be the one that was traced.
        trace: what was found.
        mode: how it was made.

    Raises:
        ValueError: another ending, or the file has changed since.
        IntakeError: the file cannot be read any more.
    """
    check(path)
    picture = intake.read(source)
    if picture.sha256 != trace.image.sha256:
        raise ValueError(f"{source} has changed since it was traced")
    suffix, made = path.suffix.lower(), report(joined(trace, picture), mode, provenance.read(source))
    shown = figures(trace, picture) if suffix == ".html" else ()
    with naming(path):
        path.write_text(made.text(suffix, shown) + "\n", encoding="utf-8")


def _region(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    height, width = pixels.shape[:2]
    if max(height, width) <= SIDE:
        return pixels, "Whole, at its own size"
    top, left = (max(length - SIDE, 0) // 2 // _GRID * _GRID for length in (height, width))
    region = np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])
    words = f"{region.shape[1]} × {region.shape[0]} pixels from its middle, at their own size"  # noqa: RUF001
    return region, words


def _settings(mode: str) -> Record:
    """How a mode inspects, for the record."""
    if mode in DESCENTS:
        return DESCENTS[mode].record()
    return {
        "mode": mode,
        "tile": grid.TILE,
        "controls": grid.CONTROLS,
        "windows at most": inspection.MOST,
        "windows where a family is noticed": inspection.FURTHER,
        "error": decision.ALPHA,
    }


def _rests_on(trace: Trace, mode: str) -> tuple[Basis, ...]:
    if mode == "grid":
        return tuple(_shared(row.threshold) for row in trace.evidence[:1])
    found = []
    for row in trace.evidence:
        known = calibration.losses(row.family, mode, row.weights_digest)
        told = known.images, known.date, known.versions, None, calibration.path_of(row.family, mode).name
        found.append(Basis(row.family, row.threshold, len(known.scores), *told))
    return tuple(found)


def _shared(threshold: float) -> Basis:
    """The null distribution that a threshold is of: every family of a trace has the same."""
    kind = calibration.kind_of(threshold)
    null, file = calibration.shared(kind), calibration.null_path(kind).name
    told = null.pictures, null.date, null.versions, decision.ALPHA, file
    return Basis("every family", threshold, len(null.scores), *told)


def _versions() -> dict[str, str]:
    known = {}
    for name in _LIBRARIES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known
