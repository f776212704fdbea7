"""A file in, evidence out, as a stream or whole: what the page, the command line and the tests call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracer.evidence import store
from tracer.evidence.artifacts import decision
from tracer.evidence.artifacts import detection as marks
from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.inversion import inspection
from tracer.evidence.inversion.events import Answered, Loading, Shifted, Stepped, Unavailable, passed_on
from tracer.evidence.inversion.scheduling import Race
from tracer.evidence.inversion.settings import MODES
from tracer.evidence.regeneration import ranking as regeneration
from tracer.evidence.verdict import Evidence, Trace, Verdict, judge, settled
from tracer.image import intake
from tracer.image.intake import Picture
from tracer.models import prompt_filter
from tracer.models import registry as lineup
from tracer.models.errors import ModelUnavailable
from tracer.verdict import combine as joint
from tracer.verdict import fusion
from tracer.verdict.combine import Joint

if TYPE_CHECKING:
    from tracer.evidence.artifacts.heatmap import Survey

LARGEST = 4_000_000  # pixels that `reconstruct` decodes in one piece

Redrawn = regeneration.Captioned | regeneration.Drawn | regeneration.Withheld | regeneration.Regeneration
Update = Loading | Stepped | Answered | Shifted | Unavailable | Trace


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
        ModelUnavailable: not one of the autoencoders can be loaded.
        ThresholdMismatch: no stored threshold fits the weights and settings of any of them.
    """
    if mode not in MODES:
        raise KeyError(f"no mode called {mode!r}; there are: {', '.join(MODES)}")
    rows = [] if autoencoder else _rows(lineup, families)
    picture = _picture(source)
    condition, doubts = inspection.conditions(picture, mode, registered=autoencoder is None)
    from tracer.evidence.inversion import belonging, optimization
    from tracer.models import cache, device  # torch from here on

    evidence, failed, begun = [], {}, []
    if autoencoder:
        name = Path(autoencoder).resolve().name
        yield Loading(name)
        model, settings = cache.from_folder(Path(autoencoder), name, device.device()), belonging.spot_settings(mode)
        known = yield from inspection.on_the_spot(model, mode)
        evidence.append((yield from inspection.inspect(picture, model, known, settings, stop, watch)))
    race = Race(together=all(row.lineup != "full" for row in rows))

    def asked(row: lineup.Family) -> Generator[Update, None, Evidence | None]:
        if begun and stop():
            return None
        begun.append(row.id)
        try:
            return (yield from inspection.ask(row, picture, mode, condition, stop, watch, failed, race.rivalled))
        except (ModelUnavailable, store.ThresholdMismatch) as error:
            if getattr(error, "kind", "") != "stopped":
                failed[row.id] = error
                yield Unavailable(row.id, str(error))
            return None

    yield from race.run({row.id: asked(row) for row in rows})
    evidence += [race.answers[row.id] for row in rows if row.id in race.answers]
    if failed and not evidence and not stop():
        raise next(iter(failed.values()))
    shown = max((each.detail for each in evidence), default=1.0)
    # A compressed picture is named where one family alone does better than with others' that have as little detail.
    fitting = [each for each in evidence if each.belongs]
    alone = len(fitting) == 1 and fitting[0].faint and fitting[0].detail >= optimization.FLAT
    if shown < optimization.FLAT or (shown < optimization.SILENT and not alone):
        doubts = replace(doubts, void="without fine detail, nothing in the picture tells one decoder from another")
    elif any(each.condition != condition for each in evidence):  # calibrated on the spot, for lossless pictures only
        doubts = inspection.conditions(picture, mode, registered=False)[1]
    elif not picture.lossy and mode == "fast" and not any(each.belongs for each in evidence):
        known = {row.id: row for row in rows}
        for place, answer in enumerate(evidence):
            if stop() or answer.family not in known:
                break
            evidence[place] = yield from inspection.ask_again(known[answer.family], picture.pixels, answer, stop)
    evidence = settled(evidence)
    members = {row.id: row.members for row in rows}
    yield Trace(
        image=image_document(picture),
        verdict=judge(evidence, members, max(len(rows) - len(evidence) - len(failed), 0), doubts),
        evidence=tuple(evidence),
        versions=store.versions(),
        unavailable={name: str(error) for name, error in failed.items()},
        quick_look={} if doubts.void else _quick_look(picture, mode, evidence, stop),
    )


def _quick_look(picture: Picture, mode: str, evidence: list[Evidence], stop: Callable[[], bool]) -> dict[str, object]:
    """What the tiny autoencoders say about the models that they stand for; nothing where not all were asked."""
    rows = lineup.families("tiny")
    asked = {each.family for each in evidence}
    if mode != "fast" or not asked.issuperset(row.id for row in rows) or stop():
        return {}
    from tracer.evidence.inversion import quick_look
    from tracer.models import cache

    return quick_look.look(picture.pixels, [cache.load(row) for row in rows], not picture.lossy).document()


