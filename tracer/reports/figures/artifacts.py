"""Figures of evidence 2: the tries, where the image lies among photographs, its spectrum, and the map's colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw

from tracer.evidence.artifacts.heatmap import Heatmap
from tracer.evidence.artifacts.null_distribution import LEVELS, NullDistribution, Scores
from tracer.evidence.artifacts.spectrum import FREQUENCIES, PERIOD, Spectrum
from tracer.reports.figures import histograms
from tracer.reports.figures.plots import GREY, LEGEND, PLAIN, axis, coloured, style

SHOWN = 640  # pixels of the longer side of what is shown of an image
_PHOTOGRAPHS, _DECODED, _IMAGE = (style(index) for index in (0, 1, 3))
_BAND = "rgba(207,150,0,0.22)"
_UNKNOWN = (128, 128, 128)
_GRID = np.arange(1, PERIOD // 2 + 1)


def tries(logits: Sequence[float], scores: Scores | None, total: int) -> go.Figure:
    """The probability of every try, and of their mean so far, on the fixed scale from 0 to 1.

    Args:
        logits: one per try, possibly not all.
        scores: what they are judged by; None before the first try.
        total: how many there will be.
    """
    figure = go.Figure()
    if scores:
        _band(figure, scores, lambda score: float(scores.probability(score)), across=True)
        numbers = list(range(1, len(logits) + 1))
        means = np.cumsum(logits) / numbers
        figure.add_scatter(
            x=numbers,
            y=scores.probability(means),
            name="mean so far",
            line={"color": _IMAGE.colour, "width": 2.5},
            mode="lines",
            hovertemplate="mean of %{x}: %{y:.3f}<extra></extra>",
        )
        figure.add_scatter(
            x=numbers,
            y=scores.probability(np.array(logits)),
            customdata=logits,
            name="a try",
            mode="markers",
            marker={"color": _IMAGE.colour, "symbol": _IMAGE.marker, "size": 10},
            hovertemplate="try %{x}: %{y:.3f} (logit %{customdata:.2f})<extra></extra>",
        )
    figure.update_layout(
        **PLAIN,
        height=270,
        margin={"l": 52, "r": 12, "t": 34, "b": 44},
        legend=LEGEND,
        xaxis={**axis("Try"), "range": [0.5, max(total, 4) + 0.5], "dtick": 1 if total <= 12 else None},
        yaxis={**axis("Probability"), "range": [-0.03, 1.03]},
    )
    return figure


def histogram(scores: Scores | None, score: float | None) -> go.Figure:
    """Scores of the calibration's photographs and reconstructions, its thresholds, and where this image lies."""
    figure = go.Figure()
    if scores:
        limits = histograms.edges(scores.negative, scores.positive, [] if score is None else [score])
        histograms.add_bars(figure, scores.negative, limits, "photographs", _PHOTOGRAPHS.colour, "")
        histograms.add_bars(figure, scores.positive, limits, "sent through an autoencoder", _DECODED.colour, "/")
        _band(figure, scores, lambda value: value, across=False)
        histograms.add_image(figure, score, _IMAGE)
    return histograms.lay_out(figure, "Score (mean logit)")


def _band(figure: go.Figure, scores: Scores, place, across: bool) -> None:
    """The thresholds that are known as lines, and what lies between answer and highest rate as a band."""
    low, high = scores.threshold(LEVELS[-1]), scores.edge
    add_line, add_box = (figure.add_hline, figure.add_hrect) if across else (figure.add_vline, figure.add_vrect)
    keys = ("y0", "y1") if across else ("x0", "x1")
    if high > low:
        add_box(**dict(zip(keys, (place(low), place(high)), strict=True)), fillcolor=_BAND, line_width=0, layer="below")
    for level, dash in zip(LEVELS, ("solid", "dash", "dot"), strict=True):
        limit = scores.threshold(level)
        if limit is None:
            continue
        line = {"color": "#808080", "width": 1.5, "dash": dash}
        add_line(**{keys[0][0]: place(limit)}, line=line)
        figure.add_scatter(x=[None], y=[None], mode="lines", line=line, name=f"{100 * level:g} % of photographs above")


