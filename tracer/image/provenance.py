"""What a file says about itself: camera, software, generator parameters, Content Credentials.

All of it is a claim that anyone can write, copy or strip, so it plays no part in a verdict. Values are plain text of
bounded length with control characters written out; nothing is executed or fetched. Whoever shows them as HTML has to
escape them. A file is read in a process of its own, which has two seconds and little memory: whatever a file does to
the libraries that read it, it cannot stop or fill this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracer.image import gate

READER = ("-m", "tracer.image.readers")  # what Python runs there
SECONDS = 2  # of one file's reader, its start included
AT_ONCE = 2  # readers, each of which may take 192 MB; whoever comes next waits
FORGEABLE = "Anyone can write, copy or remove such claims, so they play no part in the verdict."

_places = threading.BoundedSemaphore(AT_ONCE)
_ROOT = Path(__file__).parents[2]  # where `tracer` can be imported
_ORDER = ("Content Credentials", "generator parameters", "EXIF", "XMP", "PNG text", "comment")  # the most telling first
_SOURCE_TYPES = {  # the last part of IPTC's addresses
    "trainedAlgorithmicMedia": "created by generative AI",
    "compositeWithTrainedAlgorithmicMedia": "edited with generative AI",
    "compositeSynthetic": "composed, with synthetic parts",
    "algorithmicMedia": "created by an algorithm without training",
    "digitalCapture": "captured by a camera",
    "computationalCapture": "captured by a camera with computation",
    "digitalCreation": "drawn by a person",
    "humanEdits": "edited by a person",
}


@dataclass(frozen=True)
class Claim:
    """One statement of the file: what about, what it says, and where in the file that stands."""

    label: str
    value: str
    source: str


@dataclass(frozen=True)
class Claims:
    """All statements of one file.

    Attributes:
        summary: one sentence on what the file says, and one that anyone can forge it.
        claims: at most `MOST`.
        notes: what could not be read, and why, a sentence each.
    """

    summary: str
    claims: tuple[Claim, ...]
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The same as plain data for JSON."""
        return asdict(self)


def read(source: str | Path | bytes, seconds: float | None = None) -> Claims:
    """Everything that a file says about how it was made. Raises nothing: what fails becomes a note.

    Args:
        source: a path, or the file's bytes; what `gate` refuses by its size or header is not read.
        seconds: that reading may take, `SECONDS` by default; more only for a file that is known to be harmless.
    """
    try:
        data = source if isinstance(source, bytes) else gate.contents(source)
        answers, note = (
            _answers(data, SECONDS if seconds is None else seconds) if len(data) <= gate.MAX_BYTES else ([], "")
        )
    except (gate.IntakeError, OSError):
        answers, note = [], ""
    if not answers:
        note = note or "The file is not an image that is read here."
        return Claims(f"The file's claims could not be read. {FORGEABLE}", (), (note,))
    answers.sort(key=lambda answer: _ORDER.index(answer["source"]))
    claims = tuple(
        Claim(label, _spoken(value), answer["source"]) for answer in answers for label, value in answer["rows"]
    )
    notes = tuple(filter(None, (*(answer["note"] for answer in answers), note)))
    return Claims(f"{_said(claims)} {FORGEABLE}", claims, notes)


def _answers(data: bytes, seconds: float) -> tuple[list[dict[str, Any]], str]:
    """What the readers answered, and why one of them did not."""
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a thread's stack takes memory too
    try:
        with _places:
            done = subprocess.run(  # noqa: S603 - the file goes in as data
                [sys.executable, *READER],
                input=data,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                cwd=_ROOT,
                env=alone,
            )
        output, note = done.stdout, "A reader failed." if done.returncode else ""
    except subprocess.TimeoutExpired as ended:
        output, note = ended.stdout or b"", f"The rest was not read: it takes longer than {seconds:g} seconds."
    whole = output[: output.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()], note


def _spoken(value: str) -> str:
    """A digital source type in words; anything else as it is."""
    meaning = _SOURCE_TYPES.get(value.rsplit("/", 1)[-1]) if "/digitalsourcetype/" in value else None
    return f"{meaning} ({value.rsplit('/', 1)[-1]})" if meaning else value


def telling(claims: tuple[Claim, ...]) -> dict[str, str]:
    """The most telling claims, each in a few words: "source", "tool", "model" and "camera", where the file has them."""
    values: dict[str, str] = {}
    for claim in claims:
        values.setdefault(claim.label, claim.value[:80])
    found = {
        "source": values.get("Digital source type", "").split(" (")[0],
        "tool": values.get("Generator") or values.get("Made with") or values.get("Software"),
        "model": values.get("Model"),
        "camera": values.get("Camera model") or values.get("Camera maker"),
    }
    return {name: value for name, value in found.items() if value}


def _said(claims: tuple[Claim, ...]) -> str:
    """The most telling claims in a sentence."""
    words = {
        "source": "it was {}",
        "tool": "it was made with {}",
        "model": "the model was {}",
        "camera": "it came from the camera {}",
    }
    parts = [words[name].format(value) for name, value in telling(claims).items()]
    if parts:
        return f"The file claims that {' and that '.join(parts)}."
    return "The file carries no note of how it was made." if not claims else "The file carries claims, listed below."
