"""Stored examples of tabs 2 and 3, beside those of tab 1 (`record.py`): plain numbers and small pictures, no torch."""

from __future__ import annotations

import base64
import functools
import json
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.artifacts.heatmap import Heatmap
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.regeneration.ranking import Drawn
from tracer.evidence.store import ThresholdMismatch
from tracer.image import intake
from tracer.models.errors import ModelUnavailable
from tracer.ui import artifact_views, drawing, record
from tracer.ui.joined import Told
from tracer.ui.record import STORED, Example

MARKS, DRAWN = "marks.json", "drawn.json"
QUALITY = 82  # of stored drawings: they are looked at, and nothing is measured on them
BLANK = np.zeros((1, 1, 3), np.uint8)


def save_marks(board: artifact_views.Board, folder: Path) -> None:
    """Store a finished look for artifacts: its document, and the map's numbers."""
    heatmap = board.heatmap
    logits = [[round(float(value), 3) for value in row] for row in heatmap.logits]
    text = {
        "document": board.answer.document(),
        "map": {"logits": logits, "cell": heatmap.cell, "window": heatmap.window},
    }
    (folder / MARKS).write_text(json.dumps(text, separators=(",", ":")) + "\n")


def load_marks(example: Example) -> artifact_views.Board | None:
    """The stored look; None where there is none, or where it was made with another detector or threshold."""
    path = STORED / example.name / MARKS
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    answer, found = record.from_document(Artifacts, stored["document"]), stored["map"]
    try:
        board = artifact_views.again(intake.read(example.file), answer)
    except (ModelUnavailable, ThresholdMismatch):
        return None
    if board.known.null.detector != answer.detector:
        return None
    board.heatmap = Heatmap(np.array(found["logits"], float), found["cell"], found["window"], 1.0)
    board.subject = f"Example: {example.title}"
    return board


def save_drawn(board: drawing.Board, folder: Path) -> None:
    """Store a finished regeneration: its document, every similarity, and the drawings as small pictures."""
    rows = [[each.generator, each.seed, round(each.similarity, 4), round(each.structural, 4)] for each in board.drawn]
    pictures = [_small(each.image) for each in board.drawn]
    text = {"document": board.answer.document(), "drawn": rows, "pictures": pictures}
    (folder / DRAWN).write_text(json.dumps(text, separators=(",", ":")) + "\n")


def load_drawn(example: Example) -> drawing.Board | None:
    """The stored regeneration; None where there is none."""
    path = STORED / example.name / DRAWN
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    answer = record.from_document(Regeneration, stored["document"])
    drawn = [Drawn(name, seed, BLANK, similarity, alike) for name, seed, similarity, alike in stored["drawn"]]
    names = list(dict.fromkeys(each.generator for each in drawn))
    board = drawing.Board(f"Example: {example.title}", names, len(drawn) // len(names))
    board.caption, board.inferred = answer.caption, answer.inferred
    board.drawn, board.pictures = drawn, [f"data:image/webp;base64,{each}" for each in stored["pictures"]]
    board.ranking, board.answer = list(answer.ranking), answer
    return board


@functools.lru_cache(maxsize=4)
def everything(name: str) -> tuple[record.Run, artifact_views.Board | None, drawing.Board | None, Told]:
    """All that is stored about an example; what comes back is shared, and only to be looked at."""
    example = next(each for each in record.examples() if each.name == name)
    run, looked, drawn = record.load(example), load_marks(example), load_drawn(example)
    size = f"{run.width} × {run.height} px"  # noqa: RUF001 - typeset
    told = Told(f"Example: {example.title} · {size}", run.trace, looked.answer if looked else None)
    if looked is None:
        reason = artifact_views.usual()
        told = told.also(unavailable={"artifacts": reason} if isinstance(reason, str) else {})
    return run, looked, drawn, told


def first() -> tuple[record.Run | None, artifact_views.Board | None, drawing.Board | None]:
    """What the page shows when it is opened; nothing where no example has been built."""
    shown = record.examples()[:1]
    return everything(shown[0].name)[:3] if shown else (None, None, None)


def _small(image: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=QUALITY, method=6)
    return base64.b64encode(buffer.getvalue()).decode()
