"""Curves of the page: a picture among others, where a verdict breaks, and two descents that part."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tracer.reports.figures import histograms
from tracer.reports.figures.plots import GREY, PLAIN, axis, style

KIND_MARKERS = {"family": "circle", "none": "x", "undecided": "diamond", "insufficient": "square-open"}


def among(
    own: Sequence[float], negatives: Sequence[float], threshold: float | None, score: float | None, name: str
) -> go.Figure:
    """Scores of pictures that a decoder made and of others, the threshold, and where this picture lies.

    Args:
        own: scores of pictures that the decoder made; may be empty.
        negatives: scores of pictures that it did not make; may be empty.
        threshold: score from which it is named; None before there is one.
        score: this picture's; None before there is one.
        name: the family.
    """
    figure = go.Figure()
    limits = histograms.edges(own, negatives, [each for each in (threshold, score) if each is not None])
    histograms.add_bars(figure, negatives, limits, "pictures that none of the decoders made", style(0).colour, "")
    histograms.add_bars(figure, own, limits, f"pictures made by {name}", style(1).colour, "/")
    if threshold is not None:
        line = {"color": "#808080", "width": 1.5}
        figure.add_vline(x=threshold, line=line)
        figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name="threshold")
    histograms.add_image(figure, score, style(3))
    return histograms.lay_out(figure, "Strength of the answer, in standard errors")


def sweep(
    strengths: Sequence[float],
    ratios: dict[str, Sequence[float]],
    kinds: Sequence[str],
    title: str,
    harmless: float,
    worst: float,
    flips: Sequence[tuple[float, float]],
) -> go.Figure:
    """Score over threshold of every family against the strength of a change; from 1 on, a family is named.

    Args:
        strengths: in the order of the axis, harmless first.
        ratios: by family, one per strength.
        kinds: the verdict at each strength.
        title: of the horizontal axis.
        harmless, worst: ends of the axis.
        flips: pairs of neighbouring strengths between which the verdict changes.
    """
    figure = go.Figure()
    for before, after in flips:
        figure.add_vrect(x0=before, x1=after, fillcolor="rgba(207,150,0,0.22)", line_width=0, layer="below")
    for place, (name, values) in enumerate(ratios.items()):
        styled = style(place)
        figure.add_scatter(
            x=list(strengths),
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": styled.colour, "dash": styled.dash, "width": 2.5},
            marker={"symbol": styled.marker, "size": 8},
            hovertemplate="%{x:g}: %{y:.3g} of the threshold<extra>" + name + "</extra>",
        )
    line = {"color": "#808080", "dash": "dot", "width": 1.5}
    figure.add_hline(y=1, line=line)
    figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name="from here on, a decoder is named")
    if flips:
        band = {"color": "rgba(207,150,0,0.5)", "width": 8}
        figure.add_scatter(x=[None], y=[None], mode="lines", line=band, name="here the verdict changes")
    span = worst - harmless
    figure.update_layout(
        **PLAIN,
        height=380,
        margin={"l": 64, "r": 16, "t": 8, "b": 8},
        legend={"orientation": "h", "y": -0.24, "x": 0, "xanchor": "left", "yanchor": "top", "itemclick": False},
        xaxis={**axis(title), "range": [harmless - span * 0.03, worst + span * 0.03]},
        yaxis={**axis("Strength over threshold"), "tickformat": "~g", "rangemode": "tozero"},
    )
    return figure


def descents(descents: dict[str, tuple[Sequence[float], Sequence[float]]], last: int) -> go.Figure:
    """Loss of descents on a decoder's grid and beside it: for what the decoder drew, the two part.

    Args:
        descents: by name, the losses on the grid and beside it, one per step.
        last: where the horizontal axis ends.
    """
    figure = go.Figure()
    for place, (name, pair) in enumerate(descents.items()):
        styled = style(place)
        for values, where, dash in zip(pair, ("on its grid", "beside it"), ("solid", "dot"), strict=True):
            figure.add_scatter(
                x=list(range(len(values))),
                y=list(values),
                name=f"{name}, {where}",
                mode="lines",
                line={"color": styled.colour, "dash": dash, "width": 2.5},
                hovertemplate="step %{x}: %{y:.3g}<extra>" + name + ", " + where + "</extra>",
            )
    figure.update_layout(
        **PLAIN,
        height=300,
        margin={"l": 64, "r": 16, "t": 8, "b": 8},
        legend={"orientation": "h", "y": -0.24, "x": 0, "xanchor": "left", "yanchor": "top", "itemclick": False},
        xaxis={**axis("Step"), "range": [-last / 40, last * 1.025], "gridcolor": GREY},
        yaxis={**axis("Mean squared error (log scale)"), "type": "log", "tickformat": "~g"},
    )
    return figure
