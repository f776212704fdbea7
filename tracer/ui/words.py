"""The page's sentences and HTML, made from a `Run`."""
# ruff: noqa: RUF001 - minus, times and prime are meant: this is typeset text

from __future__ import annotations

import math

from tracer.evidence.inversion.settings import PAPER, PAPER_RANDOM, Settings
from tracer.evidence.verdict import Evidence, listed
from tracer.models import registry
from tracer.reports.figures import plots
from tracer.ui import hero
from tracer.ui.record import Run
from tracer.ui.templates import caption, render
from tracer.verdict import wording

_KINDS = {
    "family": ("◆", "Match"),
    "autoencoder": ("◆", "AI marks"),
    "none": ("○", "No sign"),
    "undecided": ("?", "Cannot decide"),
    "insufficient": ("–", "Cannot tell"),
    "running": ("…", "Looking"),
    "drawing": ("…", "Drawing"),
    "ready": ("→", "Ready"),
}
_ANSWERS = {True: "◆ named", False: "○ not named", None: "? open"}


def number(value: float) -> str:
    """Three digits, without exponents where they can be avoided."""
    return f"{value:.3g}" if value == 0 or 1e-4 <= abs(value) < 1e5 else f"{value:.2e}"


def chance(p_value: float | None) -> str:
    """A p-value; a dash where the run was stopped before it had one."""
    return "–" if p_value is None else f"{p_value:.2g}"


def heading(families: list[registry.Family]) -> str:
    """What this page is, and what it can see."""
    return render("heading.html", names=wording.titles([row.id for row in families]))


def banner(run: Run) -> str:
    """The answer, or how far the inspection is. Kind, symbol and sentence all say it; colour only repeats it."""
    if run.trace is None:
        return _progress(run)
    verdict, lines = run.trace.verdict, []
    if verdict.members:
        members = listed(verdict.members)
        lines.append(
            f"Models known to draw with {'this decoder' if len(verdict.families) == 1 else 'these decoders'}: "
            f"{members}. This evidence cannot tell them apart, and a model we do not know may use it too."
        )
    if run.trace.image.notes:
        lines.append("Before inspection: " + "; ".join(run.trace.image.notes) + ".")
    return frame(verdict.kind, wording.sentence(verdict), lines, subject(run))


def waiting() -> str:
    """Shown from the click until the first step."""
    return frame("running", "Waiting for a place in the queue …", [], "")


def empty() -> str:
    """Shown where there is no stored example to begin with."""
    return frame("ready", "Choose a picture, and every decoder is asked to redraw it.", [], "")


def failed() -> str:
    """Shown where a run ended in an error; the message itself is in the notice."""
    return frame("insufficient", "This run ended without an answer.", [], "")


def _progress(run: Run) -> str:
    if run.loading:
        return frame("running", f"{hero.title(run.current)}: {run.loading} …", [], subject(run))
    if run.current in run.descents:
        known = run.descents[run.current]
        line = f"Step {len(known.losses) - 1} of {known.of}: loss {number(known.losses[-1])}."
        return frame("running", f"Can {hero.title(run.current)} redraw this picture?", [line], subject(run))
    if run.look is None:
        line = "The first run after a restart takes a few seconds longer."
        return frame("running", "Starting …", [line], subject(run))
    count = len(run.look.boxes)
    said = f"{count} window{'s' * (count > 1)} inspected"
    if run.look.size:
        said = f"Brought back to {run.look.size[1]} × {run.look.size[0]} px: {said}"
    elif any(run.look.offset):
        said = f"With the grid moved, as after a crop: {said}"
    elif run.closer:
        said = "Looking for the grid of a crop"
    return frame("running", f"Does the picture lie on a decoder's grid? {said} …", [], subject(run))


def frame(kind: str, sentence: str, lines: list[str], subject: str, name: str = "") -> str:
    """The banner of a verdict: its kind, the sentence, more lines, what it is about, and another name."""
    symbol, name = _KINDS[kind][0], name or _KINDS[kind][1]
    return render("verdict.html", kind=kind, symbol=symbol, name=name, sentence=sentence, lines=lines, subject=subject)


