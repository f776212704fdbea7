"""Belonging images and their scores: where every threshold comes from."""

from __future__ import annotations

import contextlib
import datetime
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tracer.evidence import conditions, store
from tracer.evidence.inversion import calibration, grid_offset, optimization
from tracer.evidence.inversion.calibration import Calibration
from tracer.evidence.inversion.settings import FAST, MODES, Settings, settings_for
from tracer.image import intake, perturbations, samples
from tracer.image.samples import pictures
from tracer.models import autoencoder, cache, registry
from tracer.models.autoencoder import Autoencoder

SPOT_IMAGES = 100  # belonging images when a stranger's autoencoder is calibrated on the spot
SPOT_STEPS = 4
SIDE = 128  # of the tiles of scikit-image's pictures
BUNDLED = "reconstructions of tiles of scikit-image's pictures"
RESIZES = (0.5, 1.5)  # factors of calibration
SMOOTH = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)  # and its filters
FADED_COUNT = 224  # pictures by others with hardly any fine detail, evenly of all kinds
FADED = (
    *(lambda pixels, sigma=sigma: perturbations.blur(pixels, sigma) for sigma in (1.5, 2.5, 4)),
    lambda pixels: perturbations.brighten(pixels, 0.25),
)
SOFTENED = (
    *(lambda pixels, factor=factor: perturbations.scale(pixels, factor, SMOOTH[-1]) for factor in (1.25, 1.5)),
    lambda pixels: perturbations.screenshot(pixels, 0),
)
CONDITIONS = {conditions.LOSSLESS: None, conditions.RESIZED: None}
CONDITIONS |= {f"jpeg-{level}": level for level in conditions.JPEG_LEVELS}


