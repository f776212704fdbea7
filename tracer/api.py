"""A file in, evidence out, as a stream or whole: what the page, the command line and the tests call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracer import calibration, intake, lineup
from tracer.evidence import Doubts, Evidence, Trace, judge
from tracer.intake import Picture
from tracer.settings import MODES
from tracer.weights import ModelUnavailable

if TYPE_CHECKING:
    from tracer.autoencoder import Autoencoder
    from tracer.calibration import Calibration
    from tracer.inversion import Settings, Step

LARGEST = 4_000_000  # pixels that `reconstruct` decodes in one piece


@dataclass(frozen=True)
class Loading:
    """A family is being loaded, or calibrated on the spot (`done` of `total` images)."""

    family: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Stepped:
    """One step of one family's inversion."""

    family: str
    step: Step
    settings: Settings
    calibration: Calibration


@dataclass(frozen=True)
class Answered:
    """A family's evidence is complete."""

    evidence: Evidence


Update = Loading | Stepped | Answered | Trace


def trace_stream(
    source: str | Path | bytes | Picture,
    *,
    lineup: str = "minis",
    families: list[str] | None = None,
    autoencoder: Path | None = None,
    mode: str = "fast",
    stop: Callable[[], bool] = lambda: False,
    watch: bool = False,
) -> Iterator[Update]:
    """Put an image in front of a line-up and yield what happens; the last update is the `Trace`.

    Args:
        source: a file's path, its bytes, or a picture already read.
        lineup: "minis", "tiny" or "full"; ignored where `families` or `autoencoder` is given.
        families: registry ids to inspect instead of a whole line-up.
        autoencoder: a folder in diffusers layout to inspect instead; calibrated on the spot and remembered.
        mode: "fast" (relative loss, stops when it is decided), "paper" (LatentTracer's settings) or "paper-random" (the
            same from a random start).
        stop: asked between steps of an inversion; once True, the rest is skipped and the trace says so.
        watch: yield the steps after a family's decision too; the evidence does not change.

    Raises:
        IntakeError: the image cannot be read.
        KeyError: unknown line-up, family or mode.
        ModelUnavailable: an autoencoder cannot be loaded.
        ThresholdMismatch: no stored threshold fits the weights and settings.
    """
    if mode not in MODES:
        raise KeyError(f"no mode called {mode!r}; there are: {', '.join(MODES)}")
    rows = [] if autoencoder else _rows(lineup, families)
    picture = _picture(source)
    condition, doubts = conditions(picture, mode, registered=autoencoder is None)
    from tracer import belonging, inversion, weights  # torch from here on

    evidence = []
    if autoencoder:
        name = Path(autoencoder).resolve().name
        yield Loading(name)
        model, settings = weights.from_folder(Path(autoencoder), name), belonging.spot_settings(mode)
        known = yield from _on_the_spot(model, mode)
        evidence.append((yield from _inspect(picture.pixels, model, known, settings, stop, watch)))
    for row in rows:
        if evidence and stop():
            break
        yield Loading(row.id)
        model = weights.load(row)
        settings = MODES[mode]
        known = calibration.stored(row.id, settings.record(), model.revision, condition)
        evidence.append((yield from _inspect(picture.pixels, model, known, settings, stop, watch)))
    if evidence and max(each.detail for each in evidence) < 3 * inversion.ROUNDING:
        doubts = replace(doubts, void="without fine detail, nothing in the picture tells one decoder from another")
    members = {row.id: row.members for row in rows}
    yield Trace(
        image=image_document(picture),
        verdict=judge(evidence, members, max(len(rows) - len(evidence), 0), doubts),
        evidence=tuple(evidence),
        versions=calibration.versions(),
    )


