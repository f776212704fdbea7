"""Two kinds of evidence, one sentence: each says what it decided, and neither is silently overruled."""

from __future__ import annotations

import pytest

from tracer.evidence.verdict import Verdict
from tracer.models import registry
from tracer.verdict import fusion

GENERATORS = list(registry.GENERATORS)
FLUENT, NOTO, TWEMOJI = GENERATORS[:3]  # the first two share mini-kl
NONE = Verdict("none", (), (), "None of the 4 autoencoders inspected can reproduce this image.")
LITTLE = Verdict("insufficient", (), (), "Too little evidence: the picture has no fine detail.")


def inversion(*families: str) -> Verdict:
    kind = "family" if len(families) == 1 else "undecided"
    return Verdict(kind, families, (), f"Undecided between {' and '.join(families)}." if kind != "family" else "Made.")


def drawn(*names: str, kind: str = "") -> Verdict:
    families = tuple(dict.fromkeys(registry.generator(name).family for name in names))
    return Verdict(kind or ("family" if len(names) == 1 else "undecided"), families, names, "Most like …")


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
    assert fusion.candidates(verdict, GENERATORS) == left


def test_only_models_that_the_visitor_chose_are_left():
    assert fusion.candidates(inversion("mini-kl"), [NOTO, TWEMOJI]) == [NOTO, TWEMOJI]


def test_inversion_names_the_family_and_regeneration_the_model():
    verdict = fusion.fuse(inversion("mini-kl"), drawn(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (NOTO,))
    assert "the autoencoder is mini-kl, from inversion" in verdict.sentence
    assert f"of its 2 models {NOTO}, from regeneration" in verdict.sentence


def test_agreement_on_a_familys_only_model():
    verdict = fusion.fuse(inversion("mini-kl16"), drawn(TWEMOJI), GENERATORS)
    assert (verdict.kind, verdict.members) == ("family", (TWEMOJI,))
    assert "regeneration agrees" in verdict.sentence


def test_disagreement_keeps_the_family_and_names_no_model():
    verdict = fusion.fuse(inversion("mini-kl16"), drawn(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("undecided", ("mini-kl16",), ())
    assert "disagrees" in verdict.sentence and NOTO in verdict.sentence


def test_a_model_outside_the_families_that_are_open_is_a_disagreement():
    verdict = fusion.fuse(inversion("mini-kl", "mini-movq"), drawn(TWEMOJI), GENERATORS)
    assert (verdict.kind, verdict.members) == ("undecided", ())
    assert "mini-kl and mini-movq" in verdict.sentence


def test_a_model_of_a_family_that_is_open_is_named_with_care():
    verdict = fusion.fuse(inversion("mini-kl", "mini-movq"), drawn(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (NOTO,))
    assert verdict.sentence.startswith("Probably")


def test_where_inversion_cannot_tell_regeneration_alone_is_said_to_decide():
    verdict = fusion.fuse(LITTLE, drawn(NOTO), GENERATORS)
    assert (verdict.kind, verdict.members) == ("family", (NOTO,))
    assert "inversion cannot tell" in verdict.sentence


@pytest.mark.parametrize("found", [drawn(NOTO, TWEMOJI), drawn(kind="none"), drawn(NOTO)])
def test_what_no_autoencoder_reproduces_was_made_by_none_whatever_it_looks_like(found):
    verdict = fusion.fuse(NONE, found, GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("none", (), ())
    assert (NOTO in verdict.sentence) == (found.kind == "family")


def test_the_model_stays_open_where_regeneration_cannot_decide():
    verdict = fusion.fuse(inversion("mini-kl"), drawn(FLUENT, NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (FLUENT, NOTO))
    assert "stays open" in verdict.sentence
    only = fusion.fuse(inversion("mini-kl16"), drawn(FLUENT, NOTO), GENERATORS)
    assert only.members == (TWEMOJI,)
    assert "does not confirm" in only.sentence


def test_an_autoencoder_without_a_likely_model_may_be_another_models():
    verdict = fusion.fuse(inversion("mini-kl"), drawn(kind="none"), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), ())
    assert "another model" in verdict.sentence


@pytest.mark.parametrize("found", [drawn(NOTO, TWEMOJI), drawn(kind="none")])
@pytest.mark.parametrize("before", [LITTLE, inversion("mini-kl", "mini-movq")])
def test_two_open_answers_are_an_open_answer(before, found):
    verdict = fusion.fuse(before, found, GENERATORS)
    assert (verdict.kind, verdict.families) == (before.kind, before.families)
    assert verdict.sentence.startswith(before.sentence.rstrip("."))
    assert "regeneration" in verdict.sentence or "nor does any model" in verdict.sentence
