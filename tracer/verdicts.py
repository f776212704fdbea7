"""One image, one verdict: the kinds of evidence one after another, the cheap ones first, as a stream or whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tracer import api, intake, joint
from tracer import artifacts as marks
from tracer.calibration import ThresholdMismatch
from tracer.faults import ModelUnavailable
from tracer.intake import Picture
from tracer.joint import Joint


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
        The updates of `api.artifacts_stream`, `api.trace_stream` and `api.regenerate_stream`, and a `Joint` after each
        kind of evidence; the last one is the answer.

    Raises:
        IntakeError: the image cannot be read.
        KeyError: unknown line-up, family or mode.
        ModelUnavailable, ThresholdMismatch: there is no evidence of any kind.
    """
    picture = source if isinstance(source, Picture) else intake.read(source)
    kinds = {
        "artifacts": lambda: api.artifacts_stream(picture, tries=tries, stop=stop),
        "inversion": lambda: api.trace_stream(picture, lineup=lineup, families=families, mode=mode, stop=stop),
    }
    if draw:
        kinds["regeneration"] = lambda: api.regenerate_stream(picture, stop=stop)
    documents, unavailable, first = {}, {}, None
    for kind, stream in kinds.items():
        if stop() and documents:
            break
        update = None
        try:
            for update in stream():
                yield update
        except (ModelUnavailable, ThresholdMismatch) as error:
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
