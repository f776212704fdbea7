"""Figures from plain numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tracer.models import registry
from tracer.reports.figures import curves, plots


def test_the_two_descents_of_a_family_have_its_colour_and_differ_by_dash():
    figure = curves.descents({"mini": ([1.0, 0.1], [1.0, 0.5]), "other": ([1.0], [1.0])}, 40)
    on, beside, other, _ = figure.data
    assert on.line.color == beside.line.color != other.line.color
    assert on.line.dash != beside.line.dash
    assert "beside" in beside.name
    assert figure.layout.yaxis.type == "log"
    assert not curves.descents({}, 40).data


def test_a_picture_stands_among_others_with_the_threshold():
    figure = curves.among([9.0, 12.0], [0.0, 1.0, -1.0], 3.6, 10.0, "mini")
    assert {trace.name for trace in figure.data} >= {
        "3 pictures that none of the decoders made",
        "2 pictures made by mini",
        "threshold",
        "this image",
    }
    assert not curves.among((), (), None, None, "mini").data


def test_families_differ_in_more_than_colour():
    looks = [plots.style(index) for index in range(6)]
    for part in ("colour", "dash", "marker", "glyph"):
        assert len({getattr(look, part) for look in looks}) == 6


def test_no_two_families_of_a_lineup_look_the_same():
    for name in registry.LINEUPS:
        looks = [plots.style(registry.place(row.id)) for row in registry.families(name)]
        assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("ground", [(255, 255, 255), (0x17, 0x17, 0x17)])
def test_curves_can_be_seen_on_light_and_dark(ground: tuple[int, int, int]):
    for index in range(6):
        colour = tuple(int(plots.style(index).colour[place : place + 2], 16) for place in (1, 3, 5))
        lighter, darker = sorted((luminance(colour), luminance(ground)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3  # WCAG 1.4.11, graphical objects


def luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = np.array(colour) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_the_residuals_scale_does_not_depend_on_the_image():
    original = np.zeros((8, 8, 3), np.uint8)
    other = original.copy()
    other[0, 0], other[0, 1], other[0, 2] = 16, 32, 200
    busy = other.copy()
    busy[4:] = 255
    drawn, drawn_busy = plots.residual(original, other), plots.residual(original, busy)
    assert drawn.shape == original.shape
    assert (drawn[:4] == drawn_busy[:4]).all()
    assert tuple(drawn[7, 7]) == (68, 1, 84)  # viridis: no difference
    assert tuple(drawn[0, 1]) == tuple(drawn[0, 2]) == (253, 231, 37)  # the top, and beyond it


def test_the_page_states_the_settings_in_use():
    from tracer.evidence.inversion.settings import PAPER, PAPER_RANDOM
    from tracer.ui import words

    table = words.settings_table()
    assert f"| {PAPER.steps} | {PAPER_RANDOM.steps} |" in table
