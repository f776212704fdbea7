"""Figures from plain numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tracer.models import registry
from tracer.reports.figures import plots


def curve(decided: int | None = 1) -> plots.Curve:
    return plots.Curve("mini", plots.style(0), [0, 1, 2], [3.0, 1.0, 0.5], [(0, 2.0), (2, 1.0)], decided)


def test_every_curve_has_its_threshold_in_its_colour():
    figure = plots.loss_curves([curve()], "fast", 2)
    threshold, line, decision, key = figure.data
    assert threshold.line.color == line.line.color == decision.marker.color
    assert list(threshold.y) == [2.0, 1.0]
    assert (decision.x[0], decision.y[0]) == (1, 1.0)
    assert "threshold" in key.name
    assert figure.layout.yaxis.type == "log"


def test_an_open_curve_has_no_decision_and_an_empty_figure_is_allowed():
    assert len(plots.loss_curves([curve(None)], "fast", 2).data) == 3
    assert not plots.loss_curves([], "paper", 100).data


def test_the_single_threshold_of_paper_mode_is_a_line_across():
    paper = plots.Curve("mini", plots.style(0), [0], [0.1], [(100, 0.01)], None)
    threshold = plots.loss_curves([paper], "paper", 100).data[0]
    assert (list(threshold.x), list(threshold.y)) == ([0, 100], [0.01, 0.01])


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


def test_the_strip_has_its_threshold_in_the_middle():
    assert plots.fit_position(2.0, 2.0) == pytest.approx(50)
    assert plots.fit_position(0.2, 2.0) < 50 < plots.fit_position(20, 2.0)
    assert 0 <= plots.fit_position(0, 2.0) < plots.fit_position(1e9, 2.0) <= 100


def test_the_page_states_the_settings_in_use():
    from tracer.evidence.inversion.settings import FAST, PAPER
    from tracer.ui import words

    table = words.settings_table()
    assert f"at most {FAST.steps}" in table
    assert f"| {PAPER.steps} |" in table
