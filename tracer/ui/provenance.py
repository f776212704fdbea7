"""What the file says about itself, apart from the evidence and labelled as what anyone can forge."""

from __future__ import annotations

import functools
from pathlib import Path

from tracer.image import provenance
from tracer.image.provenance import Claims
from tracer.reports.html import claims_table
from tracer.ui import record
from tracer.ui.shown import digest
from tracer.ui.templates import caption, render

TITLE = "The file's own claims, which anyone can forge"


def told(path: str | Path | None) -> tuple[str, str]:
    """The line and the table of a file. Reading it takes a process, which may be busy for two seconds."""
    if path is None:
        return _line(None), _table(None)
    found = _of_example(str(path)) if digest(path) in _examples() else provenance.read(path)
    return _line(found), _table(found)


@functools.cache
def _examples() -> frozenset[str]:
    return frozenset(digest(each.file) for each in record.examples())


@functools.lru_cache(maxsize=64)
def _of_example(path: str) -> Claims:
    """Kept, as a visitor's file is not: every visitor sees the examples, and a busy machine reads them too."""
    return provenance.read(path, seconds=60)


def _line(found: Claims | None) -> str:
    if found is None:
        return ""
    said = ", ".join(provenance.telling(found.claims).values())
    return render("claim.html", said=said, nothing=found.summary.removesuffix(provenance.FORGEABLE).strip())


def _table(found: Claims | None) -> str:
    return caption(f"Nothing to read yet. {provenance.FORGEABLE}", "fine") if found is None else claims_table(found)
