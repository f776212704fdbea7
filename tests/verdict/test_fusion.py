"""Two kinds of evidence, one sentence: each says what it decided, and neither is silently overruled."""

from __future__ import annotations

import pytest

from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Verdict
from tracer.models import registry
from tracer.verdict import combine
from tracer.verdict.wording import sentence

GENERATORS = list(registry.GENERATORS)
FLUENT, NOTO, TWEMOJI = GENERATORS[:3]  # the first two share mini-kl
INSPECTED = {"inspected": ("mini-kl", "mini-kl16", "mini-movq", "mini-dc")}
NONE = Verdict("none", Reason.NO_FAMILY_FITS, details=INSPECTED)
LITTLE = Verdict("insufficient", Reason.NO_FINE_DETAIL)


def inversion(*families: str) -> Verdict:
    if len(families) == 1:
        return Verdict("family", Reason.ONE_FAMILY_FITS, families, details=INSPECTED)
    return Verdict("undecided", Reason.SEVERAL_FAMILIES_OPEN, families)


def drawn(*names: str, kind: str = "") -> Verdict:
    families = tuple(dict.fromkeys(registry.generator(name).family for name in names))
    kind = kind or ("family" if len(names) == 1 else "undecided")
    reasons = {"family": Reason.DRAWN_MOST_ALIKE, "none": Reason.NONE_DRAWS_ALIKE}
    return Verdict(kind, reasons.get(kind, Reason.SEVERAL_DRAW_ALIKE), families, names)


@pytest.mark.parametrize(
    ("verdict", "left"),
    [
        (inversion("mini-kl"), [FLUENT, NOTO]),
        (inversion("mini-kl16"), GENERATORS),  # nothing to decide inside it
        (inversion("mini-kl", "mini-kl16"), GENERATORS),
        (NONE, GENERATORS),
        (LITTLE, GENERATORS),
    ],
)
def test_only_a_named_family_with_several_models_narrows_the_choice(verdict, left):
    assert combine.candidates(verdict, GENERATORS) == left


def test_only_models_that_the_visitor_chose_are_left():
    assert combine.candidates(inversion("mini-kl"), [NOTO, TWEMOJI]) == [NOTO, TWEMOJI]


def test_inversion_names_the_family_and_regeneration_the_model():
    verdict = combine.fuse(inversion("mini-kl"), drawn(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (NOTO,))
    assert "the autoencoder is mini-kl, from inversion" in sentence(verdict)
    assert f"of its 2 models {NOTO}, from regeneration" in sentence(verdict)


def test_agreement_on_a_familys_only_model():
    verdict = combine.fuse(inversion("mini-kl16"), drawn(TWEMOJI), GENERATORS)
    assert (verdict.kind, verdict.members) == ("family", (TWEMOJI,))
    assert "regeneration agrees" in sentence(verdict)


def test_disagreement_keeps_the_family_and_names_no_model():
    verdict = combine.fuse(inversion("mini-kl16"), drawn(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("undecided", ("mini-kl16",), ())
    assert "disagrees" in sentence(verdict) and NOTO in sentence(verdict)


def test_a_model_outside_the_families_that_are_open_is_a_disagreement():
    verdict = combine.fuse(inversion("mini-kl", "mini-movq"), drawn(TWEMOJI), GENERATORS)
    assert (verdict.kind, verdict.members) == ("undecided", ())
    assert "mini-kl and mini-movq" in sentence(verdict)


def test_a_model_of_a_family_that_is_open_is_named_with_care():
    verdict = combine.fuse(inversion("mini-kl", "mini-movq"), drawn(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (NOTO,))
    assert sentence(verdict).startswith("Probably")


def test_where_inversion_cannot_tell_regeneration_alone_is_said_to_decide():
    verdict = combine.fuse(LITTLE, drawn(NOTO), GENERATORS)
    assert (verdict.kind, verdict.members) == ("family", (NOTO,))
    assert "inversion cannot tell" in sentence(verdict)


@pytest.mark.parametrize("found", [drawn(NOTO, TWEMOJI), drawn(kind="none"), drawn(NOTO)])
def test_what_no_autoencoder_reproduces_was_made_by_none_whatever_it_looks_like(found):
    verdict = combine.fuse(NONE, found, GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("none", (), ())
    assert (NOTO in sentence(verdict)) == (found.kind == "family")


def test_the_model_stays_open_where_regeneration_cannot_decide():
    verdict = combine.fuse(inversion("mini-kl"), drawn(FLUENT, NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (FLUENT, NOTO))
    assert "stays open" in sentence(verdict)
    only = combine.fuse(inversion("mini-kl16"), drawn(FLUENT, NOTO), GENERATORS)
    assert only.members == (TWEMOJI,)
    assert "does not confirm" in sentence(only)


def test_an_autoencoder_without_a_likely_model_may_be_another_models():
    verdict = combine.fuse(inversion("mini-kl"), drawn(kind="none"), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), ())
    assert "another model" in sentence(verdict)


@pytest.mark.parametrize("found", [drawn(NOTO, TWEMOJI), drawn(kind="none")])
@pytest.mark.parametrize("before", [LITTLE, inversion("mini-kl", "mini-movq")])
def test_two_open_answers_are_an_open_answer(before, found):
    verdict = combine.fuse(before, found, GENERATORS)
    assert (verdict.kind, verdict.families) == (before.kind, before.families)
    assert sentence(verdict).startswith(sentence(before).rstrip("."))
    assert "regeneration" in sentence(verdict) or "nor does any model" in sentence(verdict)


def test_a_family_whose_models_were_not_asked_to_draw_stays_named():
    verdict = combine.fuse(inversion("mini-dc"), drawn(FLUENT, NOTO), [FLUENT, NOTO])
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-dc",), ())
    assert "no model with it was asked" in sentence(verdict)
