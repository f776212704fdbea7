"""What the page knows about one run, live or stored: plain numbers and pixels, no torch and no gradio."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from plotly.graph_objects import Figure
from pydantic import TypeAdapter

from tracer import api
from tracer.evidence.verdict import Evidence, Trace, fit
from tracer.image import intake
from tracer.image.windows import windows
from tracer.models import registry
from tracer.reports.figures import plots

EXAMPLES = Path(__file__).parents[2] / "examples"
STORED = EXAMPLES / "stored"
Result = TypeVar("Result")


def from_document(kind: type[Result], document: dict[str, Any]) -> Result:
    """A result (`Trace`, `Artifacts`, `Regeneration`) from its own `document()`, as it is stored.

    Raises:
        pydantic.ValidationError: the document is of another shape.
    """
    return TypeAdapter(kind).validate_python(document)


@dataclass
class Trajectory:
    """One family's inversion so far.

    Attributes:
        family: registry id.
        mode: "fast" or "paper".
        last: the step at which the settings end the inversion.
        second: loss of fine detail when the reconstruction is reconstructed.
        detail: energy of the image's fine detail.
        thresholds: (step, largest score that still belongs) at the checkpoints.
        calibrated: on which images, in which condition ("lossless", "jpeg-85"), and when.
        box: top, left, bottom, right of the shown region in the original.
        tiles: how many regions are inspected; the first is shown.
        steps, fine, scores: one entry per step; `fine` is the loss of fine detail.
        original, reconstruction: the shown region, uint8 RGB.
    """

    family: str
    mode: str
    last: int
    second: float
    detail: float
    thresholds: list[tuple[int, float]]
    calibrated: dict[str, Any]
    box: tuple[int, int, int, int]
    tiles: int
    steps: list[int] = field(default_factory=list)
    fine: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    original: np.ndarray | None = None
    reconstruction: np.ndarray | None = None

    def curve(self, decided: int | None) -> plots.Curve:
        """The same for the figure."""
        looks = plots.style(registry.place(self.family))
        return plots.Curve(self.family, looks, self.steps, self.scores, self.thresholds, decided)


@dataclass
class Run:
    """Everything on the page about one image.

    Attributes:
        subject: what was inspected, in our own words; never a visitor's file name.
        mode: "fast" or "paper".
        families: registry ids, in the order of the line-up.
        sha256, width, height: of the image.
        trajectories: by family, for those begun.
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
    trajectories: dict[str, Trajectory] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    trace: Trace | None = None
    current: str = ""
    loading: str = ""
    unavailable: dict[str, str] = field(default_factory=dict)
    _latest: dict[str, Any] = field(default_factory=dict)  # by family, the newest step, until it is drawn
    _inner: dict[str, tuple[int, int]] = field(default_factory=dict)  # where what is shown begins in what is drawn
    _shifted: dict[str, api.Shifted] = field(default_factory=dict)  # how a family looks at the picture once more

    def take(self, update: api.Update, picture: intake.Picture) -> bool:
        """Add what the stream says; True where the page should show it at once."""
        if isinstance(update, api.Loading):
            begun = self.current != update.family
            self.current, self.loading = update.family, update.words()
            return begun
        if isinstance(update, api.Stepped):  # families take turns
            self.current, self.loading = update.family, ""
            self._latest[update.family] = update.step
            return self._step(update, picture)
        if isinstance(update, api.Shifted):  # what the family said before no longer counts
            self.trajectories.pop(update.family, None)
            self.evidence.pop(update.family, None)
            self._latest.pop(update.family, None)
            self.current, self._shifted[update.family] = update.family, update
            return False
        if isinstance(update, api.Unavailable):
            self.unavailable[update.family] = update.reason
        elif isinstance(update, api.Answered):
            self.draw()
            self.evidence[update.evidence.family] = update.evidence
        else:
            self.trace, self.current = update, ""
            self.evidence |= {row.family: row for row in update.evidence}  # one may have given way since
        return True

    def draw(self) -> None:
        """Bring the reconstruction up to date. Apart from `take`, since most steps are never shown."""
        for name, step in self._latest.items():
            trajectory = self.trajectories[name]
            height, width = trajectory.original.shape[:2]
            top, left = self._inner[name]
            trajectory.reconstruction = step.reconstruction()[top : top + height, left : left + width]
        self._latest = {}

    def best(self) -> str:
        """The family that fits best so far, which is the one worth looking at."""
        if not self.evidence:
            return self.current if self.current in self.trajectories else ""
        return min(self.evidence, key=lambda name: fit(self.evidence[name]))

    def figure(self) -> Figure:
        """The loss curves so far."""
        done = {name: row.steps for name, row in self.evidence.items() if not row.stopped}
        curves = [each.curve(done.get(name)) for name, each in self.trajectories.items()]
        return plots.loss_curves(curves, self.mode, max((each.last for each in self.trajectories.values()), default=8))

    def _step(self, update: api.Stepped, picture: intake.Picture) -> bool:
        name, step = update.family, update.step
        if name not in self.trajectories:
            self.trajectories[name] = self._begun(update, picture)
        trajectory = self.trajectories[name]
        trajectory.steps.append(step.index)
        trajectory.fine.append(_short(step.fine))
        trajectory.scores.append(_short(step.score(self.mode)))
        return step.index in (place for place, _ in trajectory.thresholds)

    def _begun(self, update: api.Stepped, picture: intake.Picture) -> Trajectory:
        settings, known = update.settings, update.calibration
        stride = registry.family(update.family).stride
        shifted = self._shifted.get(update.family, api.Shifted(update.family, cropped=False))
        down, right = (shifted.frame[side] + shifted.offset[side] for side in (0, 1))
        end_row, end_column = shifted.frame[2:] if any(shifted.frame) else picture.pixels.shape[:2]
        pixels = picture.pixels[down:end_row, right:end_column]
        cropped, faint = shifted.cropped, update.step.faint(known.condition)
        places = windows(pixels, stride, settings.whole, settings.tile, settings.margin, settings.tiles, cropped)
        top, left, bottom, end = places[0].scored
        # The margin is decoded, but not shown.
        self._inner[update.family] = (top - places[0].box[0], left - places[0].box[1])
        if any(shifted.drawn):  # what is told is the upper left corner, or all of it
            top, left, (bottom, end) = 0, 0, update.step.decoded.shape[-2:]
            self._inner[update.family] = (0, 0)
        return Trajectory(
            family=update.family,
            mode=self.mode,
            last=settings.steps,
            second=_short(update.step.second),
            detail=_short(update.step.detail),
            thresholds=[(step, _short(known.threshold(step, faint=faint))) for step in known.checkpoints],
            calibrated={"images": known.images, "condition": known.condition, "date": known.date},
            box=(top + down, left + right, bottom + down, end + right),
            tiles=len(places),
            original=pixels[top:bottom, left:end].copy(),  # a view would keep the whole picture alive
        )


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
    """Store a finished run: result.json, and one PNG per family with what its decoder drew."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {}
    for name, trajectory in run.trajectories.items():
        row = {key: value for key, value in vars(trajectory).items() if key not in ("original", "reconstruction")}
        rows[name] = {**row, "reconstruction": f"{name}.png"}
        Image.fromarray(trajectory.reconstruction).save(folder / f"{name}.png", optimize=True)
    text = json.dumps({"trace": run.trace.document(), "trajectories": rows}, separators=(",", ":"))
    (folder / "result.json").write_text(text + "\n")


def load(example: Example) -> Run:
    """A stored run. Only Pillow and numpy are needed."""
    folder = STORED / example.name
    stored = json.loads((folder / "result.json").read_text())
    trace, pixels = from_document(Trace, stored["trace"]), intake.read(example.file).pixels
    trajectories = {}
    for name, row in stored["trajectories"].items():
        top, left, bottom, right = row["box"]
        with Image.open(folder / row.pop("reconstruction")) as image:
            drawn = np.asarray(image.convert("RGB"))
        trajectories[name] = Trajectory(
            **{**row, "thresholds": [tuple(place) for place in row["thresholds"]]},
            original=pixels[top:bottom, left:right],
            reconstruction=drawn,
        )
    return Run(
        subject=f"Example: {example.title}",
        mode=trace.evidence[0].mode,
        families=[row.family for row in trace.evidence],  # the trajectories are in the order they ended
        sha256=trace.image.sha256,
        width=trace.image.width,
        height=trace.image.height,
        trajectories=trajectories,
        evidence={row.family: row for row in trace.evidence},
        trace=trace,
    )


def _short(value: float) -> float:
    """Five digits are enough for a curve, and keep stored results small."""
    return float(f"{value:.5g}")
