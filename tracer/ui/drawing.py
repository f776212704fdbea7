"""What tab 3 shows, as HTML and figures: the growing grid of drawings, the similarities, the words."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup
from PIL import Image

from tracer.api import Inverted, Loading, Unavailable
from tracer.evidence.regeneration.decision import ALPHA_LEAD, Regeneration
from tracer.evidence.regeneration.null_distribution import ALPHA_FIT
from tracer.evidence.regeneration.ranking import Captioned, Drawn, Ranked, Withheld, null_distribution_for, rank
from tracer.evidence.verdict import Verdict, listed
from tracer.models import registry
from tracer.reports.figures import plots
from tracer.ui.templates import caption, render
from tracer.ui.words import frame
from tracer.verdict import wording


@dataclass
class Board:
    """Everything on tab 3 about one image.

    Attributes:
        subject: what was inspected, in our own words.
        generators: registry ids, in the order of drawing; once inversion has spoken, those that it leaves.
        candidates: drawings per model that were asked for.
        fused: whether inversion is asked first.
        caption: what the models are asked to draw.
        inferred: whether the captioner wrote it.
        inversion: what inversion said, or None.
        ruled_out: the models that were chosen and that inversion left no chance.
        usual: per model, between what similarities the middle nine tenths of its own pictures lie; empty where nothing
            is stored.
        loading: what is being downloaded, in words; "" for nothing.
        withheld: per model how many drawings its safety checker withheld.
        unavailable: per model that cannot draw the reason, in words.
        drawn: so far.
        ranking: so far, best first.
        answer: the finished result, or None.
        pictures: data addresses of `drawn`, in the same order.
    """

    subject: str
    generators: list[str]
    candidates: int
    fused: bool = False
    caption: str = ""
    inferred: bool = False
    inversion: Verdict | None = None
    ruled_out: list[str] = field(default_factory=list)
    usual: dict[str, tuple[float, float]] = field(default_factory=dict)
    loading: str = ""
    withheld: dict[str, int] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    drawn: list[Drawn] = field(default_factory=list)
    ranking: list[Ranked] = field(default_factory=list)
    answer: Regeneration | None = None
    pictures: list[str] = field(default_factory=list)

    def take(self, drawn: Drawn) -> None:
        """Add a drawing."""
        self.drawn.append(drawn)
        self.pictures.append(address(drawn.image))  # once: the grid is written anew with every drawing


def taken(
    board: Board, update: Inverted | Loading | Unavailable | Captioned | Drawn | Withheld | Regeneration
) -> Board:
    """The board with one more piece of the stream on it."""
    board.loading = f"{update.family}: {wording.loading(update)}" if isinstance(update, Loading) else ""
    if isinstance(update, Loading):
        return board
    if isinstance(update, Withheld):
        board.withheld[update.generator] = board.withheld.get(update.generator, 0) + 1
    elif isinstance(update, Unavailable):
        board.unavailable[update.family] = update.reason
    elif isinstance(update, Inverted):
        board.inversion = update.verdict
        board.ruled_out = [name for name in board.generators if name not in update.generators]
        board.generators = list(update.generators)
    elif isinstance(update, Captioned):
        board.caption, board.inferred = update.caption, update.inferred
        bundled = all(registry.generator(name).bundled for name in board.generators)
        known = null_distribution_for(board.generators, board.candidates) if bundled else None
        board.usual = {name: known.usual(name) for name in board.generators} if known else {}
    elif isinstance(update, Regeneration):
        board.ranking, board.answer = list(update.ranking), update
    else:
        board.take(update)
        board.ranking = rank(board.drawn, None)
    return board


def address(image: np.ndarray) -> str:
    """An image as a data address, which is nothing to fetch: WebP, which is lossless here and smaller than PNG."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", lossless=True, quality=20, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def invitation() -> str:
    """The banner before the first run."""
    lines = ["Every model of the line-up will draw what the picture shows. Which one draws most alike?"]
    return frame("ready", "Choose an image, and let the models draw it again.", lines, "")


def banner(board: Board) -> str:
    """The answer, or how far the drawing is."""
    if board.answer is None:
        if board.fused and board.inversion is None:
            asked = "Asking inversion first: which autoencoder can reproduce the picture …"
            return frame("drawing", asked, [], board.subject)
        if board.loading:
            return frame("drawing", f"{board.loading} …", [_inverted(board)], board.subject)
        if not board.caption:
            return frame("drawing", "Reading the picture …", [_inverted(board)], board.subject)
        total = board.candidates * len(board.generators)
        done = len(board.drawn) + sum(board.withheld.values())
        sentence = f"The models are drawing “{board.caption}”: {done} of {total}"
        return frame("drawing", sentence, [_inverted(board), _leader(board)], board.subject)
    lines = [_inverted(board), _leader(board) if board.ranking else ""]
    source = "written by the captioner" if board.inferred else "given by you"
    lines.append(f"Caption, {source}: “{board.caption}”. The answer is no better than the caption.")
    verdict = board.answer.verdict
    return frame(verdict.kind, wording.sentence(verdict), lines, board.subject)


