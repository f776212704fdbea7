"""What all figures share: how families look, axes, and the colours of maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from plotly.colors import hex_to_rgb, sequential

RESIDUAL_TOP = 32  # grey levels of 255; the scale is the same for every image, so that residuals can be compared

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
LEGEND = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "itemclick": False}


@dataclass(frozen=True)
class Style:
    """How a family looks in every figure."""

    colour: str
    dash: str
    marker: str
    glyph: str


def style(index: int) -> Style:
    """The looks of the family at a place in its line-up; from the seventh on, colours meet other markers."""
    count = len(_STYLES)
    colour, dash, _, _ = _STYLES[index % count]
    return Style(colour, dash, *_STYLES[(index + index // count) % count][2:])


def axis(title: str) -> dict[str, object]:
    """An axis as in every figure."""
    return {"title": {"text": title, "font": {"size": 13}}, "gridcolor": GREY, "zeroline": False}


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
