"""The figure that answers: the picture with its windows, and beside it how well every decoder's grid fits."""
# ruff: noqa: RUF001 - minus and times are meant: this is typeset text

from __future__ import annotations

import itertools
import math
from typing import Any

from tracer.evidence.inversion.decision import Standing
from tracer.models import registry
from tracer.reports.figures import plots
from tracer.ui.record import Closer, Look, Run
from tracer.ui.templates import caption, render
from tracer.verdict import plain, wording

DARKEST = 0.3  # contrast from which a cell of a grid, or a window, is drawn in full colour
LEAST = 0.3  # contrast up to which the axis reaches at least


def title(family: str) -> str:
    """The name that a family has on the page."""
    return wording.titles((family,))


def figure(run: Run | None) -> str:
    """The whole figure as HTML; a frame to fill where there is no run."""
    if run is None or not run.shown:
        return caption("The picture appears here with the windows that were inspected.")
    best, look = run.best(), run.look
    height, width = (look.size if look and look.size else None) or (run.height, run.width)
    closer = run.closer.get(best)
    shown = run.mapped or look
    seen = len(shown.boxes) if shown else 0
    return render(
        "hero.html",
        alt="The picture and how well each decoder's grid fits it",
        width=width,
        height=height,
        picture=run.shown,
        picture_alt=f"The picture, with {_windows(seen)} inspected",
        colour=plots.style(registry.place(best)).colour,
        boxes=_boxes(shown, best),
        caption=_caption(run, best),
        rows=[_row(run, name) for name in run.families],
        note=_note(run),
        steps=_steps(closer, best) if closer and closer.on else [],
        asked=_asked(run, look) if run.mode == "grid" else None,
    )


def _windows(count: int) -> str:
    return "1 window" if count == 1 else f"{count or 'no'} windows"


def _boxes(look: Look | None, family: str) -> list[dict[str, Any]]:
    if not look:
        return []
    found = []
    asked = look.contrasts.get(family) or ()  # of the first windows: a family may be given up before the others
    values = itertools.chain(asked, itertools.repeat(math.nan))
    for (top, left, bottom, right), value in zip(look.boxes, values, strict=False):
        found.append(
            {
                "left": left,
                "top": top,
                "width": right - left,
                "height": bottom - top,
                "depth": round(0.55 * _depth(value), 2),
                "title": f"{title(family)}: {ratio(value)}",
            }
        )
    return found


def _depth(contrast: float) -> float:
    return min(max(-contrast / DARKEST, 0.0), 1.0) if math.isfinite(contrast) else 0.0


def ratio(contrast: float) -> str:
    """A contrast in words: how much worse the decoder redraws the picture beside its grid."""
    if not math.isfinite(contrast):
        return "not compared with its grid"
    times = math.exp(-contrast)
    if times >= 1.5:
        return f"{times:.1f} times worse beside its grid"
    return f"{times - 1:+.0%} beside its grid".replace("-", "−")


def _caption(run: Run, best: str) -> str:
    look = run.mapped or run.look
    if run.mode != "grid":
        return "The whole picture, or the parts with the most detail, are redrawn step by step."
    if not look:
        return "The windows with the most detail are inspected first."
    said = f"{_windows(len(look.boxes))} inspected".capitalize()
    if look.size:
        said += f", after the picture was brought back to {look.size[1]} × {look.size[0]} px"
    if any(look.offset):
        said += f"; the grid begins {look.offset[0]} px down and {look.offset[1]} px right, as after a crop"
    return f"{said}. Colour: where {title(best)} redraws it better on its grid."


def _row(run: Run, name: str) -> dict[str, Any]:
    looks, evidence = plots.style(registry.place(name)), run.evidence.get(name)
    row: dict[str, Any] = {
        "title": title(name),
        "colour": looks.colour,
        "glyph": looks.glyph,
        "named": bool(evidence and evidence.belongs),
        "off": name in run.unavailable,
        "cells": [],
        "cells_alt": "",  # empty where nobody has looked
        "whisker": None,
        "says": "waiting" if run.trace is None else "not asked",
    }
    if name in run.unavailable:
        row["says"] = f"not asked: {run.unavailable[name]}"
    closer = run.closer.get(name)
    if closer and closer.cells:
        row |= _cells(closer, name)
    standing = run.look.standings.get(name) if run.look else None
    if standing and run.mode == "grid":
        row |= _whisker(standing, run.look, name)
        row["says"] = plain.strength(standing.score, run.look.threshold)[0]
        if standing.strength >= run.look.threshold > standing.score:
            row["says"] = "answers, but another one does too"
        elif run.trace and run.trace.verdict.kind == "insufficient":
            row["says"] = "cannot tell"
    elif name in run.descents:
        row["says"] = _descent_says(run, name)
    elif run.current == name:
        row["says"] = run.loading or "being asked …"
    return row


