"""Curves of the page: an image among the calibration's, where a verdict breaks, and two starts against each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from tracer.reports.figures.artifacts import LEGEND
from tracer.reports.figures.plots import GREY, PLAIN, axis, style

KIND_MARKERS = {"family": "circle", "none": "x", "undecided": "diamond", "insufficient": "square-open"}


def among(belonging: np.ndarray, others: np.ndarray, threshold: float, score: float | None, name: str) -> go.Figure:
    """Calibration scores of images that a decoder made and of others, its threshold, and where this image lies.

    Args:
        belonging: scores of images that the decoder made.
        others: scores of images that it did not make; may be empty.
        threshold: largest score that still belongs.
        score: this image's; None before there is one.
        name: the family.
    """
    figure = go.Figure()
    given = np.concatenate([belonging, others, [threshold], [] if score is None else [max(score, 1e-6)]])
    edges = np.linspace(np.log10(max(given.min(), 1e-6)) - 0.05, np.log10(given.max()) + 0.05, 41)
    kinds = ((belonging, f"made by {name}", style(1), "/"), (others, "not made by it", style(0), ""))
    for values, title, look, pattern in kinds:
        if not len(values):
            continue
        counts, _ = np.histogram(np.log10(np.maximum(values, 1e-6)), edges)
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=counts / len(values),
            width=np.diff(edges) * 0.95,
            name=f"{len(values)} {title}",
            customdata=10 ** ((edges[1:] + edges[:-1]) / 2),
            marker={"color": look.colour, "opacity": 0.62, "pattern": {"shape": pattern, "solidity": 0.35}},
            hovertemplate="%{y:.0%} at about %{customdata:.3g}<extra>" + title + "</extra>",
        )
    line = {"color": "#808080", "width": 1.5}
    figure.add_vline(x=np.log10(threshold), line=line)
    figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name="threshold")
    if score is not None:
        look = style(3)
        figure.add_vline(x=np.log10(max(score, 1e-6)), line={"color": look.colour, "width": 3})
        figure.add_scatter(
            x=[np.log10(max(score, 1e-6))],
            y=[0],
            name="this image",
            mode="markers",
            customdata=[score],
            marker={"color": look.colour, "symbol": look.marker, "size": 14},
            hovertemplate="this image: %{customdata:.3g}<extra></extra>",
        )
    low, high = int(np.floor(edges[0])), int(np.ceil(edges[-1]))
    powers = list(range(low, high + 1))
    figure.update_layout(
        **PLAIN,
        height=290,
        margin={"l": 52, "r": 12, "t": 66, "b": 44},
        barmode="overlay",
        legend=LEGEND,
        xaxis={**axis("Score (log scale)"), "tickvals": powers, "ticktext": [f"{10.0**each:g}" for each in powers]},
        yaxis={**axis("Share"), "tickformat": ".0%", "rangemode": "tozero"},
    )
    return figure


def breaking(
    strengths: Sequence[float],
    ratios: dict[str, Sequence[float]],
    kinds: Sequence[str],
    title: str,
    harmless: float,
    worst: float,
    flips: Sequence[tuple[float, float]],
) -> go.Figure:
    """Score over threshold of every family against the strength of a change; 1 is where a family stops fitting.

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
        look = style(place)
        figure.add_scatter(
            x=list(strengths),
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 2.5},
            marker={"symbol": look.marker, "size": 8},
            hovertemplate="%{x:g}: %{y:.3g} of the threshold<extra>" + name + "</extra>",
        )
    line = {"color": "#808080", "dash": "dot", "width": 1.5}
    figure.add_hline(y=1, line=line)
    figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name="threshold: below it, a family fits")
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
        yaxis={**axis("Score over threshold (log scale)"), "type": "log", "tickformat": "~g", "dtick": 1},
    )
    return figure


def race(steps: Sequence[int], encoder: Sequence[float], random: Sequence[float], last: int) -> go.Figure:
    """Reconstruction loss of two inversions, from the encoder's latent and from noise, step by step."""
    figure = go.Figure()
    for place, (name, values) in enumerate((("encoder start", encoder), ("random start", random))):
        look = style(place)
        figure.add_scatter(
            x=list(steps)[: len(values)],
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 2.5},
            marker={"symbol": look.marker, "size": 6},
            hovertemplate="step %{x}: %{y:.3g}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        **PLAIN,
        height=280,
        margin={"l": 64, "r": 16, "t": 34, "b": 44},
        legend=LEGEND,
        xaxis={**axis("Step"), "range": [-last / 40, last * 1.025], "gridcolor": GREY},
        yaxis={**axis("Mean squared error (log scale)"), "type": "log", "tickformat": "~g"},
    )
    return figure
