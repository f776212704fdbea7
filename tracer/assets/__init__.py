"""Where the files that come with the package lie: weights with their cards, calibrated numbers, the Hub's lock file."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
MINIS = FOLDER / "minis"
SURROGATES = FOLDER / "surrogates"
CALIBRATION = FOLDER / "calibration"
HUB_LOCK = FOLDER / "hub.lock.json"
