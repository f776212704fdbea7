"""From drawings to a ranking, and from a ranking to a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import ROOT
from tracer import api
from tracer.cli import app
from tracer.evidence.regeneration import calibration, decision, null_distribution, ranking
from tracer.evidence.regeneration.null_distribution import NOBODY, Among, NullDistribution
from tracer.evidence.regeneration.ranking import Drawn, Ranked
from tracer.evidence.store import ThresholdMismatch
from tracer.image import intake
from tracer.models import registry
from tracer.verdict.wording import sentence

run = CliRunner()
NAMES = FIRST, SECOND, THIRD = tuple(registry.GENERATORS)[:3]
FOX = ROOT / "examples" / "fox-by-mini-kl-noto.png"
BLANK = np.zeros((8, 8, 3), np.uint8)
OWN = np.linspace(0.80, 0.99, 199)  # similarities of a model's drawings to pictures of its own


def measured(nobody: tuple[float, float, float] = (0.4, 0.4, 0.4)) -> NullDistribution:
    """Two drawings per model and image; on every tenth image a wrong model is ahead of its maker by 0.02.

    Args:
        nobody: how alike the models' drawings are to pictures that none of them drew.
    """
    images, makers = [], []
    for column, maker in enumerate(NAMES):
        for index, similarity in enumerate(OWN):
            means = np.full(3, similarity - 0.4)
            means[column] = similarity
            if index % 10 == 0:
                means[(column + 1) % 3] = similarity + 0.02
            images.append(means)
            makers.append(maker)
    images += [np.array(nobody)] * 50
    makers += [NOBODY] * 50
    return NullDistribution(
        revisions={"captioner": "sha256:0", "matcher": "sha256:0", **dict.fromkeys(NAMES, "sha256:0")},
        generators=NAMES,
        makers=tuple(makers),
        similarities=tuple(tuple((mean + 0.01, mean - 0.01) for mean in means.tolist()) for means in images),
        images="made up",
        date="2026-01-01",
        versions={},
    )


AMONG = measured().within(NAMES, 2)


def ranked(name: str, similarity: float, among: Among = AMONG) -> Ranked:
    p_value = among.fit(name, similarity)
    return Ranked(name, registry.generator(name).family, similarity, 0.01, 0.5, 4, p_value)


# The ranking


def test_the_ranking_is_by_mean_similarity_over_a_models_own_drawings():
    similarities = {FIRST: (0.5, 0.7), SECOND: (0.9, 0.1), THIRD: (0.65, 0.65)}
    drawn = [
        Drawn(name, i, BLANK, value, 0.1 * i) for name, pair in similarities.items() for i, value in enumerate(pair)
    ]
    rows = ranking.rank(drawn, None)
    assert [row.generator for row in rows] == [THIRD, FIRST, SECOND]
    assert [round(row.similarity, 6) for row in rows] == [0.65, 0.6, 0.5]
    assert rows[1].spread == pytest.approx(np.std([0.5, 0.7], ddof=1))
    assert rows[0].candidates == 2
    assert rows[0].p_value is None, "nothing is known without stored distributions"
    assert [row.p_value for row in ranking.rank(drawn, AMONG)] == [1 / 200] * 3


# The stored distributions


def test_p_values_are_conformal():
    assert AMONG.fit(FIRST, 0.0) == pytest.approx(1 / 200)
    assert AMONG.fit(FIRST, 1.0) == 1
    assert AMONG.fit(FIRST, 0.895) == pytest.approx(0.5, abs=0.01)


def test_the_usual_similarities_are_the_middle_nine_tenths():
    low, high = AMONG.usual(SECOND)
    assert ((low <= OWN) & (high >= OWN)).mean() == pytest.approx(0.9, abs=0.01)


def test_a_lead_is_weighed_by_the_makers_on_whose_images_a_wrong_model_leads_most_often():
    chance, maker = AMONG.chance(FIRST, 0.01)
    assert maker in (SECOND, THIRD)
    assert chance == pytest.approx(0.1, abs=0.01), "every tenth image"
    assert AMONG.chance(FIRST, 0.03)[0] == pytest.approx(1 / 51), "none, of the 50 pictures that nobody drew"
    unlike = measured(nobody=(0.9, 0.5, 0.5)).within(NAMES, 2)
    assert unlike.chance(FIRST, 0.03) == (1.0, NOBODY)


def test_a_wrong_model_that_does_not_explain_the_image_cannot_take_it():
    far = measured(nobody=(0.7, 0.1, 0.1)).within(NAMES, 2)
    assert far.chance(FIRST, 0.1)[0] == pytest.approx(1 / 51), "0.7 is less than any of its own"


def test_who_cannot_have_made_the_image_does_not_count():
    two = (FIRST, SECOND)
    everybody = measured(nobody=(0.9, 0.5, 0.5)).within(two, 2)
    alone = measured(nobody=(0.9, 0.5, 0.5)).within(two, 2, ruled_out=(NOBODY, THIRD))
    assert set(everybody.negatives) == {*NAMES, NOBODY}, "also makers that are not compared"
    assert set(alone.negatives) == set(two)
    assert alone.chance(FIRST, 0.3)[0] < everybody.chance(FIRST, 0.3)[0] == 1.0


def test_a_single_model_has_nobody_to_be_mistaken_for():
    alone = measured().within((FIRST,), 2, ruled_out=(SECOND, THIRD, NOBODY))
    assert alone.chance(FIRST, 0.0) == (0.0, "")


def test_fewer_drawings_are_a_part_of_the_same_measurement():
    one, two, many = (measured().within(NAMES, count) for count in (1, 2, 16))
    np.testing.assert_allclose(one.own[FIRST], two.own[FIRST] + 0.01)
    np.testing.assert_array_equal(two.own[FIRST], many.own[FIRST])
    assert measured().candidates == 2


def test_models_that_were_not_measured_have_no_distribution():
    assert measured().within((FIRST, "somebody-else"), 2) is None


def test_a_null_distribution_comes_back_as_it_was_stored_unless_the_weights_changed(tmp_path, monkeypatch):
    file = tmp_path / "regeneration.json"
    assert null_distribution.load(NAMES, file) is None
    null_distribution.save(measured(), file)
    with pytest.raises(ThresholdMismatch, match="other weights"):
        null_distribution.load(NAMES, file)
    revisions = {"captioner": "sha256:0", "matcher": "sha256:0", **dict.fromkeys(NAMES, "sha256:0")}
    monkeypatch.setattr(null_distribution, "revisions", lambda names: revisions)
    assert null_distribution.load(NAMES, file) == measured()
    assert null_distribution.load((FIRST, "somebody-else"), file) is None


def test_the_stored_null_distribution_is_that_of_the_bundled_weights():
    names = calibration.generators()
    assert ranking.null_distribution_for(names, ranking.CANDIDATES).own.keys() == set(names)


# The verdict


def test_a_clear_lead_names_one_model_and_its_family():
    verdict = decision.decide([ranked(FIRST, 0.95), ranked(SECOND, 0.5)], AMONG, "red apple")
    assert (verdict.kind, verdict.families, verdict.members) == (
        "family",
        (registry.generator(FIRST).family,),
        (FIRST,),
    )
    assert "red apple" in sentence(verdict) and "4 drawings" in sentence(verdict)


def test_a_lead_within_the_noise_is_undecided_between_those_that_fit():
    rows = [ranked(FIRST, 0.93), ranked(SECOND, 0.92), ranked(THIRD, 0.3)]
    verdict = decision.decide(rows, AMONG, "red apple")
    assert verdict.kind == "undecided"
    assert verdict.members == (FIRST, SECOND)
    assert verdict.families == (registry.generator(FIRST).family,), "they share it, so it is told once"


def test_a_lead_that_negatives_give_as_often_is_undecided_and_says_so():
    among = measured(nobody=(0.9, 0.5, 0.5)).within(NAMES, 2)
    rows = [ranked(FIRST, 0.95), ranked(SECOND, 0.85, among)]
    assert rows[1].p_value > null_distribution.ALPHA_FIT, "which would do as well, by itself"
    verdict = decision.decide(rows, among, "red apple")
    assert (verdict.kind, verdict.members) == ("undecided", (FIRST,))
    assert f"a model among these drew it, {FIRST} did" in sentence(verdict)
    assert "100% of pictures that no model drew" in sentence(verdict)


def test_a_leader_that_does_not_explain_the_image_is_not_named():
    rows = [ranked(FIRST, 0.7), ranked(SECOND, 0.69)]
    verdict = decision.decide([rows[0], Ranked(**{**vars(rows[1]), "p_value": 0.5})], AMONG, "red apple")
    assert (verdict.kind, verdict.members) == ("undecided", (SECOND,))
    assert "less close than to its own pictures" in sentence(verdict)


def test_what_no_model_explains_is_made_by_none_of_them():
    verdict = decision.decide([ranked(FIRST, 0.6), ranked(SECOND, 0.1)], AMONG, "red apple")
    assert (verdict.kind, verdict.members) == ("none", ())


def test_nothing_is_decided_without_stored_distributions_or_after_a_stop():
    rows = [ranked(FIRST, 0.95), ranked(SECOND, 0.5)]
    assert decision.decide(rows, None, "red apple").kind == "undecided"
    stopped = decision.decide(rows, AMONG, "red apple", stopped=True)
    assert stopped.kind == "undecided" and stopped.stopped and sentence(stopped).startswith("Stopped")


# The stream and the command


@pytest.mark.parametrize(
    "options",
    [dict(candidates=0), dict(candidates=17), dict(caption=" "), dict(caption="x" * 300), dict(generators=[])],
    ids=str,
)
def test_what_is_out_of_range_is_refused_before_anything_is_drawn(options):
    with pytest.raises(ValueError, match=r"characters|drawings per model|no model"):
        next(api.regenerate_stream(intake.from_array(np.zeros((64, 64, 3), np.uint8), "black"), **options))


def test_the_bundled_generators_share_no_prompt_between_calibration_and_evaluation():
    first, second = (set(calibration.prompts(part)) for part in ("calibrate", "test"))
    assert not first & second
    assert len(first) > 50 and len(second) > 50
    for row in registry.GENERATORS.values():
        assert not row.bundled or first | second <= set(row.prompts())


def test_a_measurement_goes_on_where_it_was_cut_off(tmp_path, monkeypatch):
    file, image = tmp_path / "scores.jsonl", np.full((64, 64, 3), 200, np.uint8)
    first = calibration.scores([image], ["red apple"], 1, file)
    assert first.shape == (1, len(calibration.generators()), 1, 2)
    assert np.abs(first).max() <= 1
    file.write_text(file.read_text() + '{"key": "cut o')
    monkeypatch.setattr(ranking, "candidate", None)  # drawing anything again would fail
    np.testing.assert_array_equal(calibration.scores([image], ["red apple"], 1, file), first)


@pytest.fixture(scope="module")
def fused():
    result = run.invoke(app, ["regenerate", str(FOX), "--fused", "--candidates", "1", "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_fused_evidence_compares_only_the_models_of_the_family_that_inversion_named(fused):
    assert fused["inversion"]["families"] == ["mini-kl"]
    assert {row["generator"] for row in fused["ranking"]} == {"mini-kl-fluent", "mini-kl-noto"}
    assert fused["verdict"]["families"] == ["mini-kl"]
    assert "the autoencoder is mini-kl, from inversion" in fused["verdict"]["sentence"].lower()


def test_regenerate_answers_as_the_contract_says(fused):
    assert {"image", "caption", "ranking", "verdict", "versions"} <= set(fused)
    assert {"file", "sha256", "width", "height"} <= set(fused["image"])
    assert set(fused["verdict"]) == {"kind", "families", "members", "sentence"}
    for row in fused["ranking"]:
        assert {"generator", "family", "similarity", "spread", "structural", "candidates", "p_value"} <= set(row)
        assert row["candidates"] == 1


def test_without_fusion_every_model_draws_and_inversion_is_not_mentioned():
    command = ["regenerate", str(FOX), "--candidates", "1", "--caption", "red apple", "--json"]
    document = json.loads(run.invoke(app, command).stdout)
    assert {row["generator"] for row in document["ranking"]} == set(calibration.generators())
    assert "inversion" not in document
    assert (document["caption"], document["inferred"]) == ("red apple", False)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["regenerate", __file__, "--fused"], "not an image"),
        (["regenerate", str(FOX), "--generator", "no-such-model"], "no generator called 'no-such-model'"),
        (["regenerate", str(FOX), "--caption", " "], "between 1 and 200 characters"),
        (["calibrate", "regeneration", "--negatives", "no-such-folder"], "no-such-folder: No such file"),
        (["calibrate", "regeneration", "--negatives", str(ROOT / "tests")], "__init__.py: The file is empty"),
        (["calibrate", "regeneration", "--count", "100000"], "at most"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(value[:1] + value[-2:])[-40:],
)
def test_bad_input_is_one_line_and_status_2(arguments, line, tmp_path):
    out = ["--out", str(tmp_path / "out")] if arguments[0] == "calibrate" else []
    result = run.invoke(app, [*arguments, *out])
    assert result.exit_code == 2
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out" / "regeneration.json").exists()
