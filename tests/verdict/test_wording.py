"""Every reason has its sentence, and nothing else depends on how one reads."""

from __future__ import annotations

import pytest

from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Verdict
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


def test_an_absence_names_who_was_asked_and_claims_no_more():
    asked = ("sd1", "taesdxl", "a-folder")
    said = sentence(Verdict("none", Reason.NO_FAMILY_FITS, details={"inspected": asked}))
    assert said.startswith("No trace of Stable Diffusion 1, Stable Diffusion XL or a-folder. ")
    assert "does not make it a photograph" in said and "resizing removes the trace" in said


def test_a_family_is_called_by_its_title_and_a_stand_in_by_whom_it_stands_for():
    def named(*family: str) -> str:
        return sentence(Verdict("family", Reason.ONE_FAMILY_FITS, family, ("First", "Second"), {"inspected": family}))

    assert named("mini-kl") == "Made by a model that uses the mini-kl autoencoder."
    assert named("sd1") == "Made by a model that uses the Stable Diffusion 1 autoencoder."
    assert named("taesdxl") == "Made by a model that uses Stable Diffusion XL's autoencoder (First, Second)."
    assert named("a-folder") == "Made by a model that uses the a-folder autoencoder."


def test_no_marks_beside_no_trace_is_one_sentence_and_a_caution():
    before = Verdict("none", Reason.NO_FAMILY_FITS, details={"inspected": ("mini-kl", "mini-dc")})
    said = sentence(Verdict("none", Reason.NONE_AND_NO_MARKS, rests_on=(before,)))
    assert said.startswith("No trace of mini-kl or mini-dc, and the detector finds no marks of any autoencoder. That")


def test_a_single_drawing_is_not_plural():
    made = Verdict("undecided", Reason.DRAWING_STOPPED, details={"best": "one", "candidates": 1, "caption": "fox"})
    assert "from 1 drawing of “fox”" in sentence(made)


def test_a_condition_has_words():
    assert wording.condition("jpeg-85") == "JPEG files of quality 85"
    assert wording.condition("lossless") == "lossless images"
