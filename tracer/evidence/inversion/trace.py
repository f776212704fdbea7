"""A whole line-up in front of one image: loading, the grid test or LatentTracer's descent, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tracer.evidence import absence, store
from tracer.evidence.inversion import calibration, grid, inspection, optimization
from tracer.evidence.inversion.contrast import PLAIN, Reading
from tracer.evidence.inversion.events import Answered, Loading, Stepped, Unavailable
from tracer.evidence.inversion.inspection import Ending, Inspection, Lineup
from tracer.evidence.inversion.settings import DESCENTS
from tracer.evidence.reasons import Reason
from tracer.evidence.store import ThresholdMismatch
from tracer.evidence.verdict import Detail, Evidence, ImageFacts, Trace, Verdict
from tracer.image.intake import Picture
from tracer.models import cache, checkpoint, device
from tracer.models.autoencoder import Autoencoder
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import SILENT, Progress
from tracer.models.registry import Family

ENOUGH = "stopped"  # kind of `ModelUnavailable` that is no failure


@dataclass
class Outcome:
    """What a line-up says.

    Attributes:
        verdict: the answer.
        evidence: one entry per family that was asked.
        unavailable: why a family could not be asked, by id.
        inspection: of grid mode: what the figures show.
    """

    verdict: Verdict
    evidence: list[Evidence] = field(default_factory=list)
    unavailable: dict[str, Exception] = field(default_factory=dict)
    inspection: Inspection | None = None


@dataclass
class Suspect:
    """One autoencoder in the line-up.

    Attributes:
        name: registry id, or the folder's name.
        load: the autoencoder; from memory where it is there.
        refinements, reading: see `grid.Reconstruction`.
        members: models known to draw with it.
        native: image side in pixels that they usually draw; 0 where it is not known.
        kind: one of `calibration.KINDS`.
    """

    name: str
    load: Callable[[], Autoencoder]
    refinements: int = 0
    members: tuple[str, ...] = ()
    native: int = 0
    kind: str = calibration.KINDS[0]
    reading: Reading = PLAIN

    @classmethod
    def of(cls, row: Family) -> Suspect:
        """A registry row."""
        kind, load = calibration.KINDS[row.kind == "Surrogate"], lambda: cache.load(row)
        return cls(row.id, load, row.refinements, row.members, row.native, kind, calibration.reading(row))

    @classmethod
    def folder(cls, name: str, model: Autoencoder) -> Suspect:
        """An autoencoder from a folder, of which nothing else is known."""
        trained_on = type(model.model).__name__ == "Surrogate"
        return cls(name, lambda: model, kind=calibration.KINDS[trained_on])


def trace(
    picture: Picture,
    rows: Sequence[Family],
    folder: Path | None = None,
    mode: str = "grid",
    progress: Progress = SILENT,
) -> Trace:
    """Put an image in front of a line-up.

    Args:
        picture: the image.
        rows: families of the registry.
        folder: an autoencoder in diffusers layout to inspect instead.
        mode: one of `settings.MODES`.
        progress: told what `fetch` and `grid_test` or `descend` tell.

    Raises:
        ModelUnavailable: not one of the autoencoders can be loaded.
        ThresholdMismatch: no stored threshold of the paper's modes fits any of them.
    """
    if folder:
        name = folder.resolve().name
        progress.emit(Loading(name))
        model = checkpoint.from_folder(folder, name, device.device())
        suspects, failed = [Suspect.folder(name, model)], {}
    else:
        suspects, failed = fetch(rows, progress)
    if not suspects:
        outcome = Outcome(Verdict("undecided", Reason.INSPECTION_STOPPED, stopped=True))
    elif mode == "grid":
        outcome = grid_test(picture.pixels, suspects, all(row.lineup != "full" for row in rows), progress)
    else:
        outcome = descend(picture.pixels, suspects, mode, progress)
    failed |= outcome.unavailable
    if failed and not outcome.evidence and not progress.stop():
        raise next(iter(failed.values()))
    looked = outcome.inspection.looked if outcome.inspection else None
    verdict, evidence = outcome.verdict, tuple(outcome.evidence)
    if mode == "grid":  # the paper's rule is left as the paper has it
        verdict, evidence = absence.weighed(verdict, evidence, picture)
    return Trace(
        image=ImageFacts.of(picture),
        verdict=verdict,
        evidence=evidence,
        versions=store.versions(),
        unavailable={name: str(error) for name, error in failed.items()},
        windows=looked.boxes if looked else (),
        contrasts=looked.by_window if looked else {},
    )


def fetch(rows: Sequence[Family], progress: Progress) -> tuple[list[Suspect], dict[str, Exception]]:
    """Load every row, or say why it cannot be: nothing waits twice for a Hub that could not be reached a moment ago."""
    suspects, failed = [], {}
    for row in rows:
        if progress.stop():
            break
        progress.emit(Loading(row.id))
        away = next((error for error in failed.values() if getattr(error, "kind", "") == "unreachable"), None)
        try:
            if away and not cache.at_hand(row):
                raise away
            told = Progress(progress.stop, lambda each, row=row: progress.emit(Loading(row.id, each.done, each.total)))
            cache.load(row, progress=told)
        except (ModelUnavailable, ThresholdMismatch) as error:
            if getattr(error, "kind", "") == ENOUGH:
                break
            failed[row.id] = error
            progress.emit(Unavailable(row.id, str(error)))
            continue
        suspects.append(Suspect.of(row))
    return suspects, failed


def grid_test(
    pixels: np.ndarray,
    suspects: Sequence[Suspect],
    together: bool = True,
    progress: Progress = SILENT,
    search: bool = True,
) -> Outcome:
    """The grid test of all suspects.

    Args:
        pixels: uint8 RGB (height, width, 3).
        suspects: who is asked.
        together: whether all fit into memory at once.
        progress: told `inspection.Looked`, `inspection.Searched` and `Answered`.
        search: whether a shifted grid and other sizes are looked for.
    """
    # Where families of both kinds are asked, the stricter of the two holds.
    null = max(map(calibration.shared, {each.kind for each in suspects}), key=lambda each: each.threshold)
    loaded = {each.name: each.load() for each in suspects}
    strides = {name: model.stride for name, model in loaded.items()}
    about = {name: _about(model) for name, model in loaded.items()}
    del loaded
    lineup = Lineup(
        load={each.name: code_of(each) for each in suspects},
        strides=strides,
        threshold=null.threshold,
        together=together,
        search=search,
        native=tuple(sorted({each.native for each in suspects if each.native})),
        answers={each.name: each.reading.answer for each in suspects},
    )
    found = inspection.inspect(pixels, lineup, progress)
    evidence = [_evidence(each, found, null, about[each.name]) for each in suspects]
    for row in evidence:
        progress.emit(Answered(row))
    return Outcome(_verdict(found, suspects, strides.values()), evidence, inspection=found)


def _about(model: Autoencoder) -> dict[str, str]:
    dtype = str(model.dtype).removeprefix("torch.")
    return {"revision": model.revision, "weights_digest": model.weights_digest, "dtype": dtype}


def code_of(suspect: Suspect) -> Callable[[], grid.Reconstruction]:
    """What loads a suspect's code for the grid test."""
    return lambda: grid.Reconstruction(suspect.load(), suspect.refinements, suspect.reading)


