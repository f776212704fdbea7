"""From drawings to a ranking, and from a ranking to a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from tracer import api, intake, lineup, regeneration
from tracer.calibration import ThresholdMismatch
from tracer.regeneration import Drawn, Ranked, Reference

FIRST, SECOND, THIRD = list(lineup.GENERATORS)[:3]
BLANK = np.zeros((8, 8, 3), np.uint8)
REFERENCE = Reference(
    revision="sha256:0",
    candidates=4,
    own=dict.fromkeys((FIRST, SECOND, THIRD), tuple(np.linspace(0.80, 0.99, 199))),
    leads=dict.fromkeys((FIRST, SECOND, THIRD), tuple(np.linspace(-0.6, 0.05, 199))),
    images="made up",
    date="2026-01-01",
    versions={},
)


def ranked(name: str, similarity: float) -> Ranked:
    p_value = REFERENCE.fit(name, similarity)
    return Ranked(name, lineup.generator(name).family, similarity, 0.01, 0.5, 4, p_value)


def test_the_ranking_is_by_mean_similarity_over_a_models_own_drawings():
    similarities = {FIRST: (0.5, 0.7), SECOND: (0.9, 0.1), THIRD: (0.65, 0.65)}
    drawn = [
        Drawn(name, i, BLANK, value, 0.1 * i) for name, pair in similarities.items() for i, value in enumerate(pair)
    ]
    rows = regeneration.rank(drawn, None)
    assert [row.generator for row in rows] == [THIRD, FIRST, SECOND]
    assert [round(row.similarity, 6) for row in rows] == [0.65, 0.6, 0.5]
    assert rows[1].spread == pytest.approx(np.std([0.5, 0.7], ddof=1))
    assert rows[0].candidates == 2
    assert rows[0].p_value is None, "nothing is known without stored distributions"


def test_a_clear_lead_names_one_model_and_its_family():
    verdict = regeneration.judge([ranked(FIRST, 0.95), ranked(SECOND, 0.5)], REFERENCE, "red apple")
    assert (verdict.kind, verdict.families, verdict.members) == ("family", (lineup.generator(FIRST).family,), (FIRST,))
    assert "red apple" in verdict.sentence and "4 drawings" in verdict.sentence


def test_a_lead_within_the_noise_is_undecided_between_those_that_fit():
    rows = [ranked(FIRST, 0.93), ranked(SECOND, 0.92), ranked(THIRD, 0.3)]
    verdict = regeneration.judge(rows, REFERENCE, "red apple")
    assert verdict.kind == "undecided"
    assert verdict.members == (FIRST, SECOND)


def test_what_no_model_explains_is_made_by_none_of_them():
    verdict = regeneration.judge([ranked(FIRST, 0.6), ranked(SECOND, 0.1)], REFERENCE, "red apple")
    assert (verdict.kind, verdict.members) == ("none", ())


def test_nothing_is_decided_without_stored_distributions_or_after_a_stop():
    rows = [ranked(FIRST, 0.95), ranked(SECOND, 0.5)]
    assert regeneration.judge(rows, None, "red apple").kind == "undecided"
    stopped = regeneration.judge(rows, REFERENCE, "red apple", stopped=True)
    assert stopped.kind == "undecided" and stopped.sentence.startswith("Stopped")


def test_p_values_are_conformal():
    assert REFERENCE.fit(FIRST, 0.0) == pytest.approx(1 / 200)
    assert REFERENCE.fit(FIRST, 1.0) == 1
    assert REFERENCE.lead(FIRST, 1.0) == pytest.approx(1 / 200)
    assert REFERENCE.fit("somebody-else", 1.0) is None


def test_a_reference_of_other_weights_is_refused(tmp_path):
    from tracer import regeneration_reference

    file = tmp_path / "regeneration.json"
    regeneration_reference.store(REFERENCE, file)
    regeneration_reference.store(REFERENCE, file)
    with pytest.raises(ThresholdMismatch, match="other weights"):
        regeneration.load_reference([FIRST, SECOND, THIRD], 4, file)
    assert regeneration.load_reference([FIRST, SECOND, THIRD], 2, file) is None
    assert regeneration.load_reference([FIRST, SECOND], 4, file) is None


@pytest.mark.parametrize(
    "options",
    [dict(candidates=0), dict(candidates=17), dict(caption=" "), dict(caption="x" * 300), dict(generators=[])],
    ids=str,
)
def test_what_is_out_of_range_is_refused_before_anything_is_drawn(options):
    with pytest.raises(ValueError, match=r"characters|drawings per model|no model"):
        next(api.regenerate_stream(intake.from_array(np.zeros((64, 64, 3), np.uint8), "black"), **options))


def test_calibration_and_evaluation_share_no_prompt():
    from tracer import regeneration_reference

    first, second = (set(regeneration_reference.prompts(part)) for part in ("calibrate", "test"))
    assert not first & second
    assert len(first) > 50 and len(second) > 50
