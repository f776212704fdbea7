"""Calibrated numbers: written whole, read once, and never taken from a damaged file."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tracer.evidence import store


@dataclass(frozen=True)
class Numbers:
    scores: tuple[tuple[float, ...], ...]
    date: str = ""


def test_what_is_read_is_fixed_and_keys_for_a_reader_are_left_out(tmp_path):
    path = store.save('{"scores": [[1.0], [2.0]], "n": 2}', tmp_path / "new" / "numbers.json")
    assert store.load(Numbers, path) == Numbers(((1.0,), (2.0,)))
    assert [each.name for each in path.parent.iterdir()] == ["numbers.json"]


def test_a_file_is_parsed_again_only_where_it_has_changed(tmp_path):
    path = store.save('{"scores": [[1.0]]}', tmp_path / "numbers.json")
    first = store.load(Numbers, path)
    assert store.load(Numbers, path) is first
    store.save('{"scores": [[1.0], [2.0]]}', path)
    assert len(store.load(Numbers, path).scores) == 2


@pytest.mark.parametrize("text", ["{", "{}", "[]", "null", '"scores"', "[" * 100_000, b"\xff".decode("latin-1") + "{"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "numbers.json"
    path.write_text(text)
    with pytest.raises(store.ThresholdMismatch, match=r"^numbers\.json is not what a calibration stores$"):
        store.load(Numbers, path)
