"""Results as data: how answers are ordered, and what leaves the house."""

from __future__ import annotations

import json

from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Evidence, ImageFacts, Trace, Verdict
from tracer.verdict import wording


def said(family: str, score: float, mode: str = "grid") -> Evidence:
    return Evidence(family, "inversion", mode, score, 4.0, 0.5, score >= 4, 3, 0.1, "r")


def test_the_best_answer_stands_first_in_every_mode():
    rows = [said("a", 1.0), said("b", 9.0), said("c", -3.0)]
    assert [row.family for row in sorted(rows, key=lambda row: row.sort_key)] == ["b", "a", "c"]
    assert said("b", 9.0).sort_key <= 0 < said("a", 1.0).sort_key
    losses = [said("a", 5.0, "paper"), said("b", 0.5, "paper")]
    assert min(losses, key=lambda row: row.sort_key).family == "b", "a small loss is the better one"
    assert losses[1].sort_key <= 0 < losses[0].sort_key


def test_a_trace_is_one_json_document_that_leaves_out_what_few_have():
    verdict = Verdict("family", Reason.ONE_FAMILY_FITS, ("a",), ("one",), {"inspected": ("a", "b")})
    trace = Trace(ImageFacts("x.png", "0" * 64), verdict, (said("a", 9.0), said("b", 0.0)), {"tracer": "0"})
    document = json.loads(json.dumps(wording.document(trace)))
    assert set(document) == {"image", "verdict", "evidence", "versions"}
    assert document["verdict"]["families"] == ["a"] and document["verdict"]["sentence"].endswith(".")
    assert document["evidence"][0]["score"] == 9.0
