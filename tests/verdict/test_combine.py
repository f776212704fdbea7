"""Two or three kinds of evidence and one verdict: nothing is averaged, and none is silently overruled."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest
from typer.testing import CliRunner

from tests.conftest import ROOT, with_detector
from tracer import api
from tracer.cli import app
from tracer.evidence.artifacts.decision import Artifacts, Crop
from tracer.evidence.artifacts.detection import Settings
from tracer.evidence.reasons import Reason
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.regeneration.ranking import Ranked
from tracer.evidence.verdict import Evidence, ImageFacts, Trace, Verdict
from tracer.models import registry
from tracer.verdict import combine, wording
from tracer.verdict.agreement import ANOTHER, KINDS, NO_ONE

IMAGE = ImageFacts("x.png", "0" * 64)
NAMES = {"mini-kl": ("mini-kl-fluent", "mini-kl-noto"), "mini-dc": ("mini-dc-flat",)}
GENERATORS = list(registry.GENERATORS)
FLUENT, NOTO, TWEMOJI = GENERATORS[:3]  # the first two share mini-kl
INSPECTED = {"inspected": ("mini-kl", "mini-kl16", "mini-movq", "mini-dc")}
NONE = Verdict("none", Reason.NO_FAMILY_FITS, details=INSPECTED)
LITTLE = Verdict("insufficient", Reason.NO_FINE_DETAIL)


def inverted(kind: str, *families: str) -> Trace:
    belongs = {"family": True, "undecided": None, "insufficient": None}
    other = None if kind in ("insufficient", "worthless") else False
    rows = tuple(
        Evidence(name, "inversion", "grid", 1.0, 4.0, 0.5, belongs[kind] if name in families else other, 1, 0.0, "r")
        for name in NAMES
    )
    members = tuple(member for name in families for member in NAMES[name])
    reason = {
        "family": Reason.ONE_FAMILY_FITS,
        "none": Reason.NO_FAMILY_FITS,
        "undecided": Reason.SEVERAL_FAMILIES_OPEN,
        "insufficient": Reason.NO_FINE_DETAIL,
        "worthless": Reason.NOTHING_AFTER_RESIZING,
    }[kind]
    kind = "insufficient" if kind == "worthless" else kind
    return Trace(IMAGE, Verdict(kind, reason, families, members, {"inspected": tuple(NAMES)}), rows)


def marked(kind: str, image: ImageFacts = IMAGE) -> Artifacts:
    reasons = {"autoencoder": Reason.MARKS_FOUND, "none": Reason.NO_MARKS, "insufficient": Reason.TOO_SMOOTH}
    details = {"low": 0.01, "high": 0.05} if kind == "undecided" else {}
    return Artifacts(
        image=image,
        probability=0.9,
        threshold=0.5,
        fpr=0.01,
        made_by_autoencoder={"autoencoder": True, "none": False}.get(kind),
        tries=(Crop((0, 0, 8, 8), 2.0, 0.9),),
        detector="d",
        verdict=Verdict(kind, reasons.get(kind, Reason.MARKS_OPEN), details=details),
        score=2.0,
        p_value=0.5,
        thresholds={},
        calibrated_on=100,
        found=0.9,
        condition="lossless",
        sharpness=1.0,
        settings=Settings(),
        seconds=0.1,
    )


def drew(kind: str, *members: str, stopped: bool = False) -> Regeneration:
    everyone = [name for family in NAMES.values() for name in family]
    order = sorted(everyone, key=lambda name: name not in members)
    rows = tuple(
        Ranked(n, n.rsplit("-", 1)[0], 0.9 - i / 10, 0.0, 0.5, 4, 0.5 if n in members else 0.0)
        for i, n in enumerate(order)
    )
    families = tuple(dict.fromkeys(name.rsplit("-", 1)[0] for name in members))
    reasons = {"family": Reason.DRAWN_MOST_ALIKE, "none": Reason.NONE_DRAWS_ALIKE}
    reason = Reason.DRAWING_STOPPED if stopped else reasons.get(kind, Reason.LESS_ALIKE_THAN_USUAL)
    details = {"best": order[0], "candidates": 4, "caption": "fox", "others": 2, "models": 3}
    verdict = Verdict(kind, reason, families, members, details, stopped)
    return Regeneration(IMAGE, "fox", True, 0, rows, verdict, {})


def inverts(*families: str) -> Verdict:
    if len(families) == 1:
        return Verdict("family", Reason.ONE_FAMILY_FITS, families, details=INSPECTED)
    return Verdict("undecided", Reason.SEVERAL_FAMILIES_OPEN, families)


def likens(*names: str, kind: str = "") -> Verdict:
    families = tuple(dict.fromkeys(registry.generator(name).family for name in names))
    kind = kind or ("family" if len(names) == 1 else "undecided")
    reasons = {"family": Reason.DRAWN_MOST_ALIKE, "none": Reason.NONE_DRAWS_ALIKE}
    return Verdict(kind, reasons.get(kind, Reason.SEVERAL_DRAW_ALIKE), families, names)


def cells(found: combine.Joint, kind: str) -> dict[str, str]:
    return {row.candidate: row.cells[kind].says for row in found.matrix}


def test_marks_support_a_family_and_never_choose_one():
    found = combine.join(inverted("family", "mini-kl"), marked("autoencoder"))
    assert (found.verdict.kind, found.verdict.families) == ("family", ("mini-kl",))
    assert found.agreeing == ("inversion", "artifacts")
    assert found.missing == ("regeneration",)
    assert wording.support(found).startswith("Two kinds of evidence say so")
    alone = combine.join(artifacts=marked("autoencoder"))
    assert (alone.verdict.kind, alone.verdict.families) == ("undecided", ())
    said = cells(alone, "artifacts")
    assert said.pop(NO_ONE) == "against"
    assert set(said) == {row.id for row in registry.families(registry.LINEUPS[0])} | {ANOTHER}
    assert set(said.values()) == {"open"}


def test_a_disagreement_is_undecided_and_never_an_average():
    found = combine.join(inverted("family", "mini-kl"), marked("none"))
    assert found.verdict.kind == "undecided"
    sentence = wording.sentence(found.verdict)
    assert "disagrees" in sentence and "mini-kl" in sentence
    assert found.contradicting == ("inversion", "artifacts")
    assert wording.support(found).startswith("Not sure")
    other = combine.join(inverted("family", "mini-kl"), marked("autoencoder"), drew("family", "mini-dc-flat"))
    assert other.verdict.kind == "undecided"
    assert other.contradicting == ("inversion", "regeneration")


def test_regeneration_decides_inside_a_family():
    found = combine.join(inverted("family", "mini-kl"), marked("autoencoder"), drew("family", "mini-kl-noto"))
    assert found.verdict.members == ("mini-kl-noto",)
    assert found.agreeing == KINDS
    assert wording.support(found).startswith("All three kinds of evidence say so")


def test_drawings_that_were_stopped_decide_nothing():
    found = combine.join(inverted("family", "mini-kl"), marked("autoencoder"), drew("undecided", stopped=True))
    assert found.verdict == inverted("family", "mini-kl").verdict
    assert set(cells(found, "regeneration").values()) <= {"silent", "missing", "open"}


def test_a_joint_answer_of_two_kinds_is_not_counted_as_a_third():
    asked = inverted("family", "mini-kl").verdict
    open_ = drew("undecided", "mini-kl-noto")
    fused = combine.fuse(asked, open_.verdict, ["mini-kl-fluent", "mini-kl-noto"])
    drawn = replace(open_, verdict=fused, inversion=asked)
    found = combine.join(inverted("family", "mini-kl"), None, drawn)
    assert found.verdict.kind == "family"
    assert found.agreeing == ("inversion",), "the drawings alone leave it open"


@pytest.mark.parametrize("marks", ["none", "autoencoder", "insufficient", None])
@pytest.mark.parametrize("drawn", [likens(NOTO), likens(kind="none"), likens(FLUENT, NOTO)])
def test_drawings_that_inversion_narrowed_speak_for_both_where_its_own_result_is_not_at_hand(drawn, marks):
    asked = inverts("mini-kl")
    fused = replace(drew("undecided", NOTO), verdict=combine.fuse(asked, drawn, GENERATORS), inversion=asked)
    found = combine.join(artifacts=marked(marks) if marks else None, regeneration=fused)
    if marks == "none":
        assert found.verdict.reason is Reason.NAMED_WITHOUT_MARKS and found.contradicting == ("inversion", "artifacts")
        assert "mini-kl" in wording.sentence(found.verdict)
    else:
        assert (found.verdict.kind, found.verdict.families) == ("family", ("mini-kl",))


def test_drawings_alone_do_not_name_an_autoencoder_that_was_not_asked():
    found = combine.join(regeneration=drew("family", NOTO))
    assert (found.verdict.kind, found.verdict.reason) == ("undecided", Reason.INVERSION_NOT_ASKED)


def test_marks_that_no_family_explains_are_another_models():
    found = combine.join(inverted("none"), marked("autoencoder"))
    assert found.verdict.kind == "none"
    assert wording.sentence(found.verdict).startswith("Made by a latent model that is not in this line-up")
    assert found.agreeing == ("artifacts",)
    assert wording.support(found).startswith(
        "One kind of evidence says so"
    ) and "photographs marked" in wording.error_rates(found)
    assert cells(found, "inversion")[ANOTHER] == "open" and cells(found, "artifacts")[NO_ONE] == "against"


def test_nobody_is_ever_sure_of_an_absence():
    for asked in ((inverted("none"),), (inverted("none"), marked("none"), drew("none"))):
        found = combine.join(*asked)
        assert found.verdict.kind == "none" and found.agreeing == KINDS[: len(asked)]
        said = wording.support(found)
        assert "proves nothing" in said and "ure" not in said
        assert wording.error_rates(found) == ""


def test_what_cannot_be_told_stays_too_little_evidence():
    found = combine.join(inverted("insufficient"), marked("insufficient"))
    assert found.verdict.kind == "insufficient"
    assert not found.agreeing
    assert set(cells(found, "inversion").values()) == {"silent"}


def test_a_cell_that_cannot_tell_shows_no_number():
    found = combine.join(inverted("insufficient"), marked("insufficient"), drew("undecided", stopped=True))
    silent = [cell for row in found.matrix for cell in row.cells.values() if cell.says == "silent"]
    assert silent and not any(cell.number for cell in silent)


def test_the_number_of_the_papers_rule_is_its_loss():
    rows = tuple(replace(row, mode="paper", score=2.0, p_value=0.01) for row in inverted("none").evidence)
    found = combine.join(replace(inverted("none"), evidence=rows))
    assert {row.cells["inversion"].number for row in found.matrix} == {"loss 0.5 of the limit", ""}


@pytest.mark.parametrize(
    ("inversion", "marks", "drawing"),
    product(
        (None, ("family", "mini-kl"), ("none",), ("undecided", "mini-kl"), ("insufficient",)),
        (None, "autoencoder", "none", "undecided", "insufficient"),
        (None, ("family", "mini-kl-noto"), ("family", "mini-dc-flat"), ("none",), ("undecided", "mini-kl-noto")),
    ),
)
def test_every_combination_has_an_answer_that_nothing_contradicts(inversion, marks, drawing):
    found = combine.join(
        inverted(*inversion) if inversion else None,
        marked(marks) if marks else None,
        drew(*drawing) if drawing else None,
    )
    assert found.verdict.kind in ("family", "none", "undecided", "insufficient")
    document = wording.document(found)
    assert document["verdict"]["sentence"].endswith(".") and document["support"].endswith(".")
    if found.verdict.kind == "family":
        assert marks != "none" and inversion != ("none",)
        assert len(found.verdict.families) == 1
    if found.contradicting:
        assert found.verdict.kind == "undecided"
    assert {cell.says for row in found.matrix for cell in row.cells.values()} <= {
        "for", "against", "open", "silent", "missing"
    }  # fmt: skip
    json.dumps(document)


def test_evidence_about_two_images_is_refused():
    other = marked("none", replace(IMAGE, sha256="1" * 64))
    with pytest.raises(ValueError, match="different images"):
        combine.join(inverted("none"), other)


def test_the_command_line_gives_one_document():
    file = ROOT / "examples" / "koala-by-mini-dc-flat.png"
    result = CliRunner().invoke(app, ["verdict", str(file), "--lineup", "minis", "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["verdict"]["families"] == ["mini-dc"]
    assert {"support", "agreeing", "missing", "matrix", "evidence"} <= set(document)
    assert "regeneration" in document["missing"]


@with_detector
def test_cheap_evidence_comes_first_and_each_kind_brings_a_verdict():
    events = list(api.verdict_stream(ROOT / "examples" / "koala-by-mini-dc-flat.png", lineup="minis"))
    joined = [each for each in events if isinstance(each, combine.Joint)]
    assert [list(each.evidence) for each in joined][-1][0] == "inversion"
    assert events[-1] is joined[-1]
    assert set(joined[-1].evidence) | set(joined[-1].unavailable) == {"inversion", "artifacts"}


@pytest.mark.parametrize(
    ("verdict", "left"),
    [
        (inverts("mini-kl"), [FLUENT, NOTO]),
        (inverts("mini-kl16"), GENERATORS),  # nothing to decide inside it
        (inverts("mini-kl", "mini-kl16"), GENERATORS),
        (NONE, GENERATORS),
        (LITTLE, GENERATORS),
    ],
)
def test_only_a_named_family_with_several_models_narrows_the_choice(verdict, left):
    assert combine.candidates(verdict, GENERATORS) == left


def test_only_models_that_the_visitor_chose_are_left():
    assert combine.candidates(inverts("mini-kl"), [NOTO, TWEMOJI]) == [NOTO, TWEMOJI]


def test_inversion_names_the_family_and_regeneration_the_model():
    verdict = combine.fuse(inverts("mini-kl"), likens(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (NOTO,))
    assert "the autoencoder is mini-kl, from inversion" in wording.sentence(verdict)
    assert f"of its 2 models {NOTO}, from regeneration" in wording.sentence(verdict)


def test_agreement_on_a_familys_only_model():
    verdict = combine.fuse(inverts("mini-kl16"), likens(TWEMOJI), GENERATORS)
    assert (verdict.kind, verdict.members) == ("family", (TWEMOJI,))
    assert "regeneration agrees" in wording.sentence(verdict)


def test_disagreement_keeps_the_family_and_names_no_model():
    verdict = combine.fuse(inverts("mini-kl16"), likens(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("undecided", ("mini-kl16",), ())
    assert "disagrees" in wording.sentence(verdict) and NOTO in wording.sentence(verdict)


def test_a_model_outside_the_families_that_are_open_is_a_disagreement():
    verdict = combine.fuse(inverts("mini-kl", "mini-movq"), likens(TWEMOJI), GENERATORS)
    assert (verdict.kind, verdict.members) == ("undecided", ())
    assert "mini-kl and mini-movq" in wording.sentence(verdict)


def test_a_model_of_a_family_that_is_open_is_named_with_care():
    verdict = combine.fuse(inverts("mini-kl", "mini-movq"), likens(NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (NOTO,))
    assert wording.sentence(verdict).startswith("Probably")


def test_where_inversion_cannot_tell_regeneration_alone_is_said_to_decide():
    verdict = combine.fuse(LITTLE, likens(NOTO), GENERATORS)
    assert (verdict.kind, verdict.members) == ("family", (NOTO,))
    assert "inversion cannot tell" in wording.sentence(verdict)


@pytest.mark.parametrize("found", [likens(NOTO, TWEMOJI), likens(kind="none"), likens(NOTO)])
def test_what_no_autoencoder_reproduces_was_made_by_none_whatever_it_looks_like(found):
    verdict = combine.fuse(NONE, found, GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("none", (), ())
    assert (NOTO in wording.sentence(verdict)) == (found.kind == "family")


def test_the_model_stays_open_where_regeneration_cannot_decide():
    verdict = combine.fuse(inverts("mini-kl"), likens(FLUENT, NOTO), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), (FLUENT, NOTO))
    assert "stays open" in wording.sentence(verdict)
    only = combine.fuse(inverts("mini-kl16"), likens(FLUENT, NOTO), GENERATORS)
    assert only.members == (TWEMOJI,)
    assert "does not confirm" in wording.sentence(only)


def test_an_autoencoder_without_a_likely_model_may_be_another_models():
    verdict = combine.fuse(inverts("mini-kl"), likens(kind="none"), GENERATORS)
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-kl",), ())
    assert "another model" in wording.sentence(verdict)


@pytest.mark.parametrize("found", [likens(NOTO, TWEMOJI), likens(kind="none")])
@pytest.mark.parametrize("before", [LITTLE, inverts("mini-kl", "mini-movq")])
def test_two_open_answers_are_an_open_answer(before, found):
    verdict = combine.fuse(before, found, GENERATORS)
    assert (verdict.kind, verdict.families) == (before.kind, before.families)
    assert wording.sentence(verdict).startswith(wording.sentence(before).rstrip("."))
    assert "regeneration" in wording.sentence(verdict) or "nor does any model" in wording.sentence(verdict)


def test_a_family_whose_models_were_not_asked_to_draw_stays_named():
    verdict = combine.fuse(inverts("mini-dc"), likens(FLUENT, NOTO), [FLUENT, NOTO])
    assert (verdict.kind, verdict.families, verdict.members) == ("family", ("mini-dc",), ())
    assert "no model with it was asked" in wording.sentence(verdict)


def test_what_was_not_found_in_a_resized_picture_decides_nothing():
    for asked in (
        (),
        (marked("none"),),
        (marked("none"), drew("none")),
        (marked("none"), drew("family", *NAMES["mini-dc"])),
    ):
        found = combine.join(inverted("worthless"), *asked)
        assert (found.verdict.kind, found.verdict.reason) == ("insufficient", Reason.NOTHING_AFTER_RESIZING)
        said = wording.sentence(found.verdict)
        assert said.startswith("Cannot tell from this file, because the picture was resized") and "No trace of" in said
        assert "none decides" in wording.support(found)


def test_marks_in_a_resized_picture_still_are_those_of_another_autoencoder():
    found = combine.join(inverted("worthless"), marked("autoencoder"))
    assert (found.verdict.kind, found.verdict.reason) == ("none", Reason.ANOTHER_AUTOENCODER)
    assert "No trace of" in wording.sentence(found.verdict)
