"""What the page knows about one run, live or stored: plain numbers and pixels, no torch and no gradio."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image
from pydantic import TypeAdapter

from tracer.evidence.inversion import events
from tracer.evidence.inversion.decision import Standing
from tracer.evidence.inversion.inspection import Looked, Searched
from tracer.evidence.verdict import Evidence, Trace
from tracer.image import intake
from tracer.image.windows import Box, framed
from tracer.verdict import wording

if TYPE_CHECKING:
    from tracer.evidence.inversion.closeup import Closeup

EXAMPLES = Path(__file__).parents[2] / "examples"
STORED = EXAMPLES / "stored"
SHOWN = 512  # px of the longer side of the picture in the figure; nothing is measured on it
GAIN = 12  # how many times a difference is amplified to be seen, at most
Result = TypeVar("Result")


def from_document(kind: type[Result], document: dict[str, Any]) -> Result:
    """A result (`Trace`, `Artifacts`, `Regeneration`) from its own `document()`, as it is stored.

    Raises:
        pydantic.ValidationError: the document is of another shape.
    """
    return TypeAdapter(kind).validate_python(document)


def address(image: np.ndarray, quality: int | None = None) -> str:
    """An image as a data address: without loss, or in a WebP quality as an illustration."""
    buffer, picture = BytesIO(), Image.fromarray(np.ascontiguousarray(image))
    options = {"lossless": True, "quality": 0, "method": 0} if quality is None else {"quality": quality, "method": 4}
    picture.save(buffer, "WEBP", **options)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def thumbnail(pixels: np.ndarray) -> str:
    """The picture as the figure shows it, a data address."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((SHOWN, SHOWN), Image.Resampling.LANCZOS)
    return address(np.asarray(picture), 82)


@dataclass
class Look:
    """How all families stand after some windows.

    Attributes:
        boxes: top, left, bottom and right of each window, in pixels of the view.
        contrasts: by family, the mean contrast of each window.
        standings: by family.
        threshold: score from which a family is named.
        offset: where the grid begins, rows down and columns right.
        size: height and width that the picture was brought back to; None where it is inspected as it is.
    """

    boxes: tuple[Box, ...]
    contrasts: dict[str, tuple[float, ...]]
    standings: dict[str, Standing]
    threshold: float
    offset: tuple[int, int] = (0, 0)
    size: tuple[int, int] | None = None

    @classmethod
    def of(cls, told: Looked) -> Look:
        """From what the stream says."""
        view = told.view
        return cls(told.boxes, told.by_window, dict(told.standings), told.threshold, view.offset, view.size)


@dataclass
class Closer:
    """One family's closer look, to be drawn.

    Attributes:
        cells: contrast at every offset of its grid, rows and columns; empty where that was not asked.
        original, latents, drawn: that part, its code in false colours, and what the family draws of it; data addresses.
        on, beside: the amplified differences of what it draws on its grid and beside it; data addresses.
        gain: how many times they are amplified, both alike.
    """

    cells: list[list[float]]
    original: str = ""
    latents: str = ""
    drawn: str = ""
    on: str = ""
    beside: str = ""
    gain: int = GAIN

    @classmethod
    def of(cls, found: Closeup, cells: list[list[float]]) -> Closer:
        """From a closer look, and from the cells of an earlier one where it did not ask for them."""
        differences = [found.original.astype(np.float32) - drawn for drawn in (found.on, found.beside)]
        largest = float(np.percentile(np.abs(differences[1]), 95))  # what is cut off above it does not show the grid
        gain = int(min(max(128 / max(largest, 1.0), 1), GAIN))
        amplified = [address((128 + gain * each).clip(0, 255).astype(np.uint8), 80) for each in differences]
        cells = np.round(found.fits.contrasts, 3).tolist() if found.fits else cells
        shown = address(found.original, 90), address(found.latents), address(found.on, 90)
        return cls(cells, *shown, *amplified, gain)


@dataclass
class Descent:
    """One family's descent so far, in the paper's modes.

    Attributes:
        of: steps that there will be.
        threshold: largest loss that still belongs.
        losses, on, beside: one per step: LatentTracer's loss, and those of the two descents over the same pixels.
        original, drawn: the first tile and what the decoder draws of it, uint8 RGB.
    """

    of: int
    threshold: float
    losses: list[float] = field(default_factory=list)
    on: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    original: np.ndarray | None = None
    drawn: np.ndarray | None = None

    def take(self, step: Any) -> None:
        """Add an `optimization.Step`."""
        for values, value in ((self.losses, step.loss), (self.on, step.on), (self.beside, step.beside)):
            values.append(float(f"{value:.5g}"))
        self.original, self.drawn = step.original, step.decoded


