"""A report on one image that stands alone: what was found, from what, with what, and what that rests on.

Its HTML is one file without scripts or outside requests, for light, dark and paper.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tracer import __version__, api
from tracer.evidence import conformal
from tracer.evidence.inversion import calibration
from tracer.evidence.inversion.settings import MODES, Settings
from tracer.evidence.verdict import Evidence, Trace, fit
from tracer.image import intake, provenance
from tracer.models import registry
from tracer.reports.html import Figure, page
from tracer.verdict import wording

SUFFIXES = (".html", ".json")
SIDE = 384  # pixels of the region that a report shows of a larger image
_GRID = 64  # the region starts on a multiple of every family's stride, or the reconstruction would not be the image's
_LIBRARIES = ("numpy", "pillow", "torch", "diffusers", "sd-parsers", "c2pa-python")


def check(path: Path) -> None:
    """Raise ValueError unless a report can have this name."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError("--report must end in .html or .json")


@dataclass(frozen=True)
class Basis:
    """What one family's threshold was measured on.

    Attributes:
        family, threshold: of the evidence.
        belonging_images: how many.
        condition: what was done to them.
        images: what they are.
        measured: on what day; None where it was calibrated on the spot, as are the fields below.
        versions: of the libraries involved.
        error_per_look: the share of belonging images that may be ruled out.
        file: of the stored calibration.
    """

    family: str
    threshold: float
    belonging_images: int
    condition: str
    images: str = "calibrated on the spot"
    measured: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    error_per_look: float | None = None
    file: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values; what a calibration on the spot has not is left out."""
        told = asdict(self)
        later = {"with": told.pop("versions"), "error_per_look": told.pop("error_per_look"), "file": told.pop("file")}
        return told | (later if self.measured else {})


@dataclass(frozen=True)
class Report:
    """Everything that a report says.

    Attributes:
        made, by: when (ISO 8601), and with what.
        trace: what was found.
        settings: of the mode.
        thresholds: what each rests on.
        versions: of the libraries involved.
        claims: what the file says about itself.
    """

    made: str
    by: str
    trace: Trace
    settings: Settings
    thresholds: tuple[Basis, ...]
    versions: dict[str, str]
    claims: provenance.Claims

    def document(self) -> dict[str, Any]:
        """As JSON values: the trace's own document, and what a report adds to it."""
        return {
            "report": {"made": self.made, "by": self.by},
            **wording.document(self.trace),
            "settings": self.settings.record(),
            "thresholds": [each.document() for each in self.thresholds],
            "versions": self.versions,
            "claims": self.claims.document(),
        }

    def text(self, suffix: str, shown: Sequence[Figure] = ()) -> str:
        """The file with an ending of `SUFFIXES`; `shown` is for the HTML."""
        return json.dumps(self.document(), indent=2) if suffix == ".json" else page(self, shown)


def report(trace: Trace, mode: str, found: provenance.Claims) -> Report:
    """The report on a trace that was made in a mode, with what the file says about itself."""
    return Report(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        by=f"Latent Lineup {__version__}",
        trace=trace,
        settings=MODES[mode],
        thresholds=tuple(_rests_on(row) for row in trace.evidence),
        versions={**trace.versions, **_versions()},
        claims=found,
    )


def figures(trace: Trace, picture: intake.Picture) -> list[Figure]:
    """The image, what the decoder that fits best makes of it, and the difference.

    Of an image over `SIDE` pixels a side, the middle. Without evidence of a family in the registry, only the image.
    """
    region, where = _region(picture.pixels)
    shown = [Figure("The image", f"{where}.", region)]
    rows = [row for row in trace.evidence if row.family in registry.FAMILIES]
    if not rows:
        return shown
    from tracer.reports.figures import plots as drawing

    best = min(rows, key=fit).family
    again = api.reconstruct(best, replace(picture, pixels=region))
    original = region[: again.shape[0], : again.shape[1]]
    levels = drawing.difference(original, again)
    told = f"Mean difference {levels.mean():.2f} of 255 grey levels, largest {levels.max():.0f}"
    scale = f"dark: none; bright: {drawing.RESIDUAL_TOP} levels and more"
    return [
        *shown,
        Figure(
            f"Through {best}", f"Once through the autoencoder whose score is lowest for its threshold, {best}.", again
        ),
        Figure("Difference", f"{told}; {scale}.", drawing.residual(original, again)),
    ]


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
    suffix, made = path.suffix.lower(), report(trace, mode, provenance.read(source))
    shown = figures(trace, picture) if suffix == ".html" else ()
    path.write_text(made.text(suffix, shown) + "\n", encoding="utf-8")


def _region(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    height, width = pixels.shape[:2]
    if max(height, width) <= SIDE:
        return pixels, "Whole, at its own size"
    top, left = (max(length - SIDE, 0) // 2 // _GRID * _GRID for length in (height, width))
    region = np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])
    words = f"{region.shape[1]} × {region.shape[0]} pixels from its middle, at their own size"  # noqa: RUF001
    return region, words


def _rests_on(row: Evidence) -> Basis:
    path = calibration.path_of(row.family, row.mode, row.condition)
    if not path.exists():
        return Basis(row.family, row.threshold, row.calibrated_on, row.condition)
    known = calibration.load(path)
    return Basis(
        family=row.family,
        threshold=row.threshold,
        belonging_images=row.calibrated_on,
        condition=known.condition,
        images=known.images,
        measured=known.date,
        versions=known.versions,
        error_per_look=conformal.ALPHA,
        file=path.name,
    )


def _versions() -> dict[str, str]:
    known = {}
    for name in _LIBRARIES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known
