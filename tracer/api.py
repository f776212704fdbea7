"""A file in, evidence out, as a stream or whole: what the page, the command line and the tests call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracer import calibration, intake, lineup
from tracer.evidence import Doubts, Evidence, Trace, judge
from tracer.intake import Picture
from tracer.weights import ModelUnavailable

if TYPE_CHECKING:
    from tracer.autoencoder import Autoencoder
    from tracer.calibration import Calibration
    from tracer.inversion import Settings, Step

MODES = ("fast", "paper")
SPOT_IMAGES = 100  # belonging images when a stranger's autoencoder is calibrated on the spot
SPOT_STEPS = 4
SPOT_SIDE = 128


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
        mode: "fast" (relative loss, stops when it is decided) or "paper" (LatentTracer's settings).
        stop: asked between steps; once True, the remaining work is skipped and the trace says so.
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
    picture = source if isinstance(source, Picture) else intake.read(source)
    condition, doubts = conditions(picture, mode, registered=autoencoder is None)
    from tracer import inversion, weights  # torch from here on

    evidence = []
    if autoencoder:
        yield Loading(str(autoencoder.name))
        model = weights.from_folder(autoencoder, autoencoder.name)
        settings = inversion.PAPER if mode == "paper" else replace(inversion.FAST, steps=SPOT_STEPS)
        known = yield from _on_the_spot(model, settings)
        evidence.append((yield from _inspect(picture.pixels, model, known, settings, stop, watch)))
    for row in rows:
        if evidence and stop():
            break
        yield Loading(row.id)
        model = weights.load(row)
        settings = inversion.MODES[mode]
        known = calibration.stored(row.id, settings.record(), model.revision, condition)
        evidence.append((yield from _inspect(picture.pixels, model, known, settings, stop, watch)))
    members = {row.id: row.members for row in rows}
    yield Trace(
        image=image_document(picture),
        verdict=judge(evidence, members, max(len(rows) - len(evidence), 0), doubts),
        evidence=tuple(evidence),
        versions=calibration.versions(),
    )


def conditions(picture: Picture, mode: str, registered: bool = True) -> tuple[str, Doubts]:
    """The calibrated condition to judge a picture under, and what limits the answer.

    Only fast mode has thresholds for compressed images, and only for the families of the registry.
    """
    from tracer import inversion

    void = miss = between = ""
    if inversion.detail_of(picture.pixels) < 3 * inversion.ROUNDING:
        void = "the picture has no fine detail, so nothing in it tells one decoder from another"
    condition = calibration.condition_of(picture.lossy, picture.jpeg_quality)
    if condition is None and picture.jpeg_quality is not None:
        miss = f"JPEG quality {picture.jpeg_quality} has destroyed the traces that a decoder leaves"
    elif condition is None:
        miss = f"lossy {picture.format} compression may have destroyed the traces that a decoder leaves"
    elif condition != calibration.LOSSLESS:
        between = f"after JPEG compression of quality {picture.jpeg_quality}"
    if registered and mode == "fast":
        condition = condition or f"jpeg-{calibration.JPEG_LEVELS[-1]}"
    elif condition != calibration.LOSSLESS:
        condition = calibration.LOSSLESS
        miss = miss or f"{mode} mode has no threshold for compressed pictures here"
    return condition, Doubts(void, miss, between)


def trace(source: str | Path | bytes | Picture, **options) -> Trace:
    """The same as `trace_stream`, whole: only the finished `Trace`."""
    *_, last = trace_stream(source, **options)
    return last


def reconstruct(family: str, source: str | Path | bytes | Picture) -> np.ndarray:
    """An image once through a family's autoencoder: uint8 RGB, cut to the latent grid, otherwise at native size."""
    row = lineup.family(family)
    picture = source if isinstance(source, Picture) else intake.read(source)
    from tracer import inversion, weights

    return inversion.reconstruct(picture.pixels, weights.load(row))


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
    rows = [lineup.family(each) for each in families] if families else lineup.families(name)
    if not rows:
        raise ModelUnavailable(f"this version has no model for the line-up {name!r} yet")
    return rows


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


