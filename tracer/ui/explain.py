"""Explanations with this image's numbers in them: formulas filled in, and its place among the calibration's images."""

from __future__ import annotations

import gradio as gr
from plotly.graph_objects import Figure

from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Evidence
from tracer.reports.figures import curves
from tracer.ui import hero
from tracer.ui.artifact_views import Board
from tracer.ui.record import Run
from tracer.ui.templates import caption, render
from tracer.ui.words import number
from tracer.verdict import wording


def among(run: Run | None, family: str) -> Figure:
    """Scores of pictures that none of the families made, of the family's own where they are known, and this image's."""
    row = run.evidence.get(family) if run and run.mode == "grid" else None
    if row is None:
        return curves.among((), (), None, None, family)
    negatives, own = _scores(row)
    return curves.among(own, negatives, row.threshold, row.score, hero.title(family))


def _scores(row: Evidence) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scores of pictures that none of the families made, and of the family's own where they were measured."""
    from tracer.evidence.inversion import calibration  # torch from here on

    measured = calibration.measured(row.family, row.weights_digest)
    return calibration.shared(calibration.kind_of(row.threshold)).scores, measured.own if measured else ()


def among_words(run: Run | None, family: str) -> str:
    """The histogram in words."""
    row = run.evidence.get(family) if run and run.mode == "grid" else None
    if row is None or row.p_value is None:
        return caption("The scores of other pictures appear here with the answer of the grid test.")
    higher = round(row.p_value * (row.compared_with + 1)) - 1
    return caption(
        f"{hero.title(family)}: this picture scores {number(row.score)}; of {row.compared_with} pictures that none of "
        f"the decoders made, {higher} score as high. The line is the threshold, {number(row.threshold)}."
    )


def marks(board: Board | None) -> str:
    """Tab 2 at three depths, with this image's numbers where there are some."""
    found = board.answer if board else None
    if found is None:
        return render("explainer-artifacts.html", said="", found=None)
    logits = [each.logit for each in found.tries]
    slope, offset = board.known.scores(board.picture, len(logits)).curve
    return render(
        "explainer-artifacts.html",
        said=wording.sentence(found.verdict),
        found=found,
        logits=" + ".join(f"{value:.2f}" for value in logits[:3]) + (" + …" if len(logits) > 3 else ""),
        above=round(found.p_value * (found.calibrated_on + 1)) - 1,
        slope=slope,
        offset=offset,
    )


def follow(document: gr.JSON, answer: gr.State) -> None:
    """Below tab 3: its formula, filled in whenever there is another document, and so another answer."""
    shown = gr.HTML(drawn(answer.value), elem_id="drawn-explainer")
    document.change(drawn, answer, shown, queue=False, show_progress="hidden", api_visibility="private")


def drawn(found: Regeneration | None) -> str:
    """Tab 3's formula with this image's numbers."""
    first, second, *_ = (*(found.ranking if found else ()), None, None)
    return render("explainer-regeneration.html", first=first, second=second)