def trace(source: str | Path | bytes | Picture, **options) -> Trace:
    """The same as `trace_stream`, whole: only the finished `Trace`."""
    *_, last = trace_stream(source, **options)
    return last


def artifacts_stream(
    source: str | Path | bytes | Picture,
    *,
    tries: int = marks.TRIES,
    seed: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[marks.Try | Artifacts]:
    """Look for an autoencoder's marks and yield every try; the last update is the `Artifacts`.

    Args:
        source: a file's path, its bytes, or a picture already read.
        tries: crops to look at, 1 to 100; a small image has fewer different ones.
        seed: of random places; by default the tries are spread evenly, at the same places every time.
        stop: asked between tries; once True, the answer rests on those so far.

    Raises:
        IntakeError: the image cannot be read.
        ValueError: the number of tries is out of range.
        ModelUnavailable: the detector is missing or damaged.
        ThresholdMismatch: no stored threshold fits the detector.
    """
    if not 1 <= tries <= marks.MOST_TRIES:
        raise ValueError(f"between 1 and {marks.MOST_TRIES} tries, not {tries}")
    settings = marks.Settings(tries=tries)
    if seed is not None:
        settings = replace(settings, placing="random", seed=seed)
    picture = _picture(source)
    known = decision.known(picture, settings)
    made: list[marks.Try] = []
    for each in marks.look(picture.pixels, marks.load(), settings):
        made.append(each)
        yield each
        if stop():
            break
    yield decision.conclude(picture, image_document(picture), made, settings, known)


def artifacts(source: str | Path | bytes | Picture, **options) -> Artifacts:
    """The same as `artifacts_stream`, whole: only the finished `Artifacts`."""
    *_, last = artifacts_stream(source, **options)
    return last


def artifacts_published(
    source: str | Path | bytes | Picture, detector: Path, *, tries: int = marks.TRIES, seed: int | None = None
) -> dict[str, object]:
    """What one of the authors' published detectors says: a document like that of `artifacts`, without a threshold.

    Args:
        source: a file's path, its bytes, or a picture already read.
        detector: the published pickle, its conversion to safetensors, or a folder with one of them.
        tries, seed: as `artifacts_stream` takes them.

    Raises:
        IntakeError: the image cannot be read, or is smaller than the detector's crops.
        ValueError: the detector is refused, or not one of `published.PUBLISHED`.
        OSError: a file cannot be read, or the conversion not be written.
    """
    from tracer.evidence.artifacts import published

    found, row = published.find(detector)
    picture = _picture(source)
    if min(picture.width, picture.height) < row.side:
        raise intake.IntakeError(f"{row.id} looks at {row.side} x {row.side} pixels, and nothing is enlarged.")
    settings = marks.Settings(tries=tries, side=row.side)
    if seed is not None:
        settings = replace(settings, placing="random", seed=seed)
    kept = published.converted(found)
    ask, boxes = published.detector(kept, row), marks.boxes(*picture.pixels.shape[:2], settings)
    logits = [
        float(ask(np.ascontiguousarray(picture.pixels[top:bottom, left:right])[None])[0])
        for top, left, bottom, right in boxes
    ]
    chances = [1 / (1 + float(np.exp(-each))) for each in logits]
    probability = 1 / (1 + float(np.exp(-np.mean(logits))))
    sentence = (
        f"The published detector {row.id} gives {probability:.0%} for an autoencoder, on its own scale; no threshold "
        "for it was calibrated here, so that is no verdict."
    )
    return {
        "image": image_document(picture),
        "probability": round(probability, 4),
        "threshold": None,
        "fpr": None,
        "made_by_autoencoder": None,
        "tries": [
            {"box": list(box), "logit": round(logit, 4), "probability": round(chance, 4)}
            for box, logit, chance in zip(boxes, logits, chances, strict=True)
        ],
        "detector": f"{row.id} {published.digest(kept)}",
        "verdict": {"kind": "undecided", "sentence": sentence},
        "versions": store.versions(),
    }


def artifacts_map(source: str | Path | bytes | Picture) -> Iterator[Survey]:
    """Where in an image the detector sees marks: a map that is drawn piece by piece; close it to stop.

    Raises:
        IntakeError: the image cannot be read.
        ModelUnavailable: the detector is missing or damaged.
    """
    from tracer.evidence.artifacts import heatmap

    yield from heatmap.survey(_picture(source).pixels, marks.load())


@dataclass(frozen=True)
class Inverted:
    """What inversion says, before the models draw, and which of them it leaves."""

    verdict: Verdict
    generators: tuple[str, ...]


def regenerate_stream(
    source: str | Path | bytes | Picture,
    *,
    generators: list[str] | None = None,
    caption: str | None = None,
    candidates: int = regeneration.CANDIDATES,
    seed: int = regeneration.SEED,
    fused: bool = False,
    encoder: str | None = None,
    budget: float | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Inverted | Loading | Unavailable | Redrawn]:
    """Let models draw an image's caption and yield what they draw; the last update is the `Regeneration`.

    Args:
        source: a file's path, its bytes, or a picture already read.
        generators: registry ids; all bundled ones by default.
        caption: what to draw; by default the captioner's words for the image.
        candidates: drawings per model, 1 to 16.
        seed: of every model's first drawing; the next ones count up.
        fused: ask inversion first. Where it names a family with several of the models, only those are compared, and the
            verdict is that of both kinds of evidence.
        encoder: image encoder of the registry; by default ViT-B-32 where a full-size model draws, else the bundled one.
        budget: seconds that the drawing may take by estimate; None for as long as it takes.
        stop: asked between drawings; once True, the rest is skipped and the verdict says so.

    Raises:
        IntakeError: the image cannot be read.
        KeyError: unknown generator.
        ValueError: a number or the caption is out of range.
        Blocked: the caption, given or inferred, is one that is never drawn.
        OverBudget: the drawing would take longer than the budget.
        ModelUnavailable: a model cannot be loaded; of full-size models that draw, not one.
        ThresholdMismatch: the stored similarities were measured with other weights.
    """
    names = [row.id for row in lineup.GENERATORS.values() if row.bundled] if generators is None else generators
    names = everyone = [lineup.generator(name).id for name in dict.fromkeys(names)]
    if not names:
        raise ValueError("no model was chosen")
    if not 1 <= candidates <= regeneration.MOST:
        raise ValueError(f"between 1 and {regeneration.MOST} drawings per model, not {candidates}")
    if caption is not None and not 0 < len(caption.strip()) <= regeneration.LONGEST_CAPTION:
        raise ValueError(f"a caption has between 1 and {regeneration.LONGEST_CAPTION} characters")
    prompt_filter.check(caption or "")
    large = [name for name in names if not lineup.generator(name).bundled]
    reader = lineup.reader(encoder or regeneration.ENCODER, "encoder") if encoder or large else None
    if budget is not None:
        regeneration.check_time(names, candidates, budget)
    picture = _picture(source)
    inverted, failed = None, {}
    if fused:
        inverted = _inverted(picture, names, stop)
        names = fusion.candidates(inverted, names)
        yield Inverted(inverted, tuple(names))
    narrowed = names != everyone
    names = yield from _at_hand(names, failed, stop)
    if not any(name in large for name in names):  # inversion may have left none of them
        reader = lineup.reader(encoder, "encoder") if encoder else None
    reference = None if reader else regeneration.reference_for(names, candidates, alone=narrowed)
    writer, inferred = None, caption is None
    if reader:
        yield from _fetched(reader, stop)
    if caption is None:
        from tracer.models import captioning

        if any(name in large for name in names):
            writer = yield from _fetched(lineup.reader(regeneration.CAPTIONER, "captioner"), stop)
        caption = captioning.caption(picture.pixels, writer)[: regeneration.LONGEST_CAPTION]
        prompt_filter.check(caption)
        if not caption:
            raise intake.IntakeError("The captioner finds no words for this picture; give a caption.")
    yield regeneration.Captioned(caption, inferred)
    drawn: list[regeneration.Drawn] = []
    withheld: list[str] = []
    try:
        for each in regeneration.candidates(picture.pixels, caption, names, candidates, seed, reader, stop):
            if isinstance(each, regeneration.Drawn):
                drawn.append(each)
            else:
                withheld.append(each.generator)
            yield each
            if stop():
                break
    finally:
        if large:
            from tracer.models import pipelines

            pipelines.release()  # gigabytes that the next run may need for something else
    ranking = regeneration.rank(drawn, reference)
    stopped = len(drawn) + len(withheld) < candidates * len(names)
    verdict = regeneration.judge(ranking, reference, caption, stopped)
    # Without a reference, regeneration adds nothing to what inversion leaves open.
    joint = inverted is not None and not stopped and (reference is not None or inverted.kind == "family")
    yield regeneration.Regeneration(
        image=image_document(picture),
        caption=caption,
        inferred=inferred,
        seed=seed,
        ranking=tuple(ranking),
        verdict=fusion.fuse(inverted, verdict, everyone) if joint else verdict,
        versions=store.versions(),
        inversion=inverted,
        withheld=dict(Counter(withheld)) or None,
        unavailable={name: str(error) for name, error in failed.items()} or None,
        models={"captioner": writer.id if writer else None, "encoder": reader.id} if reader else None,
    )


def _inverted(picture: Picture, names: list[str], stop: Callable[[], bool]) -> Verdict:
    """What inversion says about the families of some models; where it knows none of them, that."""
    try:
        families = list(dict.fromkeys(lineup.generator(name).family for name in names))
        return trace(picture, families=families, stop=stop).verdict
    except (ModelUnavailable, store.ThresholdMismatch) as error:
        if all(lineup.generator(name).bundled for name in names):
            raise
        return Verdict("insufficient", (), (), f"Inversion could not be asked: {error}.")


def _at_hand(names: list[str], failed: dict[str, Exception], stop: Callable[[], bool]):
    """Download full-size models that are not here, and tell how far that is; return those that can draw.

    Raises:
        ModelUnavailable: not one of the models can, or it was stopped.
    """
    left = []
    for name in names:
        row = lineup.generator(name)
        try:
            if not row.bundled:
                from tracer.models import pipelines, repository

                pipelines.check(row)
                for part in row.repositories:
                    told = repository.fetching(part, stop)
                    yield from passed_on(told, lambda each, name=name: Loading(name, each.done, each.total))
        except ModelUnavailable as error:
            if error.kind == "stopped":
                raise
            failed[name] = error
            yield Unavailable(name, str(error))
        else:
            left.append(name)
    if not left:
        raise next(iter(failed.values()))
    return left


def _fetched(row: lineup.Reader, stop: Callable[[], bool]):
    """Download a captioner or encoder that is not here, and tell how far that is; return the row that was taken."""
    from tracer.models import repository

    try:
        told = repository.fetching(row.repository, stop)
        yield from passed_on(told, lambda each: Loading(row.id, each.done, each.total))
    except ModelUnavailable as error:
        if not row.instead or error.kind != "missing":
            raise
        return (yield from _fetched(lineup.READERS[row.instead], stop))
    return row


def regenerate(source: str | Path | bytes | Picture, **options) -> regeneration.Regeneration:
    """The same as `regenerate_stream`, whole: only the finished result."""
    *_, last = regenerate_stream(source, **options)
    return last


def reconstruct(family: str, source: str | Path | bytes | Picture) -> np.ndarray:
    """An image once through a family's autoencoder: uint8 RGB, cut to the latent grid, otherwise at native size."""
    row = lineup.family(family)
    picture = _picture(source)
    if picture.width * picture.height > LARGEST:
        raise ValueError(f"the image has more than {LARGEST // 10**6} megapixels, too many to reconstruct in one piece")
    from tracer.models import autoencoder, cache

    return autoencoder.reconstruct(picture.pixels, cache.load(row))


def verdict_stream(
    source: str | Path | bytes | Picture,
    *,
    lineup: str = "minis",
    families: list[str] | None = None,
    mode: str = "fast",
    tries: int = marks.TRIES,
    draw: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[object]:
    """Ask the detector, then the line-up, then (with `draw`) the generators, and yield what happens.

    Args:
        source: a file's path, its bytes, or a picture already read.
        lineup: "minis", "tiny" or "full"; ignored where `families` is given.
        families: registry ids to inspect instead of a whole line-up.
        mode: of inversion.
        tries: crops for the detector.
        draw: whether the models draw the image's caption too, which takes about as many seconds as there are drawings.
        stop: asked between steps; once True, the rest is skipped and the verdict rests on what there is.

    Yields:
        The updates of `artifacts_stream`, `trace_stream` and `regenerate_stream`, and a `Joint` after each
        kind of evidence; the last one is the answer.

    Raises:
        IntakeError: the image cannot be read.
        KeyError: unknown line-up, family or mode.
        ModelUnavailable, ThresholdMismatch: there is no evidence of any kind.
    """
    picture = _picture(source)
    kinds = {
        "artifacts": lambda: artifacts_stream(picture, tries=tries, stop=stop),
        "inversion": lambda: trace_stream(picture, lineup=lineup, families=families, mode=mode, stop=stop),
    }
    if draw:
        kinds["regeneration"] = lambda: regenerate_stream(picture, stop=stop)
    documents, unavailable, first = {}, {}, None
    for kind, stream in kinds.items():
        if stop() and documents:
            break
        update = None
        try:
            for update in stream():
                yield update
        except (ModelUnavailable, store.ThresholdMismatch) as error:
            unavailable[kind], first = str(error), first or error
            continue
        documents[kind] = update.document()
        yield joint.weigh(**documents, unavailable=unavailable)
    if not documents:
        raise first


def verdict(source: str | Path | bytes | Picture, **options) -> Joint:
    """The same as `verdict_stream`, whole: only the last `Joint`."""
    found = None
    for update in verdict_stream(source, **options):
        found = update if isinstance(update, Joint) else found
    return found


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
