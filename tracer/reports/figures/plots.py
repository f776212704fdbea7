"""Figures from plain numbers: loss curves (plotly) and the residual's colours. The page adds a sentence to each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, sequential

RESIDUAL_TOP = 32  # grey levels of 255; the scale is the same for every image, so that residuals can be compared
FIT_SIDES = 100  # the strip shows scores from 1 / 100 of the threshold to 100 times the threshold

# Mid-tones with a contrast of at least 3:1 on white and on the dark page alike, told apart by dash and marker too.
_STYLES = (
    ("#2f7fd1", "solid", "circle", "●"),
    ("#cf6a00", "dash", "square", "■"),
    ("#0b8f7a", "longdash", "diamond", "◆"),
    ("#b4529e", "dashdot", "triangle-up", "▲"),
    ("#7a7f00", "longdashdot", "x", "✕"),
    ("#7d68d8", "dot", "star", "★"),
)
GREY = "rgba(128,128,128,0.28)"
PLAIN = {  # what every figure's layout has; the page's style gives the text its colour, light or dark
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#808080"},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "hovermode": "closest",
    "dragmode": False,
    "uirevision": "kept",  # zoom survives a streamed update
}


@dataclass(frozen=True)
class Style:
    """How a family looks in every figure."""

    colour: str
    dash: str
    marker: str
    glyph: str


@dataclass(frozen=True)
class Curve:
    """One family's inversion.

    Attributes:
        name: what the legend says.
        style: its looks.
        steps: gradient steps.
        values: the score at each of them.
        thresholds: (step, largest score that still belongs) at the checkpoints.
        decided: the step at which the answer was found, if it was.
    """

    name: str
    style: Style
    steps: list[int]
    values: list[float]
    thresholds: list[tuple[int, float]]
    decided: int | None


def style(index: int) -> Style:
    """The looks of the family at a place in its line-up; from the seventh on, colours meet other markers."""
    count = len(_STYLES)
    colour, dash, _, _ = _STYLES[index % count]
    return Style(colour, dash, *_STYLES[(index + index // count) % count][2:])


def loss_curves(curves: list[Curve], mode: str, steps: int) -> go.Figure:
    """Score against gradient step, one curve per family, each with its calibrated threshold in the same colour.

    Args:
        curves: one per family, possibly unfinished.
        mode: "fast" (relative loss) or "paper" (raw loss).
        steps: where the horizontal axis ends.
    """
    figure = go.Figure()
    for curve in curves:
        figure.add_trace(_threshold_line(curve, steps))
        figure.add_trace(_curve_line(curve, steps))
        if curve.decided in curve.steps:
            figure.add_trace(_decision(curve))
    if curves:
        figure.add_trace(_threshold_key())
    title = "Relative loss (log scale)" if mode == "fast" else "Mean squared error (log scale)"
    figure.update_layout(
        height=360,
        **PLAIN,
        margin={"l": 64, "r": 16, "t": 8, "b": 8},
        legend={"orientation": "h", "y": -0.24, "x": 0, "xanchor": "left", "yanchor": "top", "itemclick": False},
        xaxis={**axis("Gradient steps"), "range": [-steps / 40, steps * 1.025]},
        yaxis={**axis(title), "type": "log", "tickformat": "~g", "dtick": _ticks(curves)},
    )
    return figure


def _ticks(curves: list[Curve]) -> int | str:
    """Label every power of ten; where there are too few of them, 1, 2 and 5 of each ("D2")."""
    values = [
        value for curve in curves for value in (*curve.values, *(limit for _, limit in curve.thresholds)) if value
    ]
    return 1 if not values or max(values) / min(values) > 200 else "D2"


def axis(title: str) -> dict[str, object]:
    """An axis as in every figure."""
    return {"title": {"text": title, "font": {"size": 13}}, "gridcolor": GREY, "zeroline": False}


def _threshold_key() -> go.Scatter:
    """One entry in the legend for all dotted lines: one each would fill a phone's screen."""
    line = {"color": "#808080", "dash": "dot", "width": 1.5}
    return go.Scatter(x=[None], y=[None], mode="lines", line=line, name="threshold, in the family's colour")


def _curve_line(curve: Curve, steps: int) -> go.Scatter:
    look = curve.style
    every = max(1, steps // 16)
    sizes = [7 if step % every == 0 else 0 for step in curve.steps]
    return go.Scatter(
        x=curve.steps,
        y=curve.values,
        name=curve.name,
        mode="lines+markers",
        line={"color": look.colour, "dash": look.dash, "width": 2.5},
        marker={"symbol": look.marker, "size": sizes or 7, "opacity": 1},
        hovertemplate="step %{x}: %{y:.3g}<extra>" + curve.name + "</extra>",
    )


def _threshold_line(curve: Curve, steps: int) -> go.Scatter:
    """A threshold holds from its checkpoint to the next; paper mode has a single one, for the last step."""
    places, values = (list(part) for part in zip(*curve.thresholds, strict=True)) if curve.thresholds else ([], [])
    if len(places) == 1:
        places, values = [0, steps], values * 2
    return go.Scatter(
        x=places,
        y=values,
        name=f"{curve.name}: threshold",
        mode="lines",
        showlegend=False,
        line={"color": curve.style.colour, "dash": "dot", "width": 1.5, "shape": "hv"},
        hovertemplate="belongs up to %{y:.3g}<extra>" + curve.name + " threshold</extra>",
    )


def _decision(curve: Curve) -> go.Scatter:
    place = curve.steps.index(curve.decided)
    return go.Scatter(
        x=[curve.decided],
        y=[curve.values[place]],
        mode="markers",
        showlegend=False,
        marker={"symbol": "circle-open", "size": 17, "color": curve.style.colour, "line": {"width": 2.5}},
        hovertemplate="decided at step %{x}<extra>" + curve.name + "</extra>",
    )


def residual(original: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
    """Where the reconstruction differs: mean absolute difference over the channels, on the fixed scale.

    Args:
        original: uint8 RGB (height, width, 3).
        reconstruction: the same shape.

    Returns:
        uint8 RGB in viridis, from no difference (dark) to `RESIDUAL_TOP` levels and more (bright).
    """
    return coloured(difference(original, reconstruction) / RESIDUAL_TOP)


def coloured(values: np.ndarray) -> np.ndarray:
    """Values from 0 (dark) to 1 (bright) in viridis; beyond are drawn like the ends: uint8 RGB."""
    places = np.linspace(0, 1, len(sequential.Viridis))
    stops = np.array([hex_to_rgb(colour) for colour in sequential.Viridis], float)
    channels = [np.interp(values, places, stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def difference(original: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
    """Mean absolute difference over the channels, in grey levels: (height, width)."""
    return np.abs(original.astype(np.int16) - reconstruction.astype(np.int16)).mean(axis=2)


def gradient() -> str:
    """The colours of residual and map as a CSS gradient, for their legends."""
    return f"linear-gradient(to right, {', '.join(sequential.Viridis)})"


def fit_position(score: float, threshold: float) -> float:
    """Where a score lies on a log strip whose middle is the threshold: 0 (fits far better) to 100 (far worse)."""
    ratio = np.log(max(score, 1e-12) / threshold) / np.log(FIT_SIDES)
    return float(np.clip(50 + 50 * ratio, 2, 98))
