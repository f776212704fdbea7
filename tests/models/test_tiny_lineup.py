"""The tiny line-up's shipped thresholds, and the real weights that they are for."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.conftest import SHARED
from tracer.evidence.inversion import calibration, optimization
from tracer.evidence.inversion.settings import FAST
from tracer.image import samples
from tracer.models import autoencoder, cache, registry

TINY = registry.families("tiny")
REAL = SHARED / "weights"
needs_weights = pytest.mark.skipif(not (REAL / "taesd").exists(), reason="the real tiny autoencoders are not here")


@pytest.mark.parametrize("row", TINY, ids=lambda row: row.id)
def test_every_tiny_family_has_a_threshold_that_a_trace_may_use(row):
    known = calibration.load(calibration.path_of(row.id, "fast"))
    assert known.settings == FAST.record(), "run the commands of training/README.md again"
    assert known.revision.startswith("sha256-bf16:")
    assert known.count >= 100 and len(known.others) >= 50
    assert known.ruled_out() <= 0.02 and known.taken_in() <= 0.02


@needs_weights
@pytest.mark.parametrize("row", TINY, ids=lambda row: row.id)
def test_the_thresholds_are_for_the_real_weights(row):
    model = cache.from_folder(REAL / row.id, row.id, hub_commit="a commit")
    calibration.stored(row.id, FAST.record(), model.weights_digest)


@needs_weights
def test_weights_that_round_to_the_calibrated_copy_score_like_it():
    """A 32-bit original differs from its 16-bit copy by up to half of the last digit; here, by chance within that."""
    copied = cache.from_folder(REAL / "taesd3", "taesd3", hub_commit="a commit")
    original = replace(copied, model=copy.deepcopy(copied.model))
    torch.manual_seed(0)
    with torch.no_grad():
        for each in original.model.parameters():
            digit = 2.0 ** (torch.floor(torch.log2(each.abs().clamp(min=1e-30))) - 7)  # bfloat16 keeps 8 of them
            each += (torch.rand_like(each) - 0.5) * 0.99 * digit
    changed = [
        not torch.equal(a, b) for a, b in zip(original.model.parameters(), copied.model.parameters(), strict=True)
    ]
    assert any(changed)
    start = replace(FAST, steps=0)
    found = []
    for photograph in samples.bundled_photographs(4, 96):
        for maker in (copied, original):
            own = autoencoder.reconstruct(photograph, maker)
            found.append([optimization.scores(own, each, start)[0] for each in (copied, original)])
    shift = np.abs(np.log(np.array(found)[:, 0] / np.array(found)[:, 1]))
    assert shift.max() < 0.25, "less than images of one family differ among themselves"