@dataclass
class Run:
    """Everything on the page about one image.

    Attributes:
        subject: what was inspected, in our own words; never a visitor's file name.
        mode: "grid", "paper" or "paper-random".
        families: registry ids, in the order of the line-up.
        sha256, width, height: of the image.
        shown: the picture as a data address.
        look: where the grid test is; of a finished run, what decided it.
        mapped: one family's answers all over the picture, where they were asked for.
        closer: by family, where the grid was looked for.
        descents: by family, in the paper's modes.
        evidence: by family, for those done.
        trace: the finished result, or None.
        current: the family whose turn it is.
        loading: how far its weights are, in words; "" once they are read.
        unavailable: why a family could not be inspected, by id.
    """

    subject: str
    mode: str
    families: list[str]
    sha256: str = ""
    width: int = 0
    height: int = 0
    shown: str = ""
    look: Look | None = None
    mapped: Look | None = None
    closer: dict[str, Closer] = field(default_factory=dict)
    descents: dict[str, Descent] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    trace: Trace | None = None
    current: str = ""
    loading: str = ""
    unavailable: dict[str, str] = field(default_factory=dict)
    _looks: dict[tuple, Look] = field(default_factory=dict)  # by offset and size

    @classmethod
    def of(cls, picture: intake.Picture, mode: str, families: list[str], subject: str = "Your image") -> Run:
        """One that is about to begin."""
        size = picture.sha256, picture.width, picture.height
        return cls(subject, mode, families, *size, shown=thumbnail(picture.pixels))

    def take(self, update: object) -> bool:
        """Add what the stream says; True where the page should show it at once."""
        match update:
            case events.Loading():
                begun = self.current != update.family
                self.current, self.loading = update.family, wording.loading(update)
                return begun
            case Looked():
                self.current = self.loading = ""
                self.look = Look.of(update)
                self._looks[(self.look.offset, self.look.size)] = self.look
            case Searched():
                self.closer[update.family] = Closer(np.round(update.fits.contrasts, 3).tolist())
            case events.Stepped():
                self.current, self.loading = update.family, ""
                known = self.descents.setdefault(update.family, Descent(update.step.of, update.threshold))
                known.take(update.step)
                return update.step.index == update.step.of
            case events.Unavailable():
                self.unavailable[update.family] = update.reason
            case events.Answered():
                self.evidence[update.evidence.family] = update.evidence
            case Trace():
                self._end(update)
        return True

    def _end(self, trace: Trace) -> None:
        self.trace, self.current, self.loading = trace, "", ""
        self.evidence = {row.family: row for row in trace.evidence}
        row = next(iter(trace.evidence), None)
        if row:  # other offsets and sizes may have been tried in vain since
            self.look = self._looks.get((row.offset, row.resized_from), self.look)

    def come_closer(self, picture: intake.Picture, name: str, every_offset: bool = True) -> None:
        """Look closely at one family on the run's picture; loads its weights."""
        from tracer.evidence.inversion import closeup, trace  # torch from here on
        from tracer.models import registry

        pixels, _ = self._looked_at(picture)
        code = trace.code_of(trace.Suspect.of(registry.family(name)))()
        found = closeup.close_up(pixels, code, self.look.offset if self.look else (0, 0), every_offset)
        if found:
            known = self.closer.get(name)
            self.closer[name] = Closer.of(found, known.cells if known else [])

    def everywhere(self, picture: intake.Picture, stop: Callable[[], bool]) -> Iterator[None]:
        """Ask the best family about every window, one after another."""
        from tracer import api

        pixels, (top, left) = self._looked_at(picture)
        down, right = self.look.offset  # the map's grid begins there
        if self.look.size:
            top, left = 0, 0
        for told in api.grid_map(np.ascontiguousarray(pixels[down:, right:]), self.best(), stop):
            found = Look.of(told)
            shift = (top + down, left + right) * 2
            boxes = tuple(tuple(side + by for side, by in zip(box, shift, strict=True)) for box in found.boxes)
            self.mapped = replace(found, boxes=boxes, offset=self.look.offset, size=self.look.size)
            yield

    def _looked_at(self, picture: intake.Picture) -> tuple[np.ndarray, tuple[int, int]]:
        """What the grid test looks at: the picture without a plain frame, at the size that it answered at.

        With the rows and columns of the frame above it and on its left.
        """
        from tracer.evidence.inversion import search

        top, left, bottom, right = framed(picture.pixels)
        pixels = picture.pixels[top:bottom, left:right]
        size = self.look.size if self.look else None
        return (search.undone(pixels, size) if size else pixels), (top, left)

    def best(self) -> str:
        """The family that fits best so far, which is the one worth looking at."""
        if self.evidence:
            return min(self.evidence, key=lambda name: self.evidence[name].sort_key)
        if self.look:
            return max(self.look.standings, key=lambda name: self.look.standings[name].score)
        return self.current


@dataclass(frozen=True)
class Example:
    """A stored example: an image that anyone may use, and what was found out about it."""

    name: str
    title: str
    lesson: str
    file: Path


def examples() -> list[Example]:
    """The stored examples in the order of `examples/build.py`; none where they have not been built."""
    if not (STORED / "index.json").exists():
        return []
    rows = json.loads((STORED / "index.json").read_text())
    return [Example(row["name"], row["title"], row["lesson"], EXAMPLES / row["file"]) for row in rows]


def save(run: Run, folder: Path) -> None:
    """Store a finished run of the grid test as result.json."""
    folder.mkdir(parents=True, exist_ok=True)
    standings = {name: asdict(each) for name, each in run.look.standings.items()} if run.look else {}
    for each in standings.values():  # JSON has no infinity
        each |= {key: value if math.isfinite(value) else None for key, value in each.items()}
    text = {
        "trace": run.trace.document(),
        "standings": standings,
        "closer": {name: asdict(each) for name, each in run.closer.items()},
    }
    (folder / "result.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")


def load(example: Example) -> Run:
    """A stored run. Only Pillow and numpy are needed."""
    stored = json.loads((STORED / example.name / "result.json").read_text())
    trace, picture = from_document(Trace, stored["trace"]), intake.read(example.file)
    run = Run.of(picture, "grid", [row.family for row in trace.evidence], f"Example: {example.title}")
    standings = {
        name: Standing(**{key: math.inf if value is None else value for key, value in each.items()})
        for name, each in stored["standings"].items()
    }
    if standings:
        row = trace.evidence[0]
        run.look = Look(trace.windows, trace.contrasts, standings, row.threshold, row.offset, row.resized_from)
    run.closer = {name: from_document(Closer, each) for name, each in stored["closer"].items()}
    run.take(trace)
    return run
