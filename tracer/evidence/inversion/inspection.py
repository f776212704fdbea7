"""One family is asked about one image: loading, calibrating, inspecting, and another look where none fits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tracer.evidence import store
from tracer.evidence.conditions import LOSSLESS, RESIZED, condition_of
from tracer.evidence.inversion import calibration, resizing
from tracer.evidence.inversion.events import Answered, Loading, Shifted, Stepped, passed_on
from tracer.evidence.inversion.settings import FAST, Settings, settings_for
from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Doubt, Doubts, Evidence
from tracer.image.intake import Picture
from tracer.image.windows import Box, framed
from tracer.models import registry
from tracer.models.errors import ModelUnavailable

if TYPE_CHECKING:  # the page starts without torch
    from tracer.evidence.inversion.calibration import Calibration
    from tracer.models.autoencoder import Autoencoder

WHOLE = 300_000  # pixels up to which a bundled family that did not fit on a tile is asked about the whole picture
MOST_WHOLE = 1_100_000  # the same where it came within `NEAR` times the score of others: it takes seconds
NEAR = 2.0
NO_FRAME = (0, 0, 0, 0)
WIDER = {"tile": 256, "margin": 64}  # what a still larger picture is looked at on instead


def ask(
    row: registry.Family,
    picture: Picture,
    mode: str,
    condition: str,
    stop: Callable[[], bool],
    watch: bool,
    failed: dict[str, Exception],
    rivalled: Callable[[bool | None], bool],
):
    """Inspect one family of the registry and pass on what happens; return its evidence.

    A tiny autoencoder without a stored threshold is calibrated on the spot, for lossless pictures. For a full-size one
    that would take hours on a CPU, so its threshold has to be there before anything is downloaded. Where there is none
    for compressed pictures, the lossless one is the strictest.
    """
    if not row.bundled and not calibration.path_of(row.id, mode, condition).exists():
        condition = LOSSLESS
    settings = settings_for(mode, condition)
    if row.lineup == "full":
        calibration.check_stored(row.id, mode, condition)
    from tracer.evidence.inversion import belonging
    from tracer.models import cache

    yield Loading(row.id)
    away = next((error for error in failed.values() if getattr(error, "kind", "") == "unreachable"), None)
    if away and not cache.at_hand(row):
        raise away  # what could not be reached a moment ago is not waited for again
    model = yield from passed_on(cache.loading(row, stop), lambda each: Loading(row.id, each.done, each.total))
    try:
        known = calibration.stored(row.id, settings.record(), model.digest, condition)
    except store.ThresholdMismatch:
        if row.lineup != "tiny":
            raise
        settings = belonging.spot_settings(mode)
        known = yield from on_the_spot(model, mode, stop)
    return (yield from inspect(picture, model, known, settings, stop, watch, rivalled))


def ask_again(row: registry.Family, pixels: np.ndarray, answer: Evidence, stop: Callable[[], bool]):
    """Inspect a family that did not fit once more: whole, as a crop or as resized; return the evidence that counts.

    Some decoders normalise over the whole picture, which a tile does not show, nor does a larger tile quite. A crop
    moves the latent grid, and its edges were drawn from what is no longer there. A resized picture is known as soon as
    its first size is. Where a plain frame is around the picture, as in a screenshot, both are tried without it too.
    Another answer only counts, and is only told, where it says more than the one before.
    """
    from tracer.evidence.inversion import grid_offset
    from tracer.models import cache

    model = cache.load(row)
    pattern = grid_offset.stored(row.id, model.digest)
    if pattern is None:  # also a family that was calibrated on the spot
        return answer
    settings = settings_for("fast", LOSSLESS)
    known = calibration.stored(row.id, settings.record(), model.digest)
    height, width = pixels.shape[:2]
    near = not answer.stopped and answer.score <= NEAR * known.inside(answer.steps)
    if row.bundled and max(height, width) > settings.whole and (near or height * width <= WHOLE):
        whole = height * width <= MOST_WHOLE
        wider = replace(settings, **({"whole": max(height, width)} if whole else WIDER))
        answer = yield from _look(_Look(pixels), model, wider, known, answer, stop)
        if answer.belongs:
            return answer
    for frame in (NO_FRAME, framed(pixels)):
        if answer.belongs or stop() or (frame == (0, 0, height, width)):
            break
        inner = pixels[frame[0] : frame[2] or height, frame[1] : frame[3] or width]
        offset = grid_offset.search(inner, model, pattern, known.inside(1))
        if offset is not None:
            crop = _Look(inner, offset=offset, cropped=True, frame=frame)
            answer = yield from _look(crop, model, settings, known, answer, stop)
        drawn = resizing.search(inner, model, row.native) if row.bundled and not (answer.belongs or stop()) else None
        if drawn is not None:
            guessed = row.native not in drawn or inner.shape[0] < resizing.FACTORS[0] * drawn[0]
            other = settings_for("fast", RESIZED)
            limits = calibration.stored(row.id, other.record(), model.digest, RESIZED)
            resized = _Look(inner, drawn=drawn, frame=frame, guessed=guessed)
            answer = yield from _look(resized, model, other, limits, answer, stop)
    return answer


@dataclass(frozen=True)
class _Look:
    """Another way to look at a picture: pixels, and what `events.Shifted` says about them.

    Whatever only nearly fits at a `guessed` size, the best of several, may do so by chance.
    """

    pixels: np.ndarray
    offset: tuple[int, int] = (0, 0)
    cropped: bool = False
    drawn: tuple[int, int] = (0, 0)
    frame: Box = NO_FRAME
    guessed: bool = False


def _look(
    look: _Look,
    model: Autoencoder,
    settings: Settings,
    known: Calibration,
    first: Evidence,
    stop: Callable[[], bool],
):
    """Look once more; tell it and return its evidence if that says more than the first one, else return the first."""
    from tracer.evidence.inversion import optimization

    (down, right), steps = look.offset, []
    pixels, drawn = look.pixels[down:, right:], look.drawn if any(look.drawn) else None
    work = optimization.inspect(pixels, model, known, settings, stop, cropped=look.cropped, drawn=drawn)
    second = yield from passed_on(work, steps.append, told=False)
    if second.detail < optimization.SILENT:  # a crop or a tile can be without what little detail the picture has
        return first
    second = _on_grid(second, pixels, model, settings, known, stop)
    more = second.belongs or (second.belongs is None and first.belongs is False and not look.guessed)
    if second.stopped or not more:
        return first
    answer = replace(second, offset=look.offset, frame=look.frame)
    yield Shifted(model.family, look.offset, look.cropped, look.drawn, look.frame)
    for step in steps:
        yield Stepped(model.family, step, settings, known)
    yield Answered(answer)
    return answer


def conditions(picture: Picture, mode: str, registered: bool = True) -> tuple[str, Doubts]:
    """The calibrated condition to judge a picture under, and what limits the answer.

    Only fast mode has thresholds for compressed images, and only for the families of the registry. Where there is none,
    the lossless one is the strictest.
    """
    condition = condition_of(picture.lossy, picture.jpeg_quality)
    if condition == LOSSLESS:
        return condition, Doubts()
    if condition is None:
        if picture.jpeg_quality is not None:
            miss = Doubt(Reason.TRACES_LOST_IN_JPEG, {"quality": picture.jpeg_quality})
        else:
            miss = Doubt(Reason.TRACES_LOST_IN_FORMAT, {"format": picture.format})
        return LOSSLESS, Doubts(miss=miss)
    if mode != "fast" or not registered:
        return LOSSLESS, Doubts(miss=Doubt(Reason.MODE_WITHOUT_COMPRESSED))
    if picture.table is None:
        return LOSSLESS, Doubts(miss=Doubt(Reason.JPEG_ROUNDING_UNKNOWN))
    return condition, Doubts(between=Doubt(Reason.OPEN_AFTER_JPEG, {"quality": picture.jpeg_quality}))


def on_the_spot(model: Autoencoder, mode: str, stop: Callable[[], bool] = lambda: False):
    """Pass the progress of a calibration on as updates; return the calibration."""
    from tracer.evidence.inversion import belonging

    def told(done: int) -> Loading:
        if stop():
            raise ModelUnavailable("the calibration was stopped", "stopped")
        return Loading(model.family, done, belonging.SPOT_IMAGES, "images")

    return (yield from passed_on(belonging.on_the_spot(model, mode), told))


def inspect(
    picture: Picture,
    model: Autoencoder,
    known: Calibration,
    settings: Settings,
    stop: Callable[[], bool],
    watch: bool,
    rivalled: Callable[[bool | None], bool] = lambda belongs: False,
):
    """Pass an inspection's steps on as updates; return its evidence."""
    from tracer.evidence.inversion import optimization

    work = optimization.inspect(
        picture.pixels, model, known, settings, stop, watch, table=picture.table, rivalled=rivalled
    )
    evidence = yield from passed_on(work, lambda step: Stepped(model.family, step, settings, known))
    if not picture.lossy:
        evidence = _on_grid(evidence, picture.pixels, model, settings, known, stop)
    yield Answered(evidence)
    return evidence