def _evidence(
    suspect: Suspect, found: Inspection, null: calibration.NullDistribution, about: dict[str, str]
) -> Evidence:
    looked, name = found.looked, suspect.name
    standing = looked.standings.get(name) if looked else None
    named, alike = found.ending is Ending.NAMED, found.ending is Ending.SEVERAL
    settled = named or found.ending is Ending.NONE
    score, mine = standing.score if standing else 0.0, name in found.families
    belongs = True if named and mine else False if settled or (alike and not mine) else None
    return Evidence(
        family=name,
        method="inversion",
        mode="grid",
        score=float(f"{score:.4g}"),
        threshold=float(f"{null.threshold:.4g}"),
        p_value=null.p_value(score) if standing else None,
        belongs=belongs,
        steps=standing.windows if standing else 0,
        seconds=round(found.seconds[name], 3),
        contrast=float(f"{standing.contrast:.4g}") if standing else 0.0,
        error=float(f"{standing.error:.4g}") if standing and math.isfinite(standing.error) else 0.0,
        offset=looked.view.offset if looked else (0, 0),
        resized_from=looked.view.size if looked else None,
        compared_with=len(null.scores),
        stopped=found.ending is Ending.STOPPED,
        phases=1 + looked.view.controls if looked else 0,
        **about,
    )


