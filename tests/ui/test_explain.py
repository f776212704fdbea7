"""Explanations with an image's own numbers."""

from __future__ import annotations

import pytest

from tracer.evidence.inversion import calibration
from tracer.evidence.inversion.calibration import Measured
from tracer.evidence.verdict import Evidence
from tracer.ui import explain
from tracer.ui.record import Run


@pytest.mark.parametrize("kind", calibration.KINDS)
def test_an_image_of_a_family_from_the_hub_stands_among_those_that_were_measured(kind, tmp_path, monkeypatch):
    known = Measured("taesd", "sha256-bf16:1", (5.0, 6.0, 7.0), (0.0, 1.0), "test", "2026-01-01")
    path = calibration.save(known, tmp_path / "taesd.grid.json")
    monkeypatch.setattr(calibration, "path_of", lambda *key: path)
    null = calibration.shared(kind)
    row = Evidence(
        family="taesd",
        method="inversion",
        mode="grid",
        score=6.0,
        threshold=float(f"{null.threshold:.4g}"),
        p_value=0.01,
        belongs=True,
        steps=1,
        seconds=0.1,
        revision="a commit of the Hub, which is no digest of weights",
        weights_digest="sha256-bf16:1",
    )
    run = Run("x", "grid", ["taesd"], evidence={"taesd": row})
    names = [each.name for each in explain.among(run, "taesd").data]
    assert f"{len(null.scores)} pictures that none of the decoders made" in names
    assert any(name.startswith("3 pictures made by") for name in names)
