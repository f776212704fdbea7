"""Twenty visitors at once, over loopback: everybody is answered, and is told how long the queue is."""

from __future__ import annotations

from benchmarks import page
from tests.conftest import ROOT
from tracer.ui import visitors

KOALA = ROOT / "examples" / "koala-by-mini-dc-flat.png"


def test_twenty_visitors_are_answered_one_after_another(page_url: str):
    visitors.visit(page_url, 1, KOALA)  # loads the model
    found = visitors.visit(page_url, page.VISITORS, KOALA)
    assert found["errors"] == []
    assert found["answered"] == page.VISITORS
    assert found["last_place"] > 2, "those who wait are told their place"


def test_the_section_reads_as_a_table():
    results = {
        "started": 5.0, "idle_mb": 300, "warm_mb": 700, "after_mb": 710, "visitors": 20,
        "answered": 20, "errors": [], "told": 19, "last_place": 19, "first": 0.5, "last": 9.0,
        "waits": {
            "paint": [1.0, 1.2, 0.9], "alone": {"first": 1.5, "answer": 5.0}, "beside": {"first": 9.0, "answer": 14.0},
        },
    }  # fmt: skip
    text = "\n".join(page.page(results))
    assert "1.00 s (median of 3)" in text
    assert "first line, answer | 1.5 s, 5.0 s" in text and "drawn again | 9.0 s, 14.0 s" in text
    assert "20 visitors at once: answered, errors | 20, 0" in text