def subject(run: Run) -> str:
    """What is inspected."""
    size = f" · {run.width} × {run.height} px" if run.width else ""
    digest = f" · SHA-256 {run.sha256[:8]}…" if run.sha256 else ""
    return f"{run.subject}{size}{digest}"


def numbers(run: Run | None) -> str:
    """All numbers of the grid test or of the paper's rule, one row per family: a plain table."""
    if run is None or not run.evidence:
        return caption("The numbers appear here with the answer.")
    grid = run.mode == "grid"
    rows = [run.evidence[name] for name in run.families if name in run.evidence]
    return render(
        "numbers.html",
        grid=grid,
        rows=[_numbered(row) for row in rows],
        away=[(name, reason) for name, reason in run.unavailable.items()],
        pictures=max((row.compared_with for row in rows), default=0),
        phases=max((row.phases for row in rows), default=0),
    )


def _numbered(row: Evidence) -> dict[str, str]:
    looks = plots.style(registry.place(row.family))
    return {
        "glyph": looks.glyph,
        "colour": looks.colour,
        "title": hero.title(row.family),
        "answer": "? stopped" if row.stopped else _ANSWERS[row.belongs],
        "contrast": _contrast(row),
        "score": number(row.score),
        "threshold": number(row.threshold),
        "p": chance(row.p_value),
        "steps": str(row.steps),
        "seconds": f"{row.seconds:.1f} s",
    }


def _contrast(row: Evidence) -> str:
    if not math.isfinite(row.contrast):
        return "–"
    return f"{row.contrast:+.3f}".replace("-", "−") + (f" ± {row.error:.3f}" if row.error else "")


def descent_words(run: Run | None) -> str:
    """The paper's curves in a sentence each."""
    said = []
    for name, known in (run.descents if run else {}).items():
        sentence = f"{hero.title(name)}: the loss falls from {number(known.losses[0])} to {number(min(known.losses))}"
        on, beside = known.on[-1], known.beside[-1]
        if on > 0 and beside == beside:  # NaN where the picture is too small for a control
            ahead = beside / on
            parted = f"the curves part: it ends {ahead:.1f} times lower on the grid than beside it"
            sentence += f"; {parted if ahead > 1.5 else 'on the grid and beside it, the curves stay together'}"
        said.append(f"{sentence}.")
    return caption(" ".join(said)) if said else ""


def explainer(run: Run | None, name: str) -> str:
    """The method at three depths, with this image's numbers in it."""
    row = run.evidence.get(name) if run else None
    return render(
        "explainer.html",
        said=wording.sentence(run.trace.verdict) if run and run.trace else "",
        name=hero.title(name),
        row=row,
        number=number,
        ratio=hero.ratio(row.contrast) if row else "",
        reached=round(row.p_value * (row.compared_with + 1)) - 1 if row and row.p_value is not None else None,
        paper=run is not None and run.mode != "grid",
    )


def settings_table() -> str:
    """Every setting of the paper's modes side by side, as Markdown; from the settings themselves, so it stays true."""

    def column(chosen: Settings) -> dict[str, str]:
        return {
            "score": "smallest loss; mean squared error" + (" of the clamped picture" if chosen.clamp else ""),
            "a step": f"Adam, rate {chosen.rate:g}, halved after steps 0 and 50",
            "steps": f"{chosen.steps}",
            "start": "the encoder's latent" if chosen.start == "encoder" else "random",
            "image": f"whole up to {chosen.whole} px a side, else the {chosen.tiles} tiles of {chosen.tile} px with "
            "most detail",
            "threshold": "Grubbs' outlier test at 5 % on the family's own pictures",
        }

    paper, random = column(PAPER), column(PAPER_RANDOM)
    rows = [f"| {name} | {paper[name]} | {random[name]} |" for name in paper]
    return "\n".join(["| setting | paper | paper, random start |", "|---|---|---|", *rows])


PRIVACY = (
    "Pictures are processed on this server, deleted after about 1 hour, and not used for training. Until then, "
    "whoever knows a picture's address can open it."
)