def calibrate(
    family: str,
    mode: str,
    count: int,
    belonging: Path | None,
    photographs: Path | None,
    out: Path,
    condition: str = conditions.LOSSLESS,
    progress: Callable[[int], None] = lambda done: None,
) -> Path:
    """Score up to `count` belonging images of a family and store its threshold in the folder `out`.

    Args:
        family: registry id.
        mode: one of `settings.MODES`.
        count: number of images.
        belonging: a folder of images that this family made; used as they are.
        photographs: a folder of photographs, sent through the autoencoder first. With neither folder, tiles of
            scikit-image's pictures are.
        out: where to store the threshold.
        condition: "lossless", "resized" (resize the belonging images before they are scored), or "jpeg-Q" (save
            them as JPEG of quality Q).
        progress: called after each image with the number done.

    Returns:
        The stored file.

    Raises:
        KeyError: unknown family, mode or condition.
        ValueError: both folders are given, or too few of their images can be read.
        OSError: a folder cannot be read, or `out` not be written; found out before any work is done.
    """
    for name, kind, known in ((mode, "mode", MODES), (condition, "condition", CONDITIONS)):
        if name not in known:
            raise KeyError(f"no {kind} called {name!r}; there are: {', '.join(known)}")
    if belonging and photographs:
        raise ValueError("give a folder of belonging images or one of photographs, not both")
    row, quality, settings = registry.family(family), CONDITIONS[condition], settings_for(mode, condition)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass
    model = cache.load(row)
    if belonging:
        images, described = pictures(belonging, count), "images given as belonging"
    elif photographs:
        images = autoencoder.reconstructions(model, pictures(photographs, count))
        described = "reconstructions of given photographs"
    else:
        images = autoencoder.reconstructions(model, samples.bundled_photographs(count, SIDE))
        described = BUNDLED

    rng = np.random.default_rng(0)

    def scored(image: np.ndarray) -> tuple[float, tuple[float, ...]]:
        """How much fine detail an image shows, as far as that matters, and its scores."""
        table = None
        if condition == conditions.RESIZED:
            filtered = SMOOTH[rng.integers(len(SMOOTH))]
            other = perturbations.scale(image, rng.uniform(*RESIZES), filtered)
            return 1.0, optimization.scores(other, model, settings, drawn=image.shape[:2])
        if quality:
            file = intake.read(perturbations.jpeg_file(image, quality))
            image, table = file.pixels, file.table
        shown = optimization.measured(image, model, settings, table) if mode == "fast" else 1.0
        return shown, optimization.scores(image, model, settings, table)

    rows, others, faded, whole = [], [], [], []
    for image in images:
        rows.append(scored(image))
        whole.append(image)
        progress(len(rows))
    if mode == "fast":
        given = list(pictures(photographs, count) if photographs else samples.bundled_photographs(count, SIDE))
        plain = condition == conditions.LOSSLESS and row.bundled
        # The closest one of them is a limit: the more there are, the less it is left to chance.
        for image in made_by_others(given, family, count * 3 // 2 if plain else count // 2, soft=plain):
            others.append(scored(image))
            progress(len(rows) + len(others))
        for image in made_by_others(given, family, FADED_COUNT, faded=True) if quality and row.bundled else ():
            faded.append(scored(image))
            progress(len(rows) + len(others) + len(faded))
    # Without compression, too little detail gets no answer; with it, it is compared with its like.
    little = (*others, *faded) if faded else ()
    faint = [scores for shown, scores in little if optimization.FLAT <= shown < optimization.SILENT]
    rows, others = ([scores for shown, scores in each if shown >= optimization.SILENT] for each in (rows, others))
    path = calibration.path_of(family, mode, condition, out)
    calibration.save(optimization.calibration_of(model, settings, rows, described, condition, others, faint), path)
    if mode == "fast" and condition == conditions.LOSSLESS:
        learn_grid(model, whole, described, out)
    return path


def learn_grid(model: Autoencoder, images: list[np.ndarray], described: str, out: Path) -> None:
    """Store the pattern of a family's latent grid in the folder `out`; too few or too small images leave none."""
    with contextlib.suppress(ValueError):
        learnt = grid_offset.learn(images, model.stride)
        date = datetime.date.today().isoformat()
        pattern = grid_offset.Pattern(model.family, model.digest, learnt, len(images), described, date)
        grid_offset.save(pattern, grid_offset.path_of(model.family, out))


def made_by_others(
    photographs: Iterable[np.ndarray], family: str, count: int, soft: bool = False, faded: bool = False
) -> Iterator[np.ndarray]:
    """Images that a family did not make: photographs, blurred ones, and what other families make of them.

    Those are the bundled ones and, for one from the Hub, those of its line-up that are on this machine already.

    Args:
        photographs: uint8 RGB; used evenly, some twice where `count` is larger than their number.
        family: whose images these are not.
        count: number of images.
        soft: whether all of them come enlarged and as screenshots too: a good decoder can nearly draw what is soft,
            whoever made it.
        faded: whether all of them come with hardly any fine detail instead, which they lose before or after.
    """
    strangers = [row for row in registry.families("minis") if row.id != family]
    own = registry.family(family)
    if not own.bundled:
        strangers += [row for row in registry.families(own.lineup) if row.id != family and cache.at_hand(row)]
    made: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda pixels, row=row: autoencoder.reconstruct(pixels, cache.load(row)) for row in strangers
    ]
    makers = [lambda pixels: pixels, *(lambda pixels, s=s: perturbations.blur(pixels, s) for s in (1, 2)), *made]
    if soft or faded:
        changed = [
            lambda pixels, make=make, change=change: change(make(pixels))
            for make in (lambda pixels: pixels, *made)
            for change in (FADED if faded else SOFTENED)
        ]
        makers = changed if faded else makers + changed
    if faded:
        makers += [lambda pixels, make=make, change=change: make(change(pixels)) for make in made for change in FADED]
    photographs = list(photographs)
    for index in range(count):
        yield makers[index % len(makers)](photographs[index * len(photographs) // count])


def on_the_spot(model: Autoencoder, mode: str) -> Iterator[int]:
    """Calibrate an autoencoder that the registry does not know, once per weights and settings.

    Yields:
        The number of images done, of `SPOT_IMAGES`; nothing where an earlier calibration is remembered.

    Returns:
        The calibration (the value of a `yield from`).
    """
    settings = spot_settings(mode)
    path = calibration.path_of(model.digest.replace(":", "-"), mode, folder=cache_folder() / "thresholds")
    try:
        known = calibration.load(path)
        if known.settings == settings.record() and known.revision == model.digest:
            return known
    except (OSError, store.ThresholdMismatch):
        pass  # none yet, or damaged: it is made (again)
    rows = []
    for image in autoencoder.reconstructions(model, samples.bundled_photographs(SPOT_IMAGES, SIDE)):
        yield len(rows)
        rows.append(optimization.scores(image, model, settings))
    known: Calibration = optimization.calibration_of(model, settings, rows, BUNDLED)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, not the answer
        calibration.save(known, path)
    return known


def spot_settings(mode: str) -> Settings:
    """Fewer steps in fast mode, so that a hundred images are scored in bearable time."""
    return replace(FAST, steps=SPOT_STEPS) if mode == "fast" else MODES[mode]


def cache_folder() -> Path:
    """Where calibrations made on the spot are kept: $LATENT_LINEUP_CACHE, else the user's cache."""
    chosen = os.environ.get("LATENT_LINEUP_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "latent-lineup"
