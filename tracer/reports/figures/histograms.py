"""Where an image lies among those that a threshold was measured on: what the figures of two kinds of evidence share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from tracer.reports.figures.plots import LEGEND, PLAIN, Style, axis

BINS = 40


def edges(*scores: Sequence[float]) -> np.ndarray:
    """The limits of bins of equal width that hold all of these scores: (`BINS` + 1,)."""
    given = np.concatenate([np.asarray(each, float) for each in scores])
    low, high = (given.min(), given.max()) if len(given) else (-1.0, 1.0)
    return np.linspace(low, high + 1e-6, BINS + 1)


def add_bars(
    figure: go.Figure, scores: Sequence[float], limits: np.ndarray, name: str, colour: str, pattern: str
) -> None:
    """The shares of some images in bins.

    Args:
        figure: gets the bars.
        scores: of the images; without any, nothing is added.
        limits: of the bins, one more than there are bins.
        name: what the images are, in the legend behind their number.
        colour, pattern: of the bars; plotly's names.
    """
    if not len(scores):
        return
    counts, _ = np.histogram(scores, limits)
    figure.add_bar(
        x=(limits[1:] + limits[:-1]) / 2,
        y=counts / len(scores),
        width=np.diff(limits) * 0.95,
        name=f"{len(scores)} {name}",
        marker={"color": colour, "opacity": 0.62, "pattern": {"shape": pattern, "solidity": 0.35}},
        hovertemplate="%{y:.0%} at about %{x:.3g}<extra>" + name + "</extra>",
    )


def add_image(figure: go.Figure, score: float | None, style: Style) -> None:
    """The score of the inspected image as a line with a marker; nothing before there is one."""
    if score is None:
        return
    figure.add_vline(x=score, line={"color": style.colour, "width": 3})
    figure.add_scatter(
        x=[score],
        y=[0],
        name="this image",
        mode="markers",
        marker={"color": style.colour, "symbol": style.marker, "size": 14},
        hovertemplate="this image: %{x:.3g}<extra></extra>",
    )


def lay_out(figure: go.Figure, title: str) -> go.Figure:
    """The figure with axes and legend; `title` is what a score is."""
    return figure.update_layout(
        **PLAIN,
        height=300,
        margin={"l": 52, "r": 12, "t": 66, "b": 44},
        barmode="overlay",
        bargap=0.05,
        legend=LEGEND,
        xaxis=axis(title),
        yaxis={**axis("Share"), "tickformat": ".0%", "rangemode": "tozero"},
    )
