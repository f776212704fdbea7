"""A map over an image, on a fixed scale and with a number under the pointer: probability of marks."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from tracer.reports.figures.plots import PLAIN

HEIGHT = 380


def marks_map(probabilities: np.ndarray | None, cell: int = 1) -> go.Figure:
    """Probability of an autoencoder's marks per cell, from 0 to 1; NaN where nothing has been looked at.

    Args:
        probabilities: (rows, columns); None for an empty map.
        cell: pixels a side of a cell.
    """
    if probabilities is None:
        return _map(np.zeros((0, 0)), 1, 1, "", ())
    hover = f"x %{{x:.0f}}, y %{{y:.0f}}: %{{z:.3f}}<extra>cell of {cell} px</extra>"
    values = [[None if np.isnan(value) else round(float(value), 4) for value in row] for row in probabilities]
    return _map(values, cell, 1, hover, (0, 0.25, 0.5, 0.75, 1), np.shape(probabilities))


def _map(values, size: int, top: float, hover: str, ticks: tuple[float, ...], shape=None) -> go.Figure:
    """A heat map whose axes count the image's pixels from the upper left corner."""
    rows, columns = shape or np.shape(values)
    figure = go.Figure()
    if rows and columns:
        figure.add_heatmap(
            z=values,
            x0=size / 2 - 0.5,
            dx=size,
            y0=size / 2 - 0.5,
            dy=size,
            zmin=0,
            zmax=top,
            colorscale="Viridis",
            hovertemplate=hover,
            colorbar={
                "orientation": "h",
                "thickness": 12,
                "len": 1,
                "y": -0.02,
                "yanchor": "top",
                "tickvals": ticks,
                "ticktext": [*map(str, ticks[:-1]), f"{ticks[-1]}{'+' if top > 1 else ''}"],
                "outlinewidth": 0,
            },
        )
    plain = {"visible": False, "fixedrange": True}
    figure.update_layout(
        **PLAIN,
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 44},
        xaxis={**plain, "range": [-0.5, max(columns * size, 1) - 0.5], "constrain": "domain"},
        yaxis={
            **plain,
            "range": [max(rows * size, 1) - 0.5, -0.5],
            "scaleanchor": "x",
            "constrain": "domain",
        },
    )
    return figure