def conditions(picture: Picture, mode: str, registered: bool = True) -> tuple[str, Doubts]:
    """The calibrated condition to judge a picture under, and what limits the answer.

    Only fast mode has thresholds for compressed images, and only for the families of the registry. Where there is none,
    the lossless one is the strictest.
    """
    condition = calibration.condition_of(picture.lossy, picture.jpeg_quality)
    if condition == calibration.LOSSLESS:
        return condition, Doubts()
    if condition is None:
        if picture.jpeg_quality is not None:
            miss = f"JPEG quality {picture.jpeg_quality} has destroyed the traces that a decoder leaves"
        else:
            miss = f"{picture.format} with lost colours or details may no longer show the traces that a decoder leaves"
        return calibration.LOSSLESS, Doubts(miss=miss)
    if mode != "fast" or not registered:
        return calibration.LOSSLESS, Doubts(miss="there is no threshold for compressed pictures in this mode")
    return condition, Doubts(between=f"after JPEG compression of quality {picture.jpeg_quality}")


def trace(source: str | Path | bytes | Picture, **options) -> Trace:
    """The same as `trace_stream`, whole: only the finished `Trace`."""
    *_, last = trace_stream(source, **options)
    return last


def reconstruct(family: str, source: str | Path | bytes | Picture) -> np.ndarray:
    """An image once through a family's autoencoder: uint8 RGB, cut to the latent grid, otherwise at native size."""
    row = lineup.family(family)
    picture = _picture(source)
    if picture.width * picture.height > LARGEST:
        raise ValueError(f"the image has more than {LARGEST // 10**6} megapixels, too many to reconstruct in one piece")
    from tracer import inversion, weights

    return inversion.reconstruct(picture.pixels, weights.load(row))


def _picture(source: str | Path | bytes | Picture | None) -> Picture:
    if source is None:
        raise intake.IntakeError("Choose an image first.")
    return source if isinstance(source, Picture) else intake.read(source)


def image_document(picture: Picture) -> dict[str, object]:
    """What a result says about the file it is about."""
    return {
        "file": picture.name,
        "sha256": picture.sha256,
        "width": picture.width,
        "height": picture.height,
        "format": picture.format,
        "jpeg_quality": picture.jpeg_quality,
        "notes": list(picture.notes),
    }


def _rows(name: str, families: list[str] | None) -> list[lineup.Family]:
    rows = [lineup.family(each) for each in dict.fromkeys(families)] if families else lineup.families(name)
    if not rows:
        raise ModelUnavailable(f"this version has no model for the line-up {name!r} yet")
    return rows


def _on_the_spot(model: Autoencoder, mode: str):
    """Pass the progress of a calibration on as updates; return the calibration."""
    from tracer import belonging

    work = belonging.on_the_spot(model, mode)
    while True:
        try:
            done = next(work)
        except StopIteration as finished:
            return finished.value
        yield Loading(model.family, done, belonging.SPOT_IMAGES)


def _inspect(
    pixels: np.ndarray,
    model: Autoencoder,
    known: Calibration,
    settings: Settings,
    stop: Callable[[], bool],
    watch: bool,
):
    """Pass an inspection's steps on as updates; return its evidence."""
    from tracer import inversion

    steps = inversion.inspect(pixels, model, known, settings, stop, watch)
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            yield Answered(finished.value)
            return finished.value
        yield Stepped(model.family, step, settings, known)


def status(row: lineup.Family) -> str:
    """Whether a family can be used here and now: "bundled", or "missing" where its files are not there."""
    from tracer.weights import WEIGHTS_FILE

    folder = Path(row.source) / row.subfolder
    return "bundled" if (folder / WEIGHTS_FILE).exists() else "missing"


def generator_status(row: lineup.Generator) -> str:
    """Whether a generator can draw here and now: "bundled", or "missing" where its files are not there."""
    files = [Path(row.source) / "unet" / "config.json", Path(row.source) / "generator.json"]
    return "bundled" if all(file.exists() for file in files) else "missing"


def prompts(row: lineup.Generator) -> list[str]:
    """The captions that a bundled generator has learned; empty where its files are not there."""
    about = Path(row.source) / "generator.json"
    return json.loads(about.read_text())["prompts"] if about.exists() else []
