"""A report on one image that stands alone: what was found, from what, with what, and what that rests on.

`document` is its JSON; its HTML is one file without scripts or outside requests, for light, dark and paper.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tracer import __version__, api
from tracer.evidence import conformal
from tracer.evidence.inversion import calibration
from tracer.evidence.inversion.settings import MODES
from tracer.evidence.verdict import fit
from tracer.image import intake, provenance
from tracer.models import registry
from tracer.reports.html import Figure, page

SUFFIXES = (".html", ".json")
SIDE = 384  # pixels of the region that a report shows of a larger image
_GRID = 64  # the region starts on a multiple of every family's stride, or the reconstruction would not be the image's
_LIBRARIES = ("numpy", "pillow", "torch", "diffusers", "sd-parsers", "c2pa-python")


def check(path: Path) -> None:
    """Raise ValueError unless a report can have this name."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError("--report must end in .html or .json")


def document(trace: dict[str, Any], mode: str, found: provenance.Claims) -> dict[str, Any]:
    """Everything that a report says, as plain data.

    Args:
        trace: of `verdict.Trace.document`.
        mode: how it was made.
        found: what the file says about itself.

    Returns:
        The trace's own keys, and "report" (when and by what), "settings", "thresholds" (what each rests on) and
        "claims".
    """
    return {
        "report": {"made": datetime.now(UTC).isoformat(timespec="seconds"), "by": f"Latent Lineup {__version__}"},
        **trace,
        "settings": MODES[mode].record(),
        "thresholds": [_rests_on(row) for row in trace["evidence"]],
        "versions": {**trace["versions"], **_versions()},
        "claims": found.document(),
    }


def figures(trace: dict[str, Any], picture: intake.Picture) -> list[Figure]:
    """The image, what the decoder that fits best makes of it, and the difference.

    Of an image over `SIDE` pixels a side, the middle. Without evidence of a family in the registry, only the image.
    """
    region, where = _region(picture.pixels)
    shown = [Figure("The image", f"{where}.", region)]
    rows = [row for row in trace["evidence"] if row["family"] in registry.FAMILIES]
    if not rows:
        return shown
    from tracer.reports.figures import plots as drawing

    best = min(rows, key=fit)["family"]
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


def write(path: Path, source: Path, trace: dict[str, Any], mode: str) -> None:
    """Write the report on a traced file.

    Args:
        path: ends in .html or .json.
        source: the file; it has to be the one that was traced.
        trace: of `verdict.Trace.document`.
        mode: how it was made.

    Raises:
        ValueError: another ending, or the file has changed since.
        IntakeError: the file cannot be read any more.
    """
    check(path)
    picture = intake.read(source)
    if picture.sha256 != trace["image"]["sha256"]:
        raise ValueError(f"{source} has changed since it was traced")
    told = document(trace, mode, provenance.read(source))
    text = json.dumps(told, indent=2) if path.suffix.lower() == ".json" else page(told, figures(trace, picture))
    path.write_text(text + "\n", encoding="utf-8")


def _region(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    height, width = pixels.shape[:2]
    if max(height, width) <= SIDE:
        return pixels, "Whole, at its own size"
    top, left = (max(length - SIDE, 0) // 2 // _GRID * _GRID for length in (height, width))
    region = np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])
    words = f"{region.shape[1]} × {region.shape[0]} pixels from its middle, at their own size"  # noqa: RUF001
    return region, words


def _rests_on(row: dict[str, Any]) -> dict[str, Any]:
    """What one family's threshold was measured on."""
    about = {"family": row["family"], "threshold": row["threshold"], "belonging_images": row["calibrated_on"]}
    path = calibration.path_of(row["family"], row["mode"], row["condition"])
    if not path.exists():
        return {**about, "condition": row["condition"], "images": "calibrated on the spot", "measured": None}
    known = calibration.load(path)
    return {
        **about,
        "condition": known.condition,
        "images": known.images,
        "measured": known.date,
        "with": known.versions,
        "error_per_look": conformal.ALPHA,
        "file": path.name,
    }


def _versions() -> dict[str, str]:
    known = {}
    for name in _LIBRARIES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known