def _descent_says(run: Run, name: str) -> str:
    known, evidence = run.descents[name], run.evidence.get(name)
    if evidence is None:
        return f"step {len(known.losses) - 1} of {known.of}"
    if evidence.belongs is None:
        return "stopped"
    return "can draw it" if evidence.belongs else "cannot draw it"


def _cells(closer: Closer, name: str) -> dict[str, Any]:
    values = closer.cells
    lowest = min(min(line) for line in values)
    scale = max(DARKEST, -lowest)
    places = [(row, column, value) for row, line in enumerate(values) for column, value in enumerate(line)]
    best = min(places, key=lambda each: each[2])
    cells = [(row, column, round(min(-value / scale, 1), 2)) for row, column, value in places if value < -0.02 * scale]
    alone = lowest < -DARKEST / 2
    said = f"darkest {best[0]} px down and {best[1]} px right" if alone else "no cell stands out"
    said = f"Fit of {title(name)} at every place of its grid: {said}"
    return {"stride": len(values), "cells": cells, "cells_alt": said}


def _whisker(standing: Standing, look: Look, name: str) -> dict[str, Any]:
    """The contrast and its error on the axis, in percent of its width; what is beside the axis lies at its end."""
    reach = max(LEAST, *(-1.1 * each.contrast for each in look.standings.values()))
    start = -0.12 * reach

    def place(value: float) -> float:
        return round(min(max(100 * (value - start) / (reach - start), 0.5), 99.5), 2)

    spread = standing.deviation if math.isfinite(standing.error) else reach
    explained = standing.strength * spread + standing.contrast  # what a lattice of the picture's own accounts for
    needed = -explained + look.threshold * spread
    return {
        "whisker": {
            "zero": place(0),
            "at": place(-standing.contrast),
            "low": place(-standing.contrast - 2 * spread),
            "high": place(-standing.contrast + 2 * spread),
            "threshold": place(needed),
        },
        "whisker_alt": f"{title(name)}: {ratio(standing.contrast)}; "
        f"{'beyond' if -standing.contrast >= needed else 'within'} what chance reaches",
    }


def _note(run: Run) -> str:
    if run.mode != "grid":
        return "The paper's rule: a decoder fits if its loss ends below what its own pictures reach."
    return "Grey: what chance reaches. Bars: twice the standard error."


def _steps(closer: Closer, family: str) -> list[dict[str, str]]:
    """How a decoder is asked, from a part of the picture to what is left over, with what this family makes of it."""
    name = title(family)
    return [
        {"address": closer.original, "title": "part of the picture", "alt": "A part of the picture", "by": ""},
        {
            "address": closer.latents,
            "title": "its code, a dot a cell",
            "alt": f"The code that {name} makes of it, in false colours",
            "by": "encoder",
        },
        {
            "address": closer.drawn,
            "title": f"redrawn by {name}",
            "alt": f"What {name} draws from that code",
            "by": "decoder",
        },
        {
            "address": closer.on,
            "title": f"left over, × {closer.gain}",
            "alt": f"Amplified difference of what {name} redraws on its grid",
            "by": "difference",
        },
        {
            "address": closer.beside,
            "title": "left over with the grid moved",
            "alt": f"Amplified difference of what {name} redraws beside its grid",
            "by": "",
        },
    ]


def _asked(run: Run, look: Look | None) -> dict[str, Any]:
    """The same before anybody looked closely: the window that is being redrawn."""
    top, left, bottom, right = look.boxes[-1] if look and look.boxes else (0, 0, run.height, run.width)
    side = min(bottom - top, right - left)
    return {"view": f"{left} {top} {side} {side}", "going": run.trace is None}
