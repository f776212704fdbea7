"""What every endpoint gives: the result's document, the answer as the page says it, and what the file claims."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Trace
from tracer.image import provenance
from tracer.verdict import combine, plain, wording
from tracer.verdict.combine import Joint


def document(result: Trace | Artifacts | Regeneration | Joint, path: str) -> dict[str, Any]:
    """The document of a result about the file at a path, with the file's claims, which play no part in it."""
    answer = asdict(plain.answer(combine.as_joint(result)))
    return {**wording.document(result), "answer": answer, "claims": provenance.read(path).document()}
