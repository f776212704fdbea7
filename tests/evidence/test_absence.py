"""Nothing found means something only where a file does not show how it was lost."""

from __future__ import annotations

import pytest

from tests.image.test_history import photograph
from tracer.evidence import absence
from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Evidence, Verdict
from tracer.image import intake, perturbations

NOTHING = Verdict("none", Reason.NO_FAMILY_FITS, details={"inspected": ("mini-kl",)})
ROW = Evidence("mini-kl", "inversion", "grid", 1.0, 4.0, 0.5, False, 1, 0.0, "r")


def test_nothing_in_an_untouched_file_stays_what_it_is():
    picture = intake.from_array(photograph(), "it")
    assert absence.weighed(NOTHING, [ROW], picture) == (NOTHING, (ROW,))


@pytest.mark.parametrize(
    ("file", "reason", "details"),
    [
        ("jpeg file", Reason.NOTHING_AFTER_COMPRESSION, {"format": "JPEG", "quality": 80}),
        ("jpeg once", Reason.NOTHING_AFTER_COMPRESSION, {"format": "", "quality": 80}),
        ("webp file", Reason.NOTHING_AFTER_COMPRESSION, {"format": "WEBP", "quality": 0}),
        ("enlarged", Reason.NOTHING_AFTER_RESIZING, {}),
    ],
)
def test_the_file_says_why_nothing_means_nothing(file: str, reason: Reason, details: dict):
    picture = {
        "jpeg file": lambda: intake.read(perturbations.jpeg_file(photograph(), 80)),
        "jpeg once": lambda: intake.from_array(perturbations.jpeg(photograph(), 80), "it"),
        "webp file": lambda: intake.read(perturbations.webp_file(photograph(), 80)),
        "enlarged": lambda: intake.from_array(perturbations.scale(photograph(), 1.25), "it"),
    }[file]()
    verdict, (row,) = absence.weighed(NOTHING, [ROW], picture)
    assert (verdict.kind, verdict.reason, row.belongs) == ("insufficient", reason, None)
    told = dict(verdict.details)
    assert told.pop("inspected") == ("mini-kl",)
    assert told == {**details, **({"quality": pytest.approx(80, abs=2)} if details.get("quality") else {})}
    assert absence.before_doubt(verdict).reason is Reason.NO_FAMILY_FITS


@pytest.mark.parametrize("reason", [Reason.ONE_FAMILY_FITS, Reason.SEVERAL_FAMILIES_OPEN, Reason.OWN_LATTICE])
def test_what_was_found_or_hidden_is_left_as_it_is(reason: Reason):
    picture = intake.read(perturbations.jpeg_file(photograph(), 80))
    found = Verdict("family", reason, ("mini-kl",))
    assert absence.weighed(found, [ROW], picture) == (found, (ROW,))