def _inverted(board: Board) -> str:
    """What inversion said, and whom it ruled out; "" where it was not asked."""
    if board.inversion is None:
        return ""
    said = f"Inversion, asked first: {wording.sentence(board.inversion)}"
    if not board.ruled_out:
        return f"{said} So all {len(board.generators)} models draw."
    return f"{said} So only {listed(board.generators)} draw, which have it."


def _leader(board: Board) -> str:
    if len(board.ranking) < 2:
        return "" if board.answer else "The first drawings are on their way."
    first, second = board.ranking[:2]
    said = Markup("{} leads with a mean similarity of <b>{:.3f}</b>, {} follows with {:.3f}.")
    return said.format(first.generator, first.similarity, second.generator, second.similarity)


def grid(board: Board) -> str:
    """One row of drawings per model, in registry order; empty places are those still to be drawn."""
    return render(
        "drawings.html",
        caption=board.caption,
        rows=[_row(board, name) for name in board.generators],
        ruled_out=board.ruled_out,
        names=listed(board.ruled_out) if board.ruled_out else "",
    )


def _row(board: Board, name: str) -> dict[str, Any]:
    """What the grid's template shows of one model."""
    mine = [(one, picture) for one, picture in zip(board.drawn, board.pictures, strict=True) if one.generator == name]
    ranked = next((row for row in board.ranking if row.generator == name), None)
    withheld = board.withheld.get(name, 0)
    return {
        "model": registry.generator(name),
        "style": plots.style(list(registry.GENERATORS).index(name)),
        "ranked": ranked,
        "place": board.ranking.index(ranked) + 1 if ranked else 0,
        "drawings": mine,
        "withheld": withheld,
        "left": max(board.candidates - len(mine) - withheld, 0),
        "unavailable": board.unavailable.get(name, ""),
    }


def similarities(board: Board) -> go.Figure:
    """Every candidate's similarity, one line per model, with mean, standard deviation and what is usual for it."""
    figure = go.Figure()
    for name in reversed(board.generators):
        look = plots.style(list(registry.GENERATORS).index(name))
        if name in board.usual:
            low, high = board.usual[name]
            figure.add_scatter(
                x=[low, high],
                y=[name, name],
                mode="lines",
                line=dict(color=look.colour, width=20),
                opacity=0.22,
                hovertemplate=f"{name}'s own pictures: {low:.2f} to {high:.2f}<extra></extra>",
            )
        values = [one.similarity for one in board.drawn if one.generator == name]
        figure.add_scatter(
            x=values,
            y=[name] * len(values),
            mode="markers",
            marker=dict(color=look.colour, symbol=look.marker, size=10, opacity=0.7),
            hovertemplate="%{x:.3f}<extra></extra>",
        )
        if values:
            figure.add_scatter(
                x=[float(np.mean(values))],
                y=[name],
                mode="markers",
                marker=dict(color=look.colour, symbol="line-ns-open", size=26, line=dict(width=3)),
                error_x=dict(array=[float(np.std(values, ddof=1)) if len(values) > 1 else 0.0], color=look.colour),
                hovertemplate="mean %{x:.3f}<extra></extra>",
            )
    figure.update_layout(
        showlegend=False,
        height=60 + 44 * len(board.generators),
        margin=dict(l=8, r=12, t=8, b=40),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
    )
    figure.update_xaxes(
        title="cosine similarity to your image",
        range=[min([0.0, *(one.similarity for one in board.drawn)]) - 0.01, 1.01],  # the same for every image
        gridcolor="rgba(128,128,128,0.28)",
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        type="category",
        categoryarray=board.generators[::-1],
        range=[-0.6, len(board.generators) - 0.4],
        tickvals=board.generators,
        gridcolor="rgba(128,128,128,0.28)",
        automargin=True,
        fixedrange=True,
    )
    return figure


def in_words(board: Board) -> str:
    """The figure in one sentence, for those who cannot see it."""
    if not board.ranking:
        return ""
    order = ", ".join(f"{row.generator} {row.similarity:.3f}" for row in board.ranking)
    bars = ""
    if board.usual:
        usual = ", ".join(f"{name} {low:.2f} to {high:.2f}" for name, (low, high) in sorted(board.usual.items()))
        bars = f" The pale bars are where nine tenths of each model's own pictures lie: {usual}."
    return caption(f"Mean similarities, best first: {order}.{bars}", "fine")


def explainer() -> str:
    """What this evidence is, and when it fails."""
    return render("about-regeneration.html", fit=f"{ALPHA_FIT:.0%}", lead=f"{ALPHA_LEAD:.0%}")
