"""A file in, evidence out, as a stream or whole: what the page, the command line and the tests call.

Every kind of evidence is work that takes a context and returns its result; here, and only here, it becomes a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.evidence import store
from tracer.evidence.artifacts import detection
from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.events import Loading, Unavailable
from tracer.evidence.inversion.events import Answered, Stepped
from tracer.evidence.inversion.inspection import Looked, Searched
from tracer.evidence.inversion.settings import MODES
from tracer.evidence.regeneration import comparison, ranking
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.verdict import Trace
from tracer.image import intake
from tracer.image.intake import Picture
from tracer.models import registry
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import SILENT, streamed
from tracer.verdict import after_inversion, combine
from tracer.verdict.after_inversion import Inverted
from tracer.verdict.combine import Joint

if TYPE_CHECKING:
    from tracer.evidence.artifacts.heatmap import Heatmap
    from tracer.evidence.artifacts.published import PublishedArtifacts

LINEUP = registry.LINEUPS[0]  # the line-up that is asked where none is chosen
LARGEST = 4_000_000  # pixels that `reconstruct` decodes in one piece

Source = str | Path | bytes | Picture | None
Traced = Loading | Looked | Searched | Stepped | Answered | Unavailable | Trace
Redrawn = ranking.Captioned | ranking.Drawn | ranking.Withheld | Regeneration


def trace_stream(
    source: Source,
    *,
    lineup: str = LINEUP,
    families: list[str] | None = None,
    autoencoder: Path | None = None,
    mode: str = "grid",
    stop: Callable[[], bool] = SILENT.stop,
) -> Iterator[Traced]:
    """Put an image in front of a line-up and yield what happens; the last event is the `Trace`.

    Args:
        source: a file's path, its bytes, or a picture already read.
        lineup: one of `registry.LINEUPS`; ignored where `families` or `autoencoder` is given.
        families: registry ids to inspect instead of a whole line-up.
        autoencoder: a folder in diffusers layout to inspect instead.
        mode: "grid" (the image against itself, on and off the latent grid), "paper" (LatentTracer's settings) or
            "paper-random" (the same from a random start).
        stop: asked between windows, or steps; once True, the rest is skipped and the trace says so.

    Raises:
        IntakeError: the image cannot be read.
        KeyError: unknown line-up, family or mode.
        ModelUnavailable: not one of the autoencoders can be loaded.
        ThresholdMismatch: no stored threshold of the paper's modes fits any of them.
    """
    if mode not in MODES:
        raise KeyError(f"no mode called {mode!r}; there are: {', '.join(MODES)}")
    rows = [] if autoencoder else _rows(lineup, families)
    picture = _picture(source)
    from tracer.evidence.inversion import trace as inversion  # torch from here on

    yield from streamed(lambda progress: inversion.trace(picture, rows, autoencoder, mode, progress), stop)


def trace(source: Source, **options) -> Trace:
    """The same as `trace_stream`, whole: only the finished `Trace`."""
    return _last(trace_stream(source, **options))


def grid_map(pixels: np.ndarray, family: str, stop: Callable[[], bool] = SILENT.stop) -> Iterator[Looked]:
    """Where in an image one family's decoder drew: its contrasts, window by window. Close it to stop.

    Args:
        pixels: uint8 RGB (height, width, 3), whose latent grid begins at the upper left corner.
        family: registry id.
        stop: asked between windows.

    Raises:
        KeyError: unknown family.
        ModelUnavailable: its autoencoder cannot be loaded.
    """
    row = registry.family(family)
    from tracer.evidence.inversion import closeup
    from tracer.evidence.inversion import trace as inversion  # torch from here on

    load = inversion.code_of(inversion.Suspect.of(row))
    for told in streamed(lambda progress: closeup.everywhere(pixels, family, load, progress), stop):
        if isinstance(told, Looked):
            yield told


def artifacts_stream(
    source: Source,
    *,
    tries: int = detection.TRIES,
    seed: int | None = None,
    stop: Callable[[], bool] = SILENT.stop,
) -> Iterator[detection.Try | Artifacts]:
    """Look for an autoencoder's marks and yield every try; the last event is the `Artifacts`.

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
    from tracer.evidence.artifacts import inspection

    settings, picture = _settings(tries, seed), _picture(source)
    yield from streamed(lambda progress: inspection.inspect(picture, settings, progress), stop)


def _settings(tries: int, seed: int | None) -> detection.Settings:
    if not 1 <= tries <= detection.MOST_TRIES:
        raise ValueError(f"between 1 and {detection.MOST_TRIES} tries, not {tries}")
    placed = {} if seed is None else {"placing": "random", "seed": seed}
    return detection.Settings(tries=tries, **placed)


def artifacts(source: Source, **options) -> Artifacts:
    """The same as `artifacts_stream`, whole: only the finished `Artifacts`."""
    return _last(artifacts_stream(source, **options))


def artifacts_published(
    source: Source, detector: Path, *, tries: int = detection.TRIES, seed: int | None = None
) -> PublishedArtifacts:
    """What one of the authors' published detectors says; there is no threshold for it.

    `inspection.inspect_published` says what may be given, and what goes wrong.
    """
    from tracer.evidence.artifacts import inspection

    return inspection.inspect_published(_picture(source), detector, _settings(tries, seed))


def artifacts_map(source: Source) -> Iterator[Heatmap]:
    """Where in an image the detector sees marks: a map that is drawn piece by piece; close it to stop.

    Raises:
        IntakeError: the image cannot be read.
        ModelUnavailable: the detector is missing or damaged.
    """
    from tracer.evidence.artifacts import heatmap

    picture = _picture(source)
    yield from streamed(lambda progress: heatmap.measure(picture.pixels, detection.load(), progress))


def regenerate_stream(
    source: Source,
    *,
    generators: list[str] | None = None,
    caption: str | None = None,
    candidates: int = ranking.CANDIDATES,
    seed: int = ranking.SEED,
    fused: bool = False,
    encoder: str | None = None,
    budget: float | None = None,
    stop: Callable[[], bool] = SILENT.stop,
) -> Iterator[Inverted | Loading | Unavailable | Redrawn]:
    """Let models draw an image's caption and yield what they draw; the last event is the `Regeneration`.

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
    names = [row.id for row in registry.GENERATORS.values() if row.bundled] if generators is None else generators
    request = comparison.Request(tuple(dict.fromkeys(names)), caption, candidates, seed, encoder)
    if budget is not None:
        ranking.check_time(request.generators, candidates, budget)
    picture = _picture(source)
    work = after_inversion.regenerate if fused else comparison.compare
    yield from streamed(lambda progress: work(picture, request, progress), stop)


def regenerate(source: Source, **options) -> Regeneration:
    """The same as `regenerate_stream`, whole: only the finished result."""
    return _last(regenerate_stream(source, **options))


def verdict_stream(
    source: Source,
    *,
    lineup: str = LINEUP,
    families: list[str] | None = None,
    mode: str = "grid",
    tries: int = detection.TRIES,
    draw: bool = False,
    stop: Callable[[], bool] = SILENT.stop,
) -> Iterator[object]:
    """Ask the detector, then the line-up, then (with `draw`) the generators, and yield what happens.

    Args:
        source, lineup, families, mode: as `trace_stream` takes them.
        tries: crops for the detector.
        draw: whether the models draw the image's caption too, which takes about as many seconds as there are drawings.
        stop: asked between steps; once True, the rest is skipped and the verdict rests on what there is.

    Yields:
        The events of `artifacts_stream`, `trace_stream` and `regenerate_stream`, and a `Joint` after each
        kind of evidence; the last one is the answer.

    Raises:
        IntakeError: the image cannot be read.
        KeyError: unknown line-up, family or mode.
        ModelUnavailable, ThresholdMismatch: there is no evidence of any kind.
    """
    picture = _picture(source)
    kinds = {
        "artifacts": artifacts_stream(picture, tries=tries, stop=stop),
        "inversion": trace_stream(picture, lineup=lineup, families=families, mode=mode, stop=stop),
    }
    if draw:
        kinds["regeneration"] = regenerate_stream(picture, stop=stop)
    results, unavailable, first = {}, {}, None
    for kind, stream in kinds.items():
        if stop() and results:
            break
        event = None
        try:
            for event in stream:
                yield event
        except (ModelUnavailable, store.ThresholdMismatch) as error:
            unavailable[kind], first = str(error), first or error
        else:
            results[kind] = event
        if results:
            yield combine.join(**results, unavailable=unavailable)
    if not results:
        raise first


def verdict(source: Source, **options) -> Joint:
    """The same as `verdict_stream`, whole: only the last `Joint`."""
    return _last(verdict_stream(source, **options))


def reconstruct(family: str, source: Source) -> np.ndarray:
    """An image once through a family's autoencoder: uint8 RGB, cut to the latent grid, otherwise at native size."""
    row = registry.family(family)
    picture = _picture(source)
    if picture.width * picture.height > LARGEST:
        raise ValueError(f"the image has more than {LARGEST // 10**6} megapixels, too many to reconstruct in one piece")
    from tracer.models import autoencoder, cache

    return autoencoder.reconstruct(picture.pixels, cache.load(row))


def _last(stream: Iterator[Any]) -> Any:
    *_, last = stream
    return last


def _picture(source: Source) -> Picture:
    if source is None:
        raise intake.IntakeError("Choose an image first.")
    return source if isinstance(source, Picture) else intake.read(source)


def _rows(name: str, families: list[str] | None) -> list[registry.Family]:
    return [registry.family(each) for each in dict.fromkeys(families)] if families else registry.families(name)
