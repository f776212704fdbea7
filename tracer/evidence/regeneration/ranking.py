"""Evidence 3, prompt regeneration (arXiv 2403.01489): which model, given the caption, draws what is most like it?

The image is captioned; every candidate model draws the caption several times; the models are ranked by the mean cosine
similarity between the image's embedding and those of what they drew. A ranking always has a first place, so it becomes
an answer only where two stored distributions allow it: the winner's similarities to images of its own (does it explain
the image at all?) and the margins by which it came first on others' images (is this lead more than noise?).
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tracer.evidence.regeneration import null_distribution as stored
from tracer.evidence.regeneration.null_distribution import ALPHA_FIT, NOBODY, Among
from tracer.evidence.verdict import Verdict, listed
from tracer.models import registry

CANDIDATES = 4  # gamma in the paper
MOST = 16
SEED = 1000  # of the first candidate: not one that `generate` starts from, or an image would meet itself
LONGEST_CAPTION = 200  # characters
KEPT = 64  # drawings of full-size models, of up to 3 MB
CAPTIONER, ENCODER = "blip-base", "vit-b-32"  # where full-size models draw
OTHERWISE = "pictures that no model drew"
ALPHA_LEAD = 0.05  # share of any maker's images on which a wrong model may explain the image and lead by as much


@dataclass(frozen=True)
class Drawn:
    """One candidate.

    Attributes:
        generator: who drew it.
        seed: from which noise.
        image: uint8 RGB (height, width, 3).
        similarity: cosine of its embedding and the inspected image's, in [-1, 1].
        structural: structural similarity (SSIM) of the two at the candidate's size, in [-1, 1]; the paper's comparison.
    """

    generator: str
    seed: int
    image: np.ndarray
    similarity: float
    structural: float


@dataclass(frozen=True)
class Withheld:
    """A candidate that the model's own safety checker did not show; it is not scored."""

    generator: str
    seed: int


@dataclass(frozen=True)
class Captioned:
    """What the models are asked to draw, and whether the captioner wrote it."""

    caption: str
    inferred: bool


@dataclass(frozen=True)
class Ranked:
    """One model's place.

    Attributes:
        generator, family: who, and with which autoencoder.
        similarity: mean cosine similarity of its candidates.
        spread: standard deviation of the candidates' similarities; 0 for one candidate.
        structural: mean SSIM.
        candidates: how many drawings this rests on.
        p_value: share of this model's own images (conformal) that are as unlike its candidates as this one; None
            where no distribution is stored for it.
    """

    generator: str
    family: str
    similarity: float
    spread: float
    structural: float
    candidates: int
    p_value: float | None


@functools.lru_cache(maxsize=512)
def candidate(generator: str, caption: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A bundled model's drawing and its embedding, (height, width, 3) uint8 and (d,) float32; drawn once and kept."""
    from tracer.models import captioning
    from tracer.models import generators as generation

    (image,) = generation.generate(generator, caption, [seed])
    return image, captioning.embed_images([image])[0].numpy()


_large: OrderedDict[tuple[str, str, int], np.ndarray | None] = OrderedDict()  # of full-size models; None: withheld


def _drawing(generator: str, caption: str, seed: int, stop: Callable[[], bool]) -> np.ndarray | None:
    """A full-size model's drawing, drawn once and kept; None where its safety checker withheld it."""
    from tracer.models import generators as generation
    from tracer.models import pipelines

    key = generator, caption, seed
    if key not in _large:
        try:
            (_large[key],) = generation.generate(generator, caption, [seed], stop=stop)
        except pipelines.Withheld:
            _large[key] = None
        while len(_large) > KEPT:
            _large.popitem(last=False)
    return _large[key]


def seconds(generators: Sequence[str], count: int) -> float:
    """How long some models will take on this machine, estimated from the counted work and the measured speed.

    Downloads and the reading of weights come on top; what was drawn before is not drawn again.
    """
    from tracer.models import device

    return device.drawing_seconds([registry.generator(name) for name in generators], count)


def check_time(generators: Sequence[str], count: int, budget: float) -> float:
    """Refuse a run that cannot finish in time; returns the estimate.

    Args:
        generators: registry ids.
        count: drawings per model.
        budget: seconds that the run may take.

    Raises:
        OverBudget: the estimate is longer than that.
    """
    needed = seconds(generators, count)
    if needed > budget:
        what = (
            f"{count * len(generators)} drawings by {listed([registry.generator(name).title for name in generators])}"
        )
        most = f"a run may take {span(budget)}: choose fewer drawings or models"
        raise OverBudget(f"{what} take {span(needed)} on this machine, and {most}")
    return needed


class OverBudget(ValueError):
    """A run that cannot finish in its time; the message names the estimate and the budget."""


def span(seconds: float) -> str:
    """A time in words, as rough as an estimate is."""
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def structural(image: np.ndarray, drawn: np.ndarray) -> float:
    """SSIM of an image and a candidate, the image scaled to the candidate's size; in [-1, 1]."""
    from PIL import Image
    from skimage.metrics import structural_similarity

    height, width = drawn.shape[:2]
    scaled = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))
    return float(structural_similarity(scaled, drawn, channel_axis=2, data_range=255))


