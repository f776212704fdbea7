"""Every reason has its sentence, and nothing else depends on how one reads."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Verdict
from tracer.ui.record import from_document
from tracer.verdict import wording
from tracer.verdict.wording import sentence

EVERYTHING = {
    "best": "one",
    "candidates": 4,
    "caption": "a {fox}",
    "chance": 0.11,
    "close": ("one", "two"),
    "condition": "jpeg-85",
    "detector": "d",
    "error": "it is away",
    "foreign": ("far",),
    "format": "GIF",
    "high": 0.05,
    "inspected": ("a", "b"),
    "low": 0.01,
    "maker": "two",
    "model": "one",
    "models": 3,
    "open": ("a", "b"),
    "others": 3,
    "probability": 0.7,
    "quality": 20,
    "side": 96,
    "what": "one",
    "who": "inversion",
}


def verdict(reason: Reason) -> Verdict:
    """A verdict that has whatever any sentence may need."""
    before = Verdict("undecided", Reason.SEVERAL_FAMILIES_OPEN, ("a", "b"))
    return Verdict("undecided", reason, ("a",), ("one", "two"), EVERYTHING, rests_on=(before,))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_of_its_own(reason):
    said = sentence(verdict(reason))
    assert said.endswith(".") and (said[0].isupper() or said.startswith("one comes closest"))
    assert "{" not in said.replace("{fox}", "") and "None" not in said.removeprefix("None of")
    others = {sentence(verdict(each)) for each in Reason if each is not reason}
    assert said not in others


@pytest.mark.parametrize("reason", Reason)
def test_a_verdict_survives_its_document(reason):
    made = verdict(reason)
    assert from_document(Verdict, json.loads(json.dumps(asdict(made)))) == made


def test_a_single_drawing_is_not_plural():
    made = Verdict("undecided", Reason.DRAWING_STOPPED, details={"best": "one", "candidates": 1, "caption": "fox"})
    assert "from 1 drawing of “fox”" in sentence(made)


def test_a_condition_has_words():
    assert wording.condition("jpeg-85") == "JPEG files of quality 85"
    assert wording.condition("lossless") == "lossless images"
