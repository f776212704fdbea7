"""What stands above the tabs, as HTML: the joint verdict, how well it is supported, and the agreement matrix."""
# ruff: noqa: RUF001 - a dash is meant

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.regeneration import ranking
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Trace
from tracer.models import device, registry
from tracer.ui.words import frame
from tracer.verdict import combine, wording
from tracer.verdict.agreement import KINDS, NO_ONE, Cell, Row
from tracer.verdict.combine import Joint

TITLES = {"inversion": "Latent inversion", "artifacts": "Artifacts", "regeneration": "Regeneration"}
LOOKS = {  # glyph and words of what a kind of evidence says
    "for": ("✓", "for it"),
    "against": ("✕", "against it"),
    "open": ("~", "leaves it possible"),
    "silent": ("–", "cannot tell"),
    "missing": ("·", "not asked"),
}
DRAWING_WORK = 18e9  # multiplications of a drawing, as `device.speed` counts them; a rough mean over the five minis


@dataclass(frozen=True)
class Told:
    """What the kinds of evidence have said about the image on the page so far. Kept per visitor; plain data.

    Attributes:
        subject: what was inspected, in our own words (HTML).
        inversion, artifacts: their results, or None.
        unavailable: why a kind of evidence cannot be had.
        doing: what is going on, in a sentence; "" once it is over.
    """

    subject: str = ""
    inversion: Trace | None = None
    artifacts: Artifacts | None = None
    unavailable: dict[str, str] = field(default_factory=dict)
    doing: str = ""

    def also(self, **changes: Any) -> Told:
        """The same with something new."""
        return replace(self, **changes)

    def joint(self, drawn: Regeneration | None = None) -> Joint:
        """The joint answer; drawings of another image do not count."""
        own = next((each for each in (self.inversion, self.artifacts) if each), None)
        if drawn and own and drawn.image.sha256 != own.image.sha256:
            drawn = None
        return combine.weigh(self.inversion, self.artifacts, drawn, self.unavailable)


def banner(told: Told, drawn: Regeneration | None = None) -> str:
    """The joint sentence, how sure, and what it would still need."""
    found = told.joint(drawn)
    sentence = wording.sentence(found.verdict)
    if told.doing:
        so_far = f"So far: {escape(sentence)}" if found.evidence else ""
        return frame("running", told.doing, [so_far] if so_far else [], told.subject)
    if not found.evidence:
        return ready()
    lines = [escape(wording.support(found))]
    if found.verdict.members and found.verdict.kind == "family":
        names = ", ".join(escape(name) for name in found.verdict.members)
        several = len(found.verdict.members) > 1
        lines.append(f"Models known to use this autoencoder: {names}." if several else f"Model: {names}.")
    lines += [f"{TITLES[kind]} is not available here: {escape(reason)}." for kind, reason in found.unavailable.items()]
    needed = [TITLES[kind].lower() for kind in found.missing if kind not in found.unavailable]
    if needed:
        lines.append(f"Not asked yet: {escape(' and '.join(needed))}.")
    if rates := wording.error_rates(found):
        lines.append(f"<span class='fine'>{escape(rates)}</span>")
    return frame(found.verdict.kind, sentence, lines, told.subject)


def ready() -> str:
    """The banner of an image that nothing is known about yet."""
    return frame("ready", "Press Trace to inspect this image.", ["Detector and line-up answer in seconds."], "")


def offer(seconds: float | None) -> str:
    """What the button says that lets the models draw."""
    cost = "" if seconds is None else f" (about {max(round(seconds), 1)} s here)"
    return f"Ask the third kind: let the models draw it{cost}"


def seconds_to_draw() -> float | None:
    """How long regeneration will take with its usual settings; None where the machine's speed is not known yet."""
    import sys

    if "torch" not in sys.modules or device.zero_gpu():  # measuring it would load torch
        return None
    bundled = sum(row.bundled for row in registry.GENERATORS.values())
    return bundled * ranking.CANDIDATES * DRAWING_WORK / device.speed()


def matrix(told: Told, drawn: Regeneration | None = None) -> str:
    """The agreement matrix: a plain table."""
    found = told.joint(drawn)
    heads = "".join(f"<th scope='col'>{TITLES[kind]}</th>" for kind in KINDS)
    rows = "".join(_row(row, found) for row in found.matrix)
    return (
        "<table class='agreement'><caption>Which evidence says what</caption>"
        f"<thead><tr><th scope='col'>Made with</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p class='fine key'>{' '.join(f'<span><b>{glyph}</b> {said}</span>' for glyph, said in LOOKS.values())}</p>"
    )


def _row(row: Row, found: Joint) -> str:
    named = row.candidate in found.verdict.families and found.verdict.kind == "family"
    title = "no autoencoder, like a photograph" if row.candidate == NO_ONE else row.candidate
    members = f"<span>{escape(', '.join(row.members))}</span>" if row.members else ""
    cells = "".join(_cell(row.cells[kind]) for kind in KINDS)
    return f"<tr{' class=named' if named else ''}><th scope='row'>{escape(title)}{members}</th>{cells}</tr>"


def _cell(cell: Cell) -> str:
    glyph, said = LOOKS[cell.says]
    number = f"<span>{escape(cell.number)}</span>" if cell.number else ""
    return f"<td class='{cell.says}'><b aria-hidden='true'>{glyph}</b><span class='unseen'>{said}</span>{number}</td>"
