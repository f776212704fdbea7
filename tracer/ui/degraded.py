"""A degraded picture with what is said about it: stored with the examples, and as HTML; no torch and no gradio."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from markupsafe import Markup
from plotly.graph_objects import Figure

from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Verdict
from tracer.image import intake
from tracer.image.intake import IntakeError, Picture
from tracer.reports.figures import curves
from tracer.reports.robustness import CHANGES, LARGEST, Point, flips, ordered
from tracer.ui import hero, record
from tracer.ui.templates import caption, render, status
from tracer.ui.words import frame
from tracer.verdict import plain, wording
from tracer.verdict.combine import Joint

FILE = "degraded.json"
QUALITY = 92  # of the picture on the page, which is looked at and not measured
SAYS = {"family": "match", "none": "no sign", "undecided": "undecided", "insufficient": "cannot tell"}


@dataclass(frozen=True)
class Tried:
    """What has been asked about one picture. Kept per visitor; plain data.

    Attributes:
        sha256: of the picture's file.
        families: who is asked; None for the page's first line-up.
        points: by change.
    """

    sha256: str = ""
    families: tuple[str, ...] | None = None
    points: dict[str, tuple[Point, ...]] = field(default_factory=dict)

    def of(self, change: str) -> list[Point]:
        """The points of a change, harmless first."""
        return ordered(self.points.get(change, ()), change)

    def at(self, change: str, strength: float) -> Point | None:
        """What is said at a strength."""
        return next((point for point in self.points.get(change, ()) if point.strength == strength), None)


def save(tried: Tried, folder: Path) -> None:
    """Store what was asked about an example."""
    text = {"sha256": tried.sha256, "families": tried.families}
    text["points"] = {change: [asdict(point) for point in points] for change, points in tried.points.items()}
    (folder / FILE).write_text(json.dumps(text, separators=(",", ":")) + "\n")


def load(file: str | Path | None) -> Tried:
    """What is stored about a picture, if it is an example's; else nothing has been asked yet."""
    try:
        sha256 = intake.read(file).sha256 if file else ""
    except IntakeError:
        sha256 = ""
    for each in record.examples() if sha256 else []:
        path = record.STORED / each.name / FILE
        if path.exists() and json.loads(path.read_text())["sha256"] == sha256:
            return record.from_document(Tried, json.loads(path.read_text()))
    return Tried(sha256)


def view(picture: Picture | None, tried: Tried, change: str, strength: float) -> str:
    """The picture at a strength, with the phase pictures and the answer that belong to it."""
    if picture is None:
        return caption("Choose a picture first.")
    try:
        made = CHANGES[change].made(picture, strength)
    except IntakeError as error:
        return caption(error)
    point = tried.at(change, strength)
    cut = max(picture.width, picture.height) > LARGEST
    return render(
        "degraded.html",
        picture=record.address(made.pixels, QUALITY),
        width=made.width,
        height=made.height,
        alt=f"The picture, changed: {CHANGES[change].title}, {strength:g}",
        change=f"{CHANGES[change].title.partition(' (')[0]}: {strength:g}",
        caption=f"{made.width} × {made.height} px" + (", a part of the picture" if cut else ""),  # noqa: RUF001
        answer=_answer(point),
        phases=[_phase(point, name) for name in point.phases] if point else [],
    )


def _answer(point: Point | None) -> str:
    if point is None:
        return frame("ready", "Not asked at this strength yet.", [], "")
    verdict = Verdict(point.kind, Reason(point.reason), point.families, point.members)
    said = plain.answer(Joint(None, verdict, (), (), (), ()))
    return frame(said.kind, said.line, [point.sentence], "")


def _phase(point: Point, name: str) -> dict[str, object]:
    """One family's phase picture. The shade is the same at every strength, so that it can be seen to fade."""
    values = point.phases[name]
    places = [(value, row, column) for row, line in enumerate(values) for column, value in enumerate(line)]
    lowest, row, column = min(places)
    alone = lowest < -hero.DARKEST / 2
    return {
        "title": hero.title(name),
        "stride": len(values),
        "cells": [(r, c, round(min(-v / hero.DARKEST, 1), 2)) for v, r, c in places if v < -0.02 * hero.DARKEST],
        "alt": f"Fit of {hero.title(name)} at every place of its grid: "
        + (f"darkest {row} px down and {column} px right" if alone else "no cell stands out"),
        "named": point.kind == "family" and name in point.families,
    }


def figure(points: list[Point], change: str) -> Figure:
    """The curve so far."""
    shown, how = ordered(points, change), CHANGES[change]
    ratios: dict[str, list[float | None]] = {}
    for place, point in enumerate(shown):
        for name, value in point.ratios.items():
            ratios.setdefault(hero.title(name), [None] * len(shown))[place] = value
    changes = [(before.strength, after.strength) for before, after in flips(shown)]
    ends = how.strengths[0], how.strengths[-1]
    kinds = [point.kind for point in shown]
    return curves.sweep([each.strength for each in shown], ratios, kinds, how.title, *ends, changes)


def table(points: list[Point], change: str) -> str:
    """The verdict at every strength."""
    shown = ordered(points, change)
    turned = [after for _, after in flips(shown)]
    words = {point.strength: _said(point) for point in shown}
    return render("sweep.html", title=CHANGES[change].title, points=shown, turned=turned, words=words)


def told(points: list[Point], change: str, seconds: float = 0, over: bool = False, stopped: bool = False) -> str:
    """How far it is, and where the verdict flips."""
    if not points:
        state = "Stopped." if stopped else "Starting …" if not over else "Not asked yet."
        return status(state)
    parts = [
        f"between {before.strength:g} and {after.strength:g}, from {_said(before)} to {_said(after)}"
        for before, after in flips(ordered(points, change))
    ]
    where = f"The answer flips {'; '.join(parts)}." if parts else "The answer has not changed."
    count = len(CHANGES[change].strengths)
    if stopped:
        state = f"Stopped after {len(points)} strengths."
    elif over:
        state = f"Done in {seconds:.0f} s." if seconds else ""
    elif len(points) < count:
        state = f"{len(points)} of {count}, about {seconds / len(points) * (count - len(points)):.0f} s to go."
    else:
        state = "Looking closer …"
    return status(Markup("<b>{}</b> {}").format(where, state))


def _said(point: Point) -> str:
    names = f": {wording.titles(point.families)}" if point.families else ""
    return SAYS[point.kind] + names
