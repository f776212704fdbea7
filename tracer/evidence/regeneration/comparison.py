"""One image and some models: missing files are downloaded, the models draw its caption, and a verdict is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tracer.evidence import store
from tracer.evidence.events import Loading, Unavailable
from tracer.evidence.regeneration import decision, ranking
from tracer.evidence.regeneration.decision import Regeneration
from tracer.evidence.regeneration.ranking import Captioned, Drawn
from tracer.evidence.verdict import ImageFacts
from tracer.image.intake import IntakeError, Picture
from tracer.models import prompt_filter, registry
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import SILENT, Downloading, Progress
from tracer.models.registry import Reader, Repository


@dataclass(frozen=True)
class Request:
    """What the models are asked.

    Attributes:
        generators: registry ids of those that draw.
        caption: what to draw; None for the captioner's words for the image.
        candidates: drawings per model, 1 to `ranking.MOST`.
        seed: of every model's first drawing; the next ones count up.
        encoder: image encoder of the registry; None for ViT-B-32 where a full-size model draws, else the bundled one.
        alone: whether other evidence says that one of these models made the image.
    """

    generators: tuple[str, ...]
    caption: str | None = None
    candidates: int = ranking.CANDIDATES
    seed: int = ranking.SEED
    encoder: str | None = None
    alone: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError or KeyError where something is out of range or unknown, and Blocked for its caption."""
        for name in self.generators:
            registry.generator(name)
        if not self.generators:
            raise ValueError("no model was chosen")
        if not 1 <= self.candidates <= ranking.MOST:
            raise ValueError(f"between 1 and {ranking.MOST} drawings per model, not {self.candidates}")
        if self.caption is not None and not 0 < len(self.caption.strip()) <= ranking.LONGEST_CAPTION:
            raise ValueError(f"a caption has between 1 and {ranking.LONGEST_CAPTION} characters")
        prompt_filter.check(self.caption or "")
        if self.encoder:
            registry.reader(self.encoder, "encoder")


def compare(picture: Picture, request: Request, progress: Progress = SILENT) -> Regeneration:
    """Let models draw an image's caption, and rank them by how like the image their drawings are.

    Args:
        picture: the image.
        request: who draws what, and how often.
        progress: told `Loading`, `Unavailable`, `Captioned`, `Drawn` and `Withheld`; asked whether to go on between
            drawings.

    Raises:
        IntakeError: the captioner finds no words for the image.
        Blocked: the inferred caption is one that is never drawn.
        ModelUnavailable: not one of the models can be had.
        ThresholdMismatch: the stored similarities were measured with other weights.
    """
    names, failed = _at_hand(request.generators, progress)
    large = any(not registry.generator(name).bundled for name in names)
    reader, writer = None, None
    if request.encoder or large:
        reader = registry.reader(request.encoder or ranking.ENCODER, "encoder")
    null = None if reader else ranking.null_distribution_for(names, request.candidates, alone=request.alone)
    if reader:
        reader = _fetched(reader, progress)
    caption = request.caption
    if caption is None:
        writer = _fetched(registry.reader(ranking.CAPTIONER, "captioner"), progress) if large else None
        caption = _captioned(picture, writer)
    progress.emit(Captioned(caption, request.caption is None))
    try:
        asked = picture.pixels, caption, names, request.candidates, request.seed
        made = ranking.draw(*asked, reader, progress)
    finally:
        if large:
            from tracer.models import pipelines

            pipelines.release()  # gigabytes that the next run may need for something else
    withheld = Counter(each.generator for each in made if not isinstance(each, Drawn))
    ranked = ranking.rank([each for each in made if isinstance(each, Drawn)], null)
    stopped = len(made) < request.candidates * len(names)
    return Regeneration(
        image=ImageFacts.of(picture),
        caption=caption,
        inferred=request.caption is None,
        seed=request.seed,
        ranking=tuple(ranked),
        verdict=decision.decide(ranked, null, caption, stopped),
        versions=store.versions(),
        withheld=dict(withheld) or None,
        unavailable={name: str(error) for name, error in failed.items()} or None,
        models={"captioner": writer.id if writer else None, "encoder": reader.id} if reader else None,
    )


def _captioned(picture: Picture, writer: Reader | None) -> str:
    from tracer.models import captioning

    caption = captioning.caption(picture.pixels, writer)[: ranking.LONGEST_CAPTION]
    prompt_filter.check(caption)
    if not caption:
        raise IntakeError("The captioner finds no words for this picture; give a caption.")
    return caption


def _at_hand(names: Sequence[str], progress: Progress) -> tuple[list[str], dict[str, ModelUnavailable]]:
    """Download full-size models that are not here; return those that can draw, and why the others cannot.

    Raises:
        ModelUnavailable: not one of the models can, or it was stopped.
    """
    left, failed = [], {}
    for name in names:
        row = registry.generator(name)
        try:
            if not row.bundled:
                from tracer.models import pipelines

                pipelines.check(row)
                for part in row.repositories:
                    _fetch(name, part, progress)
        except ModelUnavailable as error:
            if error.kind == "stopped":
                raise
            failed[name] = error
            progress.emit(Unavailable(name, str(error)))
        else:
            left.append(name)
    if not left:
        raise next(iter(failed.values()))
    return left, failed


def _fetched(row: Reader, progress: Progress) -> Reader:
    """Download a captioner or encoder that is not here; return the row that was taken."""
    try:
        _fetch(row.id, row.repository, progress)
    except ModelUnavailable as error:
        if not row.instead or error.kind != "missing":
            raise
        return _fetched(registry.READERS[row.instead], progress)
    return row


def _fetch(name: str, repository: Repository, progress: Progress) -> None:
    from tracer.models import hub

    def told(each: Downloading) -> None:
        progress.emit(Loading(name, each.done, each.total))

    hub.fetch(repository, Progress(progress.stop, told))
