"""Evidence 3, prompt regeneration (arXiv 2403.01489): which model, given the caption, draws what is most like it?

The image is captioned. Every model draws the caption several times. The models are ranked by the mean cosine similarity
between the embedding of the image and the embeddings of their drawings. A ranking always has a first place. It becomes
an answer (`decision.py`) only where two stored distributions allow it: the similarities of the first model to images of
its own, and the leads that wrong models have on negatives.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tracer.evidence.regeneration import null_distribution as stored
from tracer.evidence.regeneration.null_distribution import Among
from tracer.evidence.verdict import listed
from tracer.models import registry
from tracer.models.progress import SILENT, Progress

CANDIDATES = 4  # gamma in the paper
MOST = 16
SEED = 1000  # of the first candidate: not one that `generate` starts from, or an image would meet itself
LONGEST_CAPTION = 200  # characters
KEPT = 64  # drawings of full-size models, of up to 3 MB
CAPTIONER, ENCODER = "blip-base", "vit-b-32"  # where full-size models draw


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
    """SSIM (Wang et al. 2004) of an image and a candidate, in [-1, 1], at the candidate's size.

    Args:
        image: uint8 RGB (height, width, 3); it is scaled.
        drawn: uint8 RGB, of another size.
    """
    from PIL import Image
    from skimage.metrics import structural_similarity

    height, width = drawn.shape[:2]
    scaled = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))
    return float(structural_similarity(scaled, drawn, channel_axis=2, data_range=255))


def draw(
    image: np.ndarray,
    caption: str,
    generators: Sequence[str],
    count: int,
    seed: int,
    encoder: registry.Reader | None = None,
    progress: Progress = SILENT,
) -> list[Drawn | Withheld]:
    """Let every model draw `count` times.

    Bundled models draw in turns, so that early results already compare all of them. Full-size models draw one after the
    other, since only one of them is in memory at a time.

    Args:
        image: the inspected image, uint8 RGB.
        caption: what to draw.
        generators: registry ids.
        count: drawings per model, 1 to `MOST`.
        seed: seed of the first drawing; the next ones count up.
        encoder: an image encoder from the Hub instead of the bundled one.
        progress: told every `Drawn` and `Withheld`; asked whether to stop after each, and between the steps of a
            full-size model.
    """
    from tracer.models import captioning, pipelines

    target = captioning.embed_images([image], encoder)[0].numpy()
    seeds, small = range(seed, seed + count), [name for name in generators if registry.generator(name).bundled]
    order = [(name, number) for number in seeds for name in small]
    order += [(name, number) for name in generators if name not in small for number in seeds]
    found: list[Drawn | Withheld] = []
    for generator, number in order:
        try:
            drawn, embedding = _candidate(generator, caption, number, encoder, progress)
        except pipelines.Stopped:
            break
        if drawn is None:
            found.append(Withheld(generator, number))
        else:
            found.append(Drawn(generator, number, drawn, float(target @ embedding), structural(image, drawn)))
        progress.emit(found[-1])
        if progress.stop():
            break
    return found


def _candidate(
    generator: str, caption: str, seed: int, encoder: registry.Reader | None, progress: Progress
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """A drawing and its embedding; None where a safety checker withheld it. Raises `pipelines.Stopped`."""
    from tracer.models import captioning

    bundled = registry.generator(generator).bundled
    if bundled and encoder is None:
        return candidate(generator, caption, seed)
    drawn = candidate(generator, caption, seed)[0] if bundled else _drawing(generator, caption, seed, progress.stop)
    return (None, None) if drawn is None else (drawn, captioning.embed_images([drawn], encoder)[0].numpy())


def null_distribution_for(generators: Sequence[str], count: int, alone: bool = False) -> Among | None:
    """The stored distributions for some models and a number of drawings; None where there are none.

    Args:
        generators: the models that are compared.
        count: drawings per model.
        alone: whether other evidence says that one of them made the image.

    Raises:
        ThresholdMismatch: they were measured with other weights.
    """
    null = stored.load(generators)
    if null is None:
        return None
    ruled_out = set(null.makers) - set(generators) if alone else ()
    return null.within(generators, count, ruled_out)


def rank(drawn: Sequence[Drawn], null: Among | None) -> list[Ranked]:
    """The models by mean similarity, best first.

    Args:
        drawn: the candidates of all models.
        null: gives p-values; None where no distribution is stored for these models.
    """
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
                p_value=null.fit(name, float(similarities.mean())) if null else None,
            )
        )
    return sorted(rows, key=lambda row: row.similarity, reverse=True)
