"""A report's HTML, from the templates beside this module. There is no script, and the page may load nothing."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import numpy as np
from markupsafe import Markup, escape
from PIL import Image

from tracer.evidence.verdict import Evidence, Trace
from tracer.image.provenance import Claims
from tracer.verdict import plain, wording
from tracer.verdict.agreement import KINDS, SILENT, Row
from tracer.verdict.combine import Joint

if TYPE_CHECKING:
    from tracer.reports.report import Basis, Report

_TEMPLATES = Path(__file__).with_name("templates")
_ANSWERS = {True: "fits", False: "does not fit", None: "open"}
_BRACES = {ord(character): f"&#{ord(character)};" for character in "{}$`"}


@dataclass(frozen=True)
class Figure:
    """A picture of a report: its title, one sentence for those who cannot see it, and uint8 RGB pixels."""

    title: str
    words: str
    pixels: np.ndarray

    def address(self) -> str:
        """The picture itself, as a data address."""
        file = io.BytesIO()
        Image.fromarray(self.pixels).save(file, "PNG")
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def page(report: Report, figures: Sequence[Figure]) -> str:
    """The whole file."""
    image = report.trace.image
    facts = {
        "File": image.file,
        "SHA-256": image.sha256,
        "Size": f"{image.width} by {image.height} pixels, {image.format}",
        "JPEG quality": image.jpeg_quality,
        "Changed for inspection": "; ".join(image.notes),
    }
    return _template("report.html").render(
        report=report,
        verdict=report.trace.verdict,
        answer=plain.answer(report.joint),
        together=wording.sentence(report.joint.verdict),
        sentence=wording.sentence(report.trace.verdict),
        marks=_marks(report.joint),
        matrix=[_says(row) for row in report.joint.matrix],
        windows=[[place + 1, *box] for place, box in enumerate(report.trace.windows)],
        facts=facts,
        figures=figures,
        evidence=[_evidence(row) for row in sorted(report.trace.evidence, key=lambda row: row.sort_key)],
        view=_view(report.trace),
        thresholds=[_threshold(row) for row in report.thresholds],
    )


def claims_table(found: Claims) -> str:
    """A file's claims."""
    return _template("claims.html").render(found=found)


@functools.cache
def _template(name: str) -> jinja2.Template:
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    return jinja2.Environment(
        loader=loader, autoescape=True, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    ).get_template(name)


def _shown(value: object) -> Markup:
    """Escaped, also against another template: the page's framework would fill in braces and dollars."""
    if isinstance(value, Markup):
        return value
    return Markup(escape("–" if value is None else value).translate(_BRACES))  # noqa: RUF001, S704 - a dash; escaped


def _evidence(row: Evidence) -> list[object]:
    return [
        row.family,
        "stopped" if row.stopped else _ANSWERS[row.belongs],
        f"{row.score:.4g}",
        f"{row.threshold:.4g}",
        None if row.p_value is None else f"{row.p_value:.3f}",
        f"{row.contrast:+.3f} ± {row.error:.3f}" if row.error else f"{row.contrast:+.3f}",
        f"{row.steps} × {row.phases} phases" if row.phases else row.steps,  # noqa: RUF001
        f"{row.seconds:.2f}",
        f"{row.revision} ({row.dtype})",
    ]


def _marks(joint: Joint) -> dict[str, object]:
    """What the detector says, for the table of its facts; why it says nothing, where it does not."""
    found = joint.evidence.get("artifacts")
    if found is None:
        return {"Not asked": joint.unavailable.get("artifacts", "It was not asked.")}
    return {
        "It says": wording.sentence(found.verdict),
        "Probability": f"{found.probability:.3f}",
        "Threshold": f"{found.threshold:.3f}, which at most {found.fpr:.0%} of photographs exceed",
        "p": f"{found.p_value:.3f}, against {found.calibrated_on} photographs",
        "Tries": f"{len(found.tries)} crops of native pixels",
        "Detector": found.detector,
    }


def _says(row: Row) -> list[object]:
    """A row of the agreement matrix; what cannot tell shows no number."""
    cells = (row.cells[kind] for kind in KINDS)
    return [row.candidate, *(f"{each.says} {each.number if each.says not in SILENT else ''}".strip() for each in cells)]


def _view(trace: Trace) -> str:
    """Which pixels were inspected, in a sentence."""
    if not trace.windows:
        return ""
    row, count = trace.evidence[0], len(trace.windows)
    how = [
        f"{count} window{'s' if count > 1 else ''} of native pixels",
        "the picture brought back to {1} by {0} px".format(*row.resized_from) if row.resized_from else "",
        "the grid begins {} rows down and {} columns to the right".format(*row.offset) if any(row.offset) else "",
    ]
    return f"Inspected: {'; '.join(each for each in how if each)}."


def _threshold(row: Basis) -> list[object]:
    versions = ", ".join(f"{name} {number}" for name, number in row.versions.items())
    threshold = f"{row.threshold:.4g}"
    error = None if row.error is None else f"{row.error:.0%}"
    return [row.family, threshold, error, row.count, row.images, row.measured, versions]
