"""From the families' evidence to one sentence."""

import dataclasses
import json

from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Doubt, Doubts, Evidence, ImageFacts, Trace, judge, settled
from tracer.ui.record import from_document
from tracer.verdict import wording
from tracer.verdict.wording import sentence

MEMBERS = {"a": ("a-one", "a-two"), "b": ("b-one",)}
LOST = Doubts(miss=Doubt(Reason.TRACES_LOST_IN_JPEG, {"quality": 40}))


def said(family: str, belongs: bool | None, stopped: bool = False) -> Evidence:
    return Evidence(family, "inversion", "fast", 1.0, 2.0, 0.5, belongs, 3, 0.1, "r", stopped=stopped)


def test_one_family_fits():
    verdict = judge([said("a", True), said("b", False)], MEMBERS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("a",), ("a-one", "a-two"))
    assert "a autoencoder" in sentence(verdict) and "does not fit" in sentence(verdict)


def test_none_fits():
    assert judge([said("a", False), said("b", False)], MEMBERS).kind == "none"


def test_two_fit():
    verdict = judge([said("a", True), said("b", True)], MEMBERS)
    assert (verdict.kind, verdict.families) == ("undecided", ("a", "b"))


def test_a_grey_score_is_not_a_no():
    verdict = judge([said("a", None), said("b", False)], MEMBERS)
    assert (verdict.kind, verdict.families) == ("undecided", ("a",))


def test_a_family_is_not_named_while_another_is_in_the_grey_band():
    assert judge([said("a", True), said("b", None)], MEMBERS).kind == "undecided"


def test_a_family_that_nearly_fits_gives_way_to_one_that_fits():
    nearly = dataclasses.replace(said("b", None), p_value=0.005)
    assert judge([said("a", True), nearly], MEMBERS).families == ("a",)
    assert judge([said("a", False), nearly], MEMBERS).kind == "undecided"


def test_a_family_that_only_its_grid_speaks_for_does_not_beat_one_that_nearly_fits():
    nearly = dataclasses.replace(said("b", None), p_value=0.005)
    on_grid = dataclasses.replace(said("a", True), off_grid=1.6, score=2.5)
    assert judge([on_grid, nearly], MEMBERS).families == ("a", "b")
    assert judge([on_grid, said("b", False)], MEMBERS).kind == "family"


def test_a_family_that_only_its_grid_speaks_for_gives_way_to_one_that_fits_by_its_score():
    on_grid = dataclasses.replace(said("a", True), off_grid=1.6, score=2.5, p_value=0.005)
    verdict = judge(settled([on_grid, said("b", True)]), MEMBERS)
    assert verdict.kind == "family" and verdict.families == ("b",)
    assert settled([on_grid])[0].belongs is True
    typical = dataclasses.replace(on_grid, p_value=0.4)
    assert judge(settled([typical, said("b", True)]), MEMBERS).kind == "undecided"


def test_with_a_doubt_a_miss_is_insufficient_but_a_match_still_counts():
    misses = [said("a", False), said("b", False)]
    verdict = judge(misses, MEMBERS, doubts=LOST)
    assert verdict.kind == "insufficient" and "quality 40" in sentence(verdict)
    assert judge([said("a", True), said("b", False)], MEMBERS, doubts=LOST).kind == "family"


def test_a_grey_score_after_compression_is_too_little_evidence():
    verdict = judge(
        [said("a", None), said("b", False)],
        MEMBERS,
        doubts=Doubts(between=Doubt(Reason.OPEN_AFTER_JPEG, {"quality": 80})),
    )
    assert (verdict.kind, verdict.families) == ("insufficient", ("a",))
    assert "neither named nor ruled out" in sentence(verdict)


def test_without_fine_detail_even_a_match_says_nothing():
    verdict = judge([said("a", True), said("b", False)], MEMBERS, doubts=Doubts(void=Doubt(Reason.NO_FINE_DETAIL)))
    assert (verdict.kind, verdict.families) == ("insufficient", ())


def test_a_stopped_run_says_so_and_names_what_it_has():
    verdict = judge([said("a", True)], MEMBERS, skipped=1)
    assert verdict.kind == "undecided" and verdict.stopped and verdict.families == ("a",)
    assert "it fits a" in sentence(verdict)
    for nothing in (judge([said("a", None, stopped=True)], MEMBERS), judge([], MEMBERS, skipped=2)):
        assert nothing.stopped and "nothing fits so far" in sentence(nothing)


def test_a_trace_is_one_json_document():
    evidence = (said("a", True), said("b", False))
    trace = Trace(ImageFacts("x.png", "0" * 64), judge(list(evidence), MEMBERS), evidence, {"tracer": "0"})
    document = json.loads(json.dumps(wording.document(trace)))
    assert document["verdict"]["families"] == ["a"]
    assert document["evidence"][0] == json.loads(json.dumps(dataclasses.asdict(evidence[0])))
    assert from_document(Trace, json.loads(json.dumps(trace.document()))) == trace