def _on_grid(
    evidence: Evidence,
    pixels: np.ndarray,
    model: Autoencoder,
    settings: Settings,
    known: Calibration,
    stop: Callable[[], bool],
) -> Evidence:
    """Evidence that the score left open or that is no better than `SURE`: the picture has to fit on its grid alone.

    Only where the score is better than any of the others': two decoders' grids may coincide. Of lossless pictures only,
    since JPEG has a grid of its own, of bundled families, for which it was measured, and not of a large picture that
    was read whole, which would take minutes.
    """
    from tracer.evidence.inversion import optimization

    row = registry.FAMILIES.get(evidence.family)
    closest = known.inside(evidence.steps)
    ended = evidence.belongs is False or evidence.stopped or evidence.gave_way or evidence.score > closest
    ended = ended or (evidence.belongs and evidence.score * calibration.SURE <= closest)
    if ended or any(evidence.drawn) or settings != FAST or row is None or not row.bundled:
        return evidence
    began = time.perf_counter()
    ratio = optimization.off_grid(pixels, model, settings, stop)
    if ratio is None:
        return evidence
    seconds = round(evidence.seconds + time.perf_counter() - began, 3)
    belongs = True if ratio >= calibration.ON_GRID else None
    return replace(evidence, off_grid=float(f"{ratio:.3g}"), belongs=belongs, seconds=seconds)