_REASONS = {
    Ending.NAMED: ("family", Reason.ONE_FAMILY_FITS),
    Ending.SEVERAL: ("undecided", Reason.SEVERAL_FAMILIES_OPEN),
    Ending.NONE: ("none", Reason.NO_FAMILY_FITS),
    Ending.SMALL: ("insufficient", Reason.IMAGE_TOO_SMALL),
    Ending.FEATURELESS: ("insufficient", Reason.NO_FINE_DETAIL),
    Ending.NOT_VISIBLE: ("insufficient", Reason.ANSWER_NOT_VISIBLE),
    Ending.LATTICE: ("insufficient", Reason.OWN_LATTICE),
    Ending.EVEN: ("insufficient", Reason.DRAWN_BY_A_PROGRAM),
    Ending.STOPPED: ("undecided", Reason.INSPECTION_STOPPED),
}


def _verdict(found: Inspection, suspects: Sequence[Suspect], strides: Iterable[int]) -> Verdict:
    kind, reason = _REASONS[found.ending]
    members = tuple(member for each in suspects if each.name in found.families for member in each.members)
    details: dict[str, Detail] = {}
    if reason in (Reason.ONE_FAMILY_FITS, Reason.NO_FAMILY_FITS):
        details["inspected"] = tuple(each.name for each in suspects)
    elif reason is Reason.IMAGE_TOO_SMALL:
        details["side"] = 64 if max(strides) <= 8 else 5 * max(strides)
    return Verdict(kind, reason, found.families, members, details, reason is Reason.INSPECTION_STOPPED)


def descend(pixels: np.ndarray, suspects: Sequence[Suspect], mode: str, progress: Progress = SILENT) -> Outcome:
    """LatentTracer's own rule: the smallest loss of a descent against Grubbs' threshold, one family after another.

    Args:
        pixels: uint8 RGB (height, width, 3).
        suspects: who is asked.
        mode: "paper" or "paper-random".
        progress: told `Stepped` and `Answered`.
    """
    evidence, failed = [], {}
    for suspect in suspects:
        if progress.stop():
            break
        model = suspect.load()
        try:
            known = calibration.losses(suspect.name, mode, model.weights_digest)
        except ThresholdMismatch as error:
            failed[suspect.name] = error
            progress.emit(Unavailable(suspect.name, str(error)))
            continue
        told = Progress(
            progress.stop,
            lambda step, name=suspect.name, limit=known.threshold: progress.emit(Stepped(name, step, limit)),
        )
        step = optimization.invert(pixels, model, DESCENTS[mode], told)
        stopped = step.index < step.of
        evidence.append(
            Evidence(
                family=suspect.name,
                method="inversion",
                mode=mode,
                score=step.best,
                threshold=known.threshold,
                p_value=None if stopped else known.p_value(step.best),
                belongs=None if stopped else step.best <= known.threshold,
                steps=step.index,
                seconds=round(step.seconds, 3),
                contrast=math.log(step.on / step.beside) if step.on > 0 and step.beside > 0 else 0.0,
                compared_with=len(known.scores),
                stopped=stopped,
                **_about(model),
            )
        )
        progress.emit(Answered(evidence[-1]))
    return Outcome(_by_loss(evidence, suspects, len(failed)), evidence, failed)


def _by_loss(evidence: list[Evidence], suspects: Sequence[Suspect], failed: int) -> Verdict:
    """The verdict of the paper's rule: every family's own yes or no."""
    named = [each.family for each in evidence if each.belongs]
    members = tuple(member for each in suspects if each.name in named for member in each.members)
    if len(evidence) + failed < len(suspects) or any(each.stopped for each in evidence):
        return Verdict("undecided", Reason.INSPECTION_STOPPED, tuple(named), members, stopped=True)
    if not evidence:
        return Verdict("insufficient", Reason.NOTHING_INSPECTED)
    if not named:
        return Verdict("none", Reason.NO_FAMILY_FITS, details={"inspected": tuple(each.family for each in evidence)})
    kind, reason = (
        ("family", Reason.ONE_FAMILY_FITS) if len(named) == 1 else ("undecided", Reason.SEVERAL_FAMILIES_OPEN)
    )
    return Verdict(kind, reason, tuple(named), members, {"inspected": tuple(each.family for each in evidence)})
