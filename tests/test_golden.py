"""No answer changes unseen: the golden corpus, on every path."""

from __future__ import annotations

import json

import pytest

from tests import golden
from tests.conftest import with_detector

NEAR = 0.02  # of p-values, which differ a little between processors


def near(found: object, stored: object) -> bool:
    """Whether two answers are the same, numbers within `NEAR`."""
    if isinstance(stored, dict):
        return (
            isinstance(found, dict) and found.keys() == stored.keys() and all(near(found[k], stored[k]) for k in stored)
        )
    if isinstance(stored, list):
        return isinstance(found, list) and len(found) == len(stored) and all(map(near, found, stored))
    if isinstance(stored, float) and isinstance(found, float):
        return found == pytest.approx(stored, abs=NEAR)
    return found == stored


@with_detector
def test_no_answer_of_the_golden_corpus_changes() -> None:
    stored, found = json.loads(golden.FILE.read_text()), {}
    for path, name, answer in golden.answers():
        found.setdefault(path, {})[name] = answer
    assert {path: set(rows) for path, rows in found.items()} == {path: set(rows) for path, rows in stored.items()}
    changed = [
        f"{path}, {name}: {answer}, not {stored[path][name]}"
        for path, rows in found.items()
        for name, answer in rows.items()
        if not near(answer, stored[path][name])
    ]
    assert not changed, "\n".join(changed)
