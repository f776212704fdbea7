"""How a ranking becomes an answer, and when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tracer.evidence.reasons import Reason
from tracer.evidence.regeneration.null_distribution import ALPHA_FIT, Among
from tracer.evidence.regeneration.ranking import Ranked
from tracer.evidence.verdict import ImageFacts, Verdict
from tracer.models import registry

ALPHA_LEAD = 0.05  # share of any maker's images on which a wrong model may explain the image and lead by as much


def decide(ranking: Sequence[Ranked], null: Among | None, caption: str, stopped: bool = False) -> Verdict:
    """The ranking as a verdict. A model is named where it explains the image and leads by more than chance.

    Args:
        ranking: the models, best first.
        null: the distributions for these models; None where none are stored.
        caption: what was drawn.
        stopped: whether the run was cancelled.
    """
    if not ranking:
        reason = Reason.STOPPED_BEFORE_DRAWING if stopped else Reason.NOTHING_DRAWN
        return Verdict("undecided", reason, stopped=stopped)
    best, rest = ranking[0], ranking[1:]
    basis = {"best": best.generator, "candidates": best.candidates, "caption": caption}
    if stopped:
        return Verdict("undecided", Reason.DRAWING_STOPPED, details=basis, stopped=True)
    if null is None:
        foreign = tuple(row.generator for row in ranking if not registry.generator(row.generator).bundled)
        return Verdict("undecided", Reason.MODELS_NOT_CALIBRATED, details={**basis, "foreign": foreign})
    close = tuple(row.generator for row in ranking if (row.p_value or 0) >= ALPHA_FIT)
    if not close:
        return Verdict("none", Reason.NONE_DRAWS_ALIKE, details={**basis, "models": len(ranking)})
    margin = best.similarity - rest[0].similarity if rest else 0.0
    chance, maker = null.chance(best.generator, margin)
    alone = (best.family,), (best.generator,)
    if best.generator in close and chance <= ALPHA_LEAD:
        return Verdict("family", Reason.DRAWN_MOST_ALIKE, *alone, {**basis, "others": len(rest)})
    if best.generator in close and null.chance(best.generator, margin, drawn=True)[0] <= ALPHA_LEAD:
        return Verdict("undecided", Reason.LEAD_NEEDS_A_MODEL, *alone, {**basis, "chance": chance})
    families = tuple(dict.fromkeys(registry.generator(name).family for name in close))
    if best.generator not in close:
        return Verdict("undecided", Reason.LESS_ALIKE_THAN_USUAL, families, close, basis)
    if len(close) > 1:
        return Verdict("undecided", Reason.SEVERAL_DRAW_ALIKE, families, close, {**basis, "close": close[:3]})
    details = {**basis, "chance": chance, "maker": maker}
    return Verdict("undecided", Reason.LEAD_BY_CHANCE, families, close, details)


@dataclass(frozen=True)
class Regeneration:
    """Everything that regeneration says about one image.

    Attributes:
        image: what the result says about the file.
        caption, inferred: what was drawn, and whether the captioner wrote it.
        seed: of every model's first drawing.
        ranking: best first.
        verdict: the answer; the joint one of both kinds of evidence where inversion was asked too.
        versions: of the libraries involved.
        inversion: what inversion said, where it was asked first.
        withheld: per model how many drawings its safety checker withheld, where it did; they are not scored.
        unavailable: per model why it could not draw, where one could not.
        models: where full-size models were asked, the captioner (None if the caption was given) and the encoder.
    """

    image: ImageFacts
    caption: str
    inferred: bool
    seed: int
    ranking: tuple[Ranked, ...]
    verdict: Verdict
    versions: dict[str, str]
    inversion: Verdict | None = None
    withheld: dict[str, int] | None = None
    unavailable: dict[str, str] | None = None
    models: dict[str, str | None] | None = None

    @property
    def by_drawings(self) -> Verdict:
        """What the drawings say by themselves, without inversion."""
        return self.verdict.rests_on[-1] if self.inversion and self.verdict.rests_on else self.verdict

    def document(self) -> dict[str, Any]:
        """As JSON values, without sentences (`wording.document` adds them); what does not apply is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}
