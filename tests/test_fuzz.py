"""Some hundred seeded mutations through everything that reads what strangers send; `benchmarks/fuzz.py` has more."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import fuzz


@pytest.mark.parametrize("name", ["intake", "claims", "config.json", "thresholds", "parameters"])
def test_nothing_unexpected_happens(name: str, tmp_path: Path):
    assert fuzz.run(fuzz.targets(tmp_path)[name], count=150, seed=1).findings == []