def candidates(
    image: np.ndarray,
    caption: str,
    generators: Sequence[str],
    count: int,
    seed: int,
    encoder: registry.Reader | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Drawn | Withheld]:
    """Let every model draw `count` times: the bundled ones in turns, so that early results already compare all of them.

    Full-size ones draw one after the other, since only one of them is in memory at a time.

    Args:
        image: the inspected image, uint8 RGB.
        caption: what to draw.
        generators: registry ids.
        count: drawings per model, 1 to `MOST`.
        seed: seed of the first drawing; the next ones count up.
        encoder: an image encoder from the Hub instead of the bundled one.
        stop: asked between the steps of a full-size model; once True, no more is drawn.
    """
    from tracer.models import captioning, pipelines

    target = captioning.embed_images([image], encoder)[0].numpy()
    seeds, small = range(seed, seed + count), [name for name in generators if registry.generator(name).bundled]
    order = [(name, number) for number in seeds for name in small]
    order += [(name, number) for name in generators if name not in small for number in seeds]
    for generator, number in order:
        if generator in small and encoder is None:
            drawn, embedding = candidate(generator, caption, number)
        else:
            try:
                drawn = (
                    candidate(generator, caption, number)[0]
                    if generator in small
                    else _drawing(generator, caption, number, stop)
                )
            except pipelines.Stopped:
                return
            if drawn is None:
                yield Withheld(generator, number)
                continue
            embedding = captioning.embed_images([drawn], encoder)[0].numpy()
        yield Drawn(generator, number, drawn, float(target @ embedding), structural(image, drawn))


def reference_for(generators: Sequence[str], count: int, alone: bool = False) -> Among | None:
    """The stored distributions for some models and a number of drawings; None where there are none.

    Args:
        generators: the models that are compared.
        count: drawings per model.
        alone: whether other evidence says that one of them made the image.

    Raises:
        ThresholdMismatch: they were measured with other weights.
    """
    reference = stored.load(generators)
    if reference is None:
        return None
    ruled_out = set(reference.makers) - set(generators) if alone else ()
    return reference.within(generators, count, ruled_out)


def rank(drawn: Sequence[Drawn], reference: Among | None) -> list[Ranked]:
    """The models by mean similarity, best first."""
    rows = []
    for name in dict.fromkeys(each.generator for each in drawn):
        mine = [each for each in drawn if each.generator == name]
        similarities = np.array([each.similarity for each in mine])
        rows.append(
            Ranked(
                generator=name,
                family=registry.generator(name).family,
                similarity=float(similarities.mean()),
                spread=float(similarities.std(ddof=1)) if len(mine) > 1 else 0.0,
                structural=float(np.mean([each.structural for each in mine])),
                candidates=len(mine),
                p_value=reference.fit(name, float(similarities.mean())) if reference else None,
            )
        )
    return sorted(rows, key=lambda row: row.similarity, reverse=True)


def judge(ranking: Sequence[Ranked], reference: Among | None, caption: str, stopped: bool = False) -> Verdict:
    """The ranking as a verdict: a model is named only where it explains the image and leads by more than noise."""
    if not ranking:
        what = "Stopped before anything was drawn." if stopped else "Nothing was drawn that could be compared."
        return Verdict("undecided", (), (), what)
    best, rest = ranking[0], ranking[1:]
    basis = f"{best.candidates} drawing{'s' if best.candidates > 1 else ''} of “{caption}” each"
    if stopped:
        return Verdict("undecided", (), (), f"Stopped early; so far {best.generator} comes closest, from {basis}.")
    if reference is None:
        foreign = [row.generator for row in ranking if not registry.generator(row.generator).bundled]
        why = "no similarities are stored for this choice of models"
        if foreign:
            why = f"{listed(foreign)} {'is' if len(foreign) == 1 else 'are'} not calibrated here"
        return Verdict("undecided", (), (), f"{best.generator} comes closest, but {why}, so nothing is decided.")
    close = [row.generator for row in ranking if (row.p_value or 0) >= ALPHA_FIT]
    if not close:
        who = f"None of the {len(ranking)} models draws" if rest else f"{best.generator} does not draw"
        return Verdict("none", (), (), f"{who} anything this much like the image, from {basis}.")
    margin = best.similarity - rest[0].similarity if rest else 0.0
    chance, maker = reference.chance(best.generator, margin)
    if best.generator in close and reference.chance(best.generator, margin, drawn=True)[0] <= ALPHA_LEAD < chance:
        why = f"if a model among these drew it, {best.generator} did, but {chance:.0%} of {OTHERWISE} lead as clearly"
        return Verdict("undecided", (best.family,), (best.generator,), f"Undecided: {why}, from {basis}.")
    if best.generator not in close or chance > ALPHA_LEAD:
        families = tuple(dict.fromkeys(registry.generator(name).family for name in close))
        if best.generator not in close:
            why = f"{best.generator} comes closest, but less close than to its own pictures"
        elif len(close) > 1:
            why = f"{listed(close[:3])} come about equally close"
        else:
            whose = OTHERWISE if maker == NOBODY else f"pictures by {maker}"
            why = f"{best.generator} comes close, but as close on {chance:.0%} of {whose}"
        return Verdict("undecided", families, tuple(close), f"Undecided: {why}, from {basis}.")
    others = f", clearly ahead of the {len(rest)} other{'s' if len(rest) > 1 else ''}" if rest else ""
    sentence = f"Most like what {best.generator} draws{others}, from {basis}."
    return Verdict("family", (best.family,), (best.generator,), sentence)


@dataclass(frozen=True)
class Regeneration:
    """Everything that regeneration says about one image; `document()` is the command line's JSON.

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

    image: dict[str, Any]
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

    def document(self) -> dict[str, Any]:
        """A JSON document, as the README describes it; what does not apply is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}
