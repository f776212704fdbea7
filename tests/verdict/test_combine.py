"""Three kinds of evidence and one sentence."""

from __future__ import annotations

import json
from itertools import product

import pytest
from typer.testing import CliRunner

from tests.conftest import ROOT, with_detector
from tracer import api
from tracer.cli import app
from tracer.verdict import combine
from tracer.verdict.agreement import ANOTHER, KINDS, NO_ONE

IMAGE = {"file": "x.png", "sha256": "0" * 64}
NAMES = {"mini-kl": ["mini-kl-fluent", "mini-kl-noto"], "mini-dc": ["mini-dc-flat"]}


def inverted(kind: str, *families: str) -> dict:
    belongs = {"family": True, "undecided": None, "insufficient": None}
    rows = [{"family": name, "p_value": 0.5, "belongs": belongs[kind] if name in families else False} for name in NAMES]
    members = [member for name in families for member in NAMES[name]]
    verdict = {"kind": kind, "families": families, "members": members, "sentence": f"Inversion: {kind}."}
    return {"image": IMAGE, "verdict": verdict, "evidence": rows}


def marked(kind: str) -> dict:
    return {"image": IMAGE, "verdict": {"kind": kind, "sentence": ""}, "probability": 0.9, "fpr": 0.01}


def drew(kind: str, *members: str) -> dict:
    everyone = [name for family in NAMES.values() for name in family]
    order = sorted(everyone, key=lambda name: name not in members)
    rows = [
        {
            "generator": n,
            "family": n.rsplit("-", 1)[0],
            "similarity": 0.9 - i / 10,
            "p_value": 0.5 if n in members else 0,
        }
        for i, n in enumerate(order)
    ]
    families = list(dict.fromkeys(name.rsplit("-", 1)[0] for name in members))
    verdict = {"kind": kind, "families": families, "members": members, "sentence": f"Regeneration: {kind}."}
    return {"image": IMAGE, "verdict": verdict, "ranking": rows}


def cells(found: combine.Joint, kind: str) -> dict[str, str]:
    return {row.candidate: row.cells[kind].says for row in found.matrix}


def test_marks_support_a_family_and_never_choose_one():
    found = combine.weigh(inverted("family", "mini-kl"), marked("autoencoder"))
    assert (found.verdict.kind, found.verdict.families) == ("family", ("mini-kl",))
    assert found.agreeing == ("inversion", "artifacts")
    assert found.missing == ("regeneration",)
    assert found.support.startswith("Sure: two kinds of evidence say so")
    alone = combine.weigh(artifacts=marked("autoencoder"))
    assert (alone.verdict.kind, alone.verdict.families) == ("undecided", ())
    said = cells(alone, "artifacts")
    assert said.pop(NO_ONE) == "against"
    assert set(said) == {"mini-kl", "mini-kl16", "mini-movq", "mini-dc", ANOTHER}
    assert set(said.values()) == {"open"}


def test_a_disagreement_is_undecided_and_never_an_average():
    found = combine.weigh(inverted("family", "mini-kl"), marked("none"))
    assert found.verdict.kind == "undecided"
    assert "disagrees" in found.verdict.sentence and "mini-kl" in found.verdict.sentence
    assert found.contradicting == ("inversion", "artifacts")
    assert found.support.startswith("Not sure")
    other = combine.weigh(inverted("family", "mini-kl"), marked("autoencoder"), drew("family", "mini-dc-flat"))
    assert other.verdict.kind == "undecided"
    assert other.contradicting == ("inversion", "regeneration")


def test_regeneration_decides_inside_a_family():
    found = combine.weigh(inverted("family", "mini-kl"), marked("autoencoder"), drew("family", "mini-kl-noto"))
    assert found.verdict.members == ("mini-kl-noto",)
    assert found.agreeing == KINDS
    assert found.support.startswith("Very sure")


def test_marks_of_somebody_elses_autoencoder_leave_none_of_these():
    found = combine.weigh(inverted("none"), marked("autoencoder"))
    assert found.verdict.kind == "none"
    assert "An autoencoder was involved" in found.verdict.sentence
    assert cells(found, "inversion")[ANOTHER] == "open" and cells(found, "artifacts")[NO_ONE] == "against"
    both = combine.weigh(inverted("none"), marked("none"))
    assert both.agreeing == ("inversion", "artifacts")
    assert "no marks" in both.verdict.sentence


def test_what_cannot_be_told_stays_too_little_evidence():
    found = combine.weigh(inverted("insufficient"), marked("insufficient"))
    assert found.verdict.kind == "insufficient"
    assert not found.agreeing
    assert set(cells(found, "inversion").values()) == {"silent"}


@pytest.mark.parametrize(
    ("inversion", "marks", "drawing"),
    product(
        (None, ("family", "mini-kl"), ("none",), ("undecided", "mini-kl"), ("insufficient",)),
        (None, "autoencoder", "none", "undecided", "insufficient"),
        (None, ("family", "mini-kl-noto"), ("family", "mini-dc-flat"), ("none",), ("undecided", "mini-kl-noto")),
    ),
)
def test_every_combination_has_an_answer_that_nothing_contradicts(inversion, marks, drawing):
    found = combine.weigh(
        inverted(*inversion) if inversion else None,
        marked(marks) if marks else None,
        drew(*drawing) if drawing else None,
    )
    assert found.verdict.kind in ("family", "none", "undecided", "insufficient")
    assert found.verdict.sentence.endswith(".") and found.support.endswith(".")
    if found.verdict.kind == "family":
        assert marks != "none" and inversion != ("none",)
        assert len(found.verdict.families) == 1
    if found.contradicting:
        assert found.verdict.kind == "undecided"
    assert {cell.says for row in found.matrix for cell in row.cells.values()} <= {
        "for", "against", "open", "silent", "missing"
    }  # fmt: skip
    json.dumps(found.document())


def test_evidence_about_two_images_is_refused():
    other = {**marked("none"), "image": {**IMAGE, "sha256": "1" * 64}}
    with pytest.raises(ValueError, match="different images"):
        combine.weigh(inverted("none"), other)


def test_the_command_line_gives_one_document():
    file = ROOT / "examples" / "koala-by-mini-dc-flat.png"
    result = CliRunner().invoke(app, ["verdict", str(file), "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["verdict"]["families"] == ["mini-dc"]
    assert {"support", "agreeing", "missing", "matrix", "evidence"} <= set(document)
    assert "regeneration" in document["missing"]


@with_detector
def test_cheap_evidence_comes_first_and_each_kind_brings_a_verdict():
    updates = list(api.verdict_stream(ROOT / "examples" / "koala-by-mini-dc-flat.png"))
    joined = [each for each in updates if isinstance(each, combine.Joint)]
    assert [list(each.evidence) for each in joined][-1][0] == "inversion"
    assert updates[-1] is joined[-1]
    assert set(joined[-1].evidence) | set(joined[-1].unavailable) == {"inversion", "artifacts"}
