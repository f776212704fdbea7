"""The one line says what the evidence says, of every answer, and no more."""

from __future__ import annotations

import pytest

from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import ImageFacts, Trace, Verdict
from tracer.image import intake, samples
from tracer.ui import record, stored
from tracer.verdict import combine, plain, wording

JARGON = ("autoencoder", "inversion", "regeneration", "latent", "p =", "p-value")
EXAMPLES = record.examples()


def joint(example: record.Example) -> combine.Joint:
    """All that is stored about an example."""
    *_, drawn, told = stored.everything(example.name)
    return told.joint(drawn.answer if drawn else None)


def alone(kind: str, reason: Reason, families: tuple[str, ...] = ()) -> combine.Joint:
    """A trace with this verdict, and nothing else."""
    facts = ImageFacts.of(intake.from_array(samples.bundled_photographs(1, 64)[0], "x"))
    verdict = Verdict(kind, reason, families, details={"inspected": ("mini-kl", "mini-dc")})
    return combine.join(Trace(facts, verdict, ()))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_nobody_needs_the_field_s_words(example):
    said = plain.answer(joint(example))
    for text in (said.line, *said.why, said.sure):
        assert not [word for word in JARGON if word in text.lower()], text
        assert not text or text.endswith(".")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_kind_of_evidence_speaks_for_itself(example):
    """What the detector says is never credited to the grid test, nor one's silence to the other."""
    found = joint(example)
    said = plain.answer(found)
    assert len(said.why) >= len(found.evidence)
    for kind, verdict in ((kind, each.verdict) for kind, each in found.evidence.items() if kind != "regeneration"):
        if plain.NAMES[kind] in said.sure:
            assert verdict.kind in ("family", "autoencoder")
    marks = found.evidence["artifacts"].verdict.kind
    assert ("sees a decoder's marks" in " ".join(said.why)) == (marks == "autoencoder")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_who_is_named_is_named_with_the_error_beside_it(example):
    said = plain.answer(joint(example))
    assert ("1 in 100" in said.sure) == (said.kind in ("family", "autoencoder"))


@pytest.mark.parametrize("reason", [Reason.NO_FAMILY_FITS, Reason.NONE_REPRODUCES])
def test_nobody_is_sure_of_an_absence(reason):
    said = plain.answer(alone("none", reason))
    assert said.sure == "" and "proves nothing" in said.line
    assert plain.PROVES_NOTHING in said.why


@pytest.mark.parametrize(
    "reason", [Reason.NO_FINE_DETAIL, Reason.OWN_LATTICE, Reason.DRAWN_BY_A_PROGRAM, Reason.ANSWER_NOT_VISIBLE]
)
def test_who_cannot_tell_says_why(reason):
    said = plain.answer(alone("insufficient", reason))
    assert said.kind == "insufficient" and said.sure == ""
    assert (plain.BETTER_COPY in said.why) == (reason in plain.LOST)
    assert said.line.startswith("Cannot tell from this file, because ")
    assert plain.NEITHER in said.why


def test_what_was_only_drawn_is_not_credited_to_the_grid_test():
    """The models may have been asked alone: nothing then speaks of a grid, or says that it was not asked."""
    *_, drawn, _ = stored.everything(EXAMPLES[0].name)
    found = combine.join(regeneration=drawn.answer)
    said = plain.answer(found)
    assert "grid" not in " ".join((said.line, *said.why, said.sure))
    assert set(found.missing) == {"inversion", "artifacts"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_all_have_been_asked_only_where_nobody_is_missing(example):
    found = joint(example)
    assert ("all have been asked" in wording.support(found)) == (not found.missing)
    less = combine.join(found.evidence["inversion"], found.evidence["artifacts"])
    assert "all have been asked" not in wording.support(less) and "regeneration" in less.missing


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_answer_agrees_with_the_numbers_beside_it(example):
    """Nothing fits below its threshold, and where the others do not fit, none of them is left open."""
    trace = joint(example).evidence["inversion"]
    for row in trace.evidence:
        assert not row.belongs or row.score >= row.threshold
    if trace.verdict.reason is Reason.ONE_FAMILY_FITS:
        assert [row.belongs for row in trace.evidence if row.family not in trace.verdict.families] == [False] * (
            len(trace.evidence) - 1
        )


def test_strength_is_a_word_and_a_bar_in_one_direction():
    scores = [-1, 1, 3, 4, 8, 20]
    told = [plain.strength(score, 3.5) for score in scores]
    assert [level for _, level in told] == sorted(level for _, level in told)
    assert told[0] == ("no sign", 0) and told[-1] == ("very strong", plain.LEVELS)


def test_a_sent_through_photograph_is_not_said_to_be_invented():
    through = next(each for each in EXAMPLES if "through" in each.name)
    assert plain.SENT_THROUGH in plain.answer(joint(through)).why
    left = Verdict("family", Reason.MODELS_OF_FAMILY_OPEN, ("mini-kl",), ("a", "b"))
    assert "made the image" not in wording.sentence(left)


def test_a_miniature_is_not_taken_for_a_real_model():
    mini = plain.answer(joint(EXAMPLES[0]))
    assert mini.line == "Made by mini-kl-noto." and mini.why[0].startswith("mini-kl-noto is a miniature model")
    through = next(each for each in EXAMPLES if each.name == "coffee-through-taef1")
    assert "miniature" not in " ".join(plain.answer(joint(through)).why)


@pytest.mark.parametrize("reason", plain.UNNAMED)
def test_marks_are_told_of_where_only_the_verdict_is_kept(reason):
    """As of a picture that was degraded: its points hold no evidence."""
    said = plain.answer(combine.Joint(None, Verdict("undecided", reason), (), (), (), ()))
    assert said.kind == "autoencoder" and said.sure.startswith("The detector of marks says so")