def spectrum(shown: Spectrum | None, null: NullDistribution | None) -> go.Figure:
    """The azimuthal average of the power, beside what photographs have."""
    figure = go.Figure()
    if null:
        low, _, high = null.spectrum["power"]
        figure.add_scatter(
            x=[*FREQUENCIES, *FREQUENCIES[::-1]],
            y=[*high, *low[::-1]],
            fill="toself",
            mode="lines",
            line={"width": 0, "color": _PHOTOGRAPHS.colour},
            opacity=0.5,
            name="the middle 80 % of photographs",
            hoverinfo="skip",
        )
    if shown:
        line = {"color": _IMAGE.colour, "width": 2.5}
        curve = dict(x=FREQUENCIES, y=shown.power, name="this image", mode="lines", line=line)
        figure.add_scatter(**curve, hovertemplate="%{x:.3f}: %{y:.1f} dB<extra></extra>")
    for place in _GRID / PERIOD:
        figure.add_vline(x=place, line={"color": GREY, "dash": "dot", "width": 1.5})
    figure.update_layout(
        **PLAIN,
        height=300,
        margin={"l": 52, "r": 12, "t": 44, "b": 48},
        legend=LEGEND,
        xaxis={**axis("Cycles per pixel"), "range": [0, 0.505]},
        yaxis=axis("Power (dB)"),
    )
    return figure


def peaks(shown: Spectrum | None, null: NullDistribution | None) -> go.Figure:
    """The peaks on the grid of 8 pixels, beside what photographs have."""
    figure = go.Figure()
    if null:
        low, middle, high = (np.array(values) for values in null.spectrum["peaks"])
        figure.add_scatter(
            x=_GRID - 0.1,
            y=middle,
            error_y={"array": high - middle, "arrayminus": middle - low, "width": 5, "thickness": 2},
            mode="markers",
            marker={"color": _PHOTOGRAPHS.colour, "symbol": "line-ew-open", "size": 11},
            name="photographs",
            hovertemplate="photographs: %{y:.1f} dB<extra></extra>",
        )
    if shown:
        marker = {"color": _IMAGE.colour, "symbol": _IMAGE.marker, "size": 12}
        dots = dict(x=_GRID + 0.1, y=shown.peaks, name="this image", mode="markers", marker=marker)
        figure.add_scatter(**dots, hovertemplate="this image: %{y:.1f} dB<extra></extra>")
    labels = [f"{each}/{PERIOD}" for each in _GRID]
    figure.update_layout(
        **PLAIN,
        height=300,
        margin={"l": 52, "r": 12, "t": 44, "b": 48},
        legend=LEGEND,
        xaxis={**axis("Cycles per pixel, on the grid"), "tickvals": _GRID, "ticktext": labels, "range": [0.5, 4.5]},
        yaxis=axis("Above neighbours (dB)"),
    )
    return figure


def pictured(pixels: np.ndarray, boxes: Sequence[tuple[int, int, int, int]]) -> np.ndarray:
    """The image as it is shown beside its map, with the tries' outlines: uint8 RGB, the longer side at most `SHOWN`."""
    height, width = pixels.shape[:2]
    size = _size(height, width)
    image = Image.fromarray(pixels)
    # Pixels of a small image stay visible as such.
    image = image.resize(size, Image.Resampling.LANCZOS if size[0] < width else Image.Resampling.NEAREST)
    drawing, factor = ImageDraw.Draw(image), size[0] / width
    for top, left, bottom, right in boxes:
        outline = [left * factor, top * factor, right * factor - 1, bottom * factor - 1]
        drawing.rectangle(outline, outline=(0, 0, 0), width=3)
        drawing.rectangle(outline, outline=(255, 255, 255), width=1)
    return np.asarray(image)


def heat(heatmap: Heatmap | None, scores: Scores, height: int, width: int) -> np.ndarray:
    """The map in the fixed colours of 0 to 1, grey where nothing is known yet, in the size of `pictured`."""
    size = _size(height, width)
    if heatmap is None:
        return np.full((size[1], size[0], 3), _UNKNOWN, np.uint8)
    colours = coloured(np.nan_to_num(scores.probability(heatmap.logits)))
    colours[np.isnan(heatmap.logits)] = _UNKNOWN
    # Cells begin at the upper left corner; the last ones may be cut by the edge.
    row, column = (
        (np.arange(shown) * length / shown / heatmap.cell).astype(int)
        for shown, length in ((size[1], height), (size[0], width))
    )
    return colours[np.ix_(row, column)]


def _size(height: int, width: int) -> tuple[int, int]:
    factor = SHOWN / max(height, width)
    return max(round(width * factor), 1), max(round(height * factor), 1)
