"""The next step says what it costs, and why it cannot be had."""

from __future__ import annotations

import gradio as gr
import pytest

from tracer.evidence.regeneration import ranking
from tracer.models import device, registry
from tracer.ui import chooser, further, joined, record, stored, wiring
from tracer.ui.tabs import regeneration

PHOTOGRAPH = next(each for each in record.examples() if each.name == "photograph")


@pytest.fixture
def chosen() -> chooser.Chooser:
    with gr.Blocks():
        return chooser.build()


def test_a_maker_that_is_known_leads_nowhere_and_anything_else_to_the_real_models():
    assert further.lineup_after(None) == ""
    assert further.lineup_after(record.load(PHOTOGRAPH).trace) == "real"
    assert further.lineup_after(record.load(record.examples()[0]).trace) == ""


@pytest.mark.parametrize("name", further.OFFERS)
def test_a_step_says_how_many_are_asked_and_what_has_to_be_downloaded(name: str):
    said = further.label(name)
    assert str(len(registry.families(name))) in said
    assert ("nothing to download" in said) == all(row.bundled for row in registry.families(name))


def test_the_bundled_stand_ins_can_be_asked_at_once(chosen):
    answer = further.choose(record.load(PHOTOGRAPH).trace, chosen)
    assert answer[chosen.lineup] == "real"


@pytest.mark.parametrize("name", ["tiny", "full"])
def test_a_line_up_that_is_out_of_reach_says_so_and_never_does_nothing(name: str, monkeypatch, chosen):
    """Without the Hub nobody of these can be asked."""
    monkeypatch.setattr(further, "lineup_after", lambda trace: name)
    with pytest.raises(gr.Error, match="None of them can be asked here and now"):
        further.choose(None, chosen)
    refused, *rest = wiring.check(str(PHOTOGRAPH.file), "grid", [])
    assert not refused["is_valid"] and "No model is chosen" in refused["message"]
    assert all(each["is_valid"] for each in rest), "said once, where it is seen"


def test_the_drawing_has_one_estimate(monkeypatch):
    monkeypatch.setattr(device, "speed", lambda: 2e10)
    import torch  # noqa: F401 - without it nothing is measured

    offered = joined.offer(joined.seconds_to_draw())
    names = [row.id for row in registry.GENERATORS.values() if row.bundled]
    told = regeneration.estimate(names, ranking.CANDIDATES)
    seconds = ranking.span(ranking.seconds(names, ranking.CANDIDATES))
    assert seconds in offered and seconds in told


def test_the_models_are_offered_as_long_as_they_have_not_drawn():
    _, _, drawn, told = stored.everything(PHOTOGRAPH.name)
    assert "regeneration" in told.joint().missing
    assert "regeneration" not in told.joint(drawn.answer).missing
