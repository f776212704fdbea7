"""Explanations with this image's numbers in them: formulas filled in, and its place among the calibration's images."""
# ruff: noqa: RUF001 - minus, times and the like are meant: this is typeset text

from __future__ import annotations

from html import escape

import gradio as gr
from plotly.graph_objects import Figure

from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Evidence
from tracer.models import registry
from tracer.reports.figures import curves
from tracer.ui import hero
from tracer.ui.artifact_views import Board
from tracer.ui.record import Run
from tracer.ui.words import number
from tracer.verdict import wording

PAPER = "<a href='https://arxiv.org/abs/{0}'>arXiv {0}</a>"


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
        return "<p class='caption'>The scores of other pictures appear here with the answer of the grid test.</p>"
    higher = round(row.p_value * (row.compared_with + 1)) - 1
    return (
        f"<p class='caption'>{escape(hero.title(family))}: this picture scores {number(row.score)}; of "
        f"{row.compared_with} pictures that none of the decoders made, {higher} score as high. The line is the "
        f"threshold, {number(row.threshold)}.</p>"
    )


def marks(board: Board | None) -> str:
    """Tab 2 at three depths, with this image's numbers where there are some."""
    return (
        f"<div class='depths'><section><h3>1 · The sentence</h3>{_marks_sentence(board)}</section>"
        f"<section><h3>2 · The evidence</h3>{_MARKS_EVIDENCE}</section>"
        f"<section><h3>3 · The formula, with this image's numbers</h3>{_marks_formula(board)}"
        f"<p>After Vesnin, Levshun and Chechulin, {PAPER.format('2411.06441')}.</p></section></div>"
    )


def _marks_sentence(board: Board | None) -> str:
    said = f"<p>{escape(wording.sentence(board.answer.verdict))}</p>" if board and board.answer else ""
    return (
        f"{said}<p>A latent model draws with the decoder of an autoencoder, and every decoder leaves marks in the "
        "finest detail. A small network has learned to see them, from photographs beside the same photographs sent "
        "through autoencoders: faint rhythms of 8, 4 and 2 pixels from the steps in which a decoder enlarges, and how "
        "it draws texture. It has never seen a generated image, and it asks no line-up.</p>"
        "<p>“Marks found” means: <b>an autoencoder was involved.</b></p>"
    )


_MARKS_EVIDENCE = """<p>The network looks at crops of native pixels, never resized. What can go wrong:</p><ul>
<li><b>Marked does not mean fake.</b> A photograph that went through an autoencoder, to be edited, enlarged or
compressed, is marked from edge to edge.</li>
<li><b>Not which model it was.</b> For that there are the other tabs.</li>
<li><b>“No marks” is no proof of a photograph.</b> Generators that draw pixels directly have no autoencoder, and
resizing, blur and compression remove marks. Where the file shows that too much is lost, there is no answer.</li>
</ul>"""


def _marks_formula(board: Board | None) -> str:
    if not board or not board.answer:
        return "<p>score = mean logit of the tries; p = (1 + photographs that score at least as high) / (N + 1).</p>"
    found = board.answer
    logits = [each.logit for each in found.tries]
    shown = " + ".join(f"{value:.2f}" for value in logits[:3]) + (" + …" if len(logits) > 3 else "")
    count = found.calibrated_on
    above = round(found.p_value * (count + 1)) - 1
    slope, offset = board.known.scores(board.picture, len(logits)).curve
    return (
        f"<dl><dt>score: {f'the mean of {len(logits)} logits' if len(logits) > 1 else 'the logit of the only try'}</dt>"
        f"<dd>{f'({shown}) / {len(logits)} = ' if len(logits) > 1 else ''}<b>{found.score:.2f}</b></dd>"
        f"<dt>p: of {count} photographs, {above} score at least as high</dt>"
        f"<dd>(1 + {above}) / ({count} + 1) = <b>{found.p_value:.2g}</b></dd>"
        "<dt>probability, if half of all images went through an autoencoder</dt>"
        f"<dd>1 / (1 + exp(−({slope:.2f} · {found.score:.2f} {'+' if offset >= 0 else '−'} "
        f"{abs(offset):.2f}))) = "
        f"<b>{found.probability:.3f}</b></dd>"
        f"<dt>against the threshold, which at most {found.fpr:.0%} of photographs exceed</dt>"
        f"<dd>{found.probability:.3f} {'>' if found.probability > found.threshold else '≤'} "
        f"<b>{found.threshold:.3f}</b></dd></dl>"
    )


def follow(document: gr.JSON, answer: gr.State) -> None:
    """Below tab 3: its formula, filled in whenever there is another document, and so another answer."""
    shown = gr.HTML(drawn(answer.value), elem_id="drawn-explainer")
    document.change(drawn, answer, shown, queue=False, show_progress="hidden", api_visibility="private")


def drawn(found: Regeneration | None) -> str:
    """Tab 3's formula with this image's numbers."""
    if not found or not found.ranking:
        return "<p class='fine'>The formula is filled in here once the models have drawn.</p>"
    rows = found.ranking
    first, second = rows[0], rows[1] if len(rows) > 1 else None
    lead = ""
    if second:
        margin = first.similarity - second.similarity
        lead = (
            f"<dt>lead over {escape(second.generator)}</dt><dd>{first.similarity:.3f} − "
            f"{second.similarity:.3f} = <b>{margin:.3f}</b></dd>"
        )
    fit = ""
    if first.p_value is not None:
        fit = (
            f"<dt>p: share of {escape(first.generator)}'s own pictures that are as unlike its drawings</dt>"
            f"<dd><b>{first.p_value:.2g}</b></dd>"
        )
    family = registry.generator(first.generator).family
    return (
        "<div class='depths one'><section><h3>The formula, with this image's numbers</h3>"
        f"<dl><dt>similarity of {escape(first.generator)} ({escape(family)}): mean cosine of {first.candidates} "
        "drawings' embeddings with your image's</dt>"
        f"<dd>cos(e(image), e(drawing)), averaged = <b>{first.similarity:.3f}</b></dd>{lead}{fit}</dl>"
        f"<p>After Li, Qian and Zhang, {PAPER.format('2403.01489')}.</p></section></div>"
    )