def _on_the_spot(model: Autoencoder, settings: Settings):
    """A calibration for an autoencoder that the registry does not know, made once per weights and settings."""
    from tracer import inversion

    folder = cache_folder() / "thresholds"
    name = model.revision.replace(":", "-")
    path = calibration.path_of(name, settings.mode, folder=folder)
    if path.exists():
        try:
            known = calibration.load(path)
            if known.settings == settings.record() and known.revision == model.revision:
                return known
        except calibration.ThresholdMismatch:
            pass  # a damaged file in a cache is made again
    photographs = calibration.bundled_photographs(SPOT_IMAGES, SPOT_SIDE)
    rows = []
    for done, image in enumerate(inversion.reconstructions(model, photographs)):
        yield Loading(model.family, done, SPOT_IMAGES)
        rows.append(inversion.scores(image, model, settings))
    known = inversion.calibration_of(model, settings, rows, "reconstructions of tiles of scikit-image's pictures")
    calibration.save(known, path)
    return known


def cache_folder() -> Path:
    """Where calibrations made on the spot are kept: $LATENT_LINEUP_CACHE, else the user's cache."""
    chosen = os.environ.get("LATENT_LINEUP_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "latent-lineup"


def status(row: lineup.Family) -> str:
    """Whether a family can be used here and now: "bundled", or "missing" where its files are not there."""
    from tracer.weights import WEIGHTS_FILE

    folder = Path(row.source) / row.subfolder
    return "bundled" if (folder / WEIGHTS_FILE).exists() else "missing"


def calibrate(
    family: str,
    mode: str,
    count: int,
    belonging: Path | None,
    photographs: Path | None,
    out: Path,
    condition: str = calibration.LOSSLESS,
    progress: Callable[[int], None] = lambda done: None,
) -> Path:
    """Score up to `count` belonging images of a family and store its threshold in the folder `out`.

    Args:
        family: registry id.
        mode: "fast" or "paper".
        count: number of images.
        belonging: a folder of images that this family made; used as they are.
        photographs: a folder of photographs, sent through the autoencoder first. With neither folder, tiles of
            scikit-image's pictures are.
        out: where to store the threshold.
        condition: "lossless", or "jpeg-Q": save the belonging images as JPEG of quality Q before they are scored.
        progress: called after each image with the number done.

    Returns:
        The stored file.

    Raises:
        ValueError: no folder has enough readable images.
    """
    if mode not in MODES:
        raise KeyError(f"no mode called {mode!r}; there are: {', '.join(MODES)}")
    levels = {calibration.LOSSLESS: None} | {f"jpeg-{level}": level for level in calibration.JPEG_LEVELS}
    if condition not in levels:
        raise KeyError(f"no condition called {condition!r}; there are: {', '.join(levels)}")
    row, quality = lineup.family(family), levels[condition]
    from tracer import inversion, perturb, weights

    model, settings = weights.load(row), inversion.MODES[mode]
    if belonging:
        images, described = pictures(belonging, count), "images given as belonging"
    elif photographs:
        images = inversion.reconstructions(model, pictures(photographs, count))
        described = "reconstructions of given photographs"
    else:
        tiles = calibration.bundled_photographs(count, SPOT_SIDE)
        images = inversion.reconstructions(model, tiles)
        described = "reconstructions of tiles of scikit-image's pictures"
    rows = []
    for image in images:
        seen = perturb.jpeg(image, quality) if quality else image
        rows.append(inversion.scores(seen, model, settings))
        progress(len(rows))
    path = calibration.path_of(family, mode, condition, out)
    calibration.save(inversion.calibration_of(model, settings, rows, described, condition), path)
    return path


def pictures(folder: Path, count: int) -> Iterator[np.ndarray]:
    """The first `count` readable images of a folder, by name."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    found = 0
    for path in paths:
        if found == count:
            return
        try:
            picture = intake.read(path)
        except intake.IntakeError:
            continue
        found += 1
        yield picture.pixels
