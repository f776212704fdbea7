"""What decisions rest on, measured and stored: the shared null distribution, a family's figures, Grubbs' thresholds.

The grid test needs no calibration: one null distribution serves every family. `calibrate` checks that a family keeps to
it. The paper's rule does need one: its loss is compared with those of images known to belong.
"""

from __future__ import annotations

import datetime
import functools
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracer.evidence import conformal, store
from tracer.evidence.inversion import decision, grid, inspection
from tracer.evidence.inversion.contrast import Reading
from tracer.evidence.inversion.decision import NullDistribution
from tracer.evidence.inversion.settings import DESCENTS
from tracer.evidence.store import FOLDER, Record, ThresholdMismatch, versions
from tracer.image import samples
from tracer.models import cache, registry

if TYPE_CHECKING:  # the page starts without torch
    from tracer.models.autoencoder import Autoencoder

# Autoencoders as they were published share one null distribution; surrogates, which were trained to answer, another.
KINDS = ("autoencoder", "surrogate")
SIDE = 128  # of the tiles of scikit-image's pictures that stand for photographs where none are given
BUNDLED = "tiles of scikit-image's pictures"


@dataclass(frozen=True)
class Losses:
    """LatentTracer's losses of images that a family made.

    Attributes:
        family: registry id.
        revision: what identifies the weights.
        settings: `settings.Settings.record`.
        scores: smallest loss of each image.
        images: in words, which images they are.
        date: ISO date.
        versions: of the libraries involved.
    """

    family: str
    revision: str
    settings: Record
    scores: tuple[float, ...]
    images: str
    date: str
    versions: dict[str, str] = field(default_factory=dict)

    @functools.cached_property
    def threshold(self) -> float:
        """Grubbs' threshold: the largest loss that is no outlier among them (LatentTracer, section 3.3)."""
        return conformal.grubbs_threshold(np.array(self.scores))

    def p_value(self, loss: float) -> float:
        """Conformal p-value of a loss: a small one means that the image does not belong."""
        return conformal.conformal_p_value(loss, np.array(self.scores))


@dataclass(frozen=True)
class Measured:
    """A family's contrasts: what `calibrate` measures, and the page shows an image among.

    Attributes:
        family: registry id.
        revision: what identifies the weights.
        own: scores of images that the family made.
        null: scores of images that it did not make.
        images: in words, which images they are.
        date: ISO date.
        versions: of the libraries involved.
    """

    family: str
    revision: str
    own: tuple[float, ...]
    null: tuple[float, ...]
    images: str
    date: str
    versions: dict[str, str] = field(default_factory=dict)

    def departs(self, shared: NullDistribution) -> bool:
        """Whether more of the images that the family did not make reach the shared threshold than its error allows.

        One-sided binomial test at 1 %: with 100 images, five or more.
        """
        from scipy import stats

        reached = int((np.array(self.null) >= shared.threshold).sum())
        return bool(stats.binomtest(reached, len(self.null), decision.ALPHA, "greater").pvalue < 0.01)


def reading(row: registry.Family) -> Reading:
    """How the contrasts of a registry row are read."""
    return Reading(row.bands, row.spread, row.answer)


def path_of(family: str, mode: str, folder: Path = FOLDER) -> Path:
    """Where a family's figures for a mode are stored."""
    return folder / f"{family}.{mode}.json"


def save(found: NullDistribution | Losses | Measured, path: Path) -> Path:
    """Store figures as JSON, completely or not at all."""
    return store.save(json.dumps(asdict(found)), path)


def null_path(kind: str, folder: Path = FOLDER) -> Path:
    """Where the null distribution of all families of a kind is stored."""
    return folder / f"null.{kind}.json"


def shared(kind: str = KINDS[0], folder: Path = FOLDER) -> NullDistribution:
    """The null distribution of the grid test that all families of a kind share.

    Raises:
        ThresholdMismatch: it is missing or damaged.
    """
    try:
        return store.load(NullDistribution, null_path(kind, folder))
    except FileNotFoundError as error:
        remedy = "run python -m training.null_distribution"
        raise ThresholdMismatch(f"{null_path(kind, folder).name} is missing: {remedy}") from error


def kind_of(threshold: float, folder: Path = FOLDER) -> str:
    """The kind of `KINDS` whose shared null distribution has a threshold, which results give rounded."""
    return min(KINDS, key=lambda kind: abs(shared(kind, folder).threshold - threshold))


def measured(family: str, revision: str, folder: Path = FOLDER) -> Measured | None:
    """A family's figures, or None where there are none for these weights."""
    try:
        found = store.load(Measured, path_of(family, "grid", folder))
    except (FileNotFoundError, ThresholdMismatch):
        return None
    return found if found.revision == revision else None


def losses(family: str, mode: str, revision: str, folder: Path = FOLDER) -> Losses:
    """The stored losses behind a family's threshold in one of the paper's modes.

    Raises:
        ThresholdMismatch: there are none, or they are of other weights or settings.
    """
    remedy = f"run: python -m tracer calibrate {family} --mode {mode}"
    try:
        found = store.load(Losses, path_of(family, mode, folder))
    except FileNotFoundError as error:
        raise ThresholdMismatch(f"{family} has no threshold for {mode} mode; {remedy}") from error
    if found.revision != revision:
        raise ThresholdMismatch(f"the threshold of {family} was made with other weights; {remedy}")
    if found.settings != DESCENTS[mode].record():
        raise ThresholdMismatch(f"the threshold of {family} was made with other settings; {remedy}")
    return found


def calibrate(
    family: str,
    mode: str = "grid",
    count: int = 100,
    belonging: Path | None = None,
    photographs: Path | None = None,
    out: Path = FOLDER,
    told: Callable[[int], None] = lambda done: None,
) -> tuple[Path, Measured | Losses]:
    """Measure what a family's own images score, and in grid mode what images score that it did not make.

    Args:
        family: registry id.
        mode: "grid", "paper" or "paper-random".
        count: images of each kind.
        belonging: a folder of images that this family made; used as they are.
        photographs: a folder of photographs: they stand for negatives, and sent through the autoencoder, where
            there are no `belonging` ones, for its own. With neither folder, tiles of scikit-image's pictures do.
        out: folder to store the figures in.
        told: called after each image with the number done.

    Returns:
        The stored file, and what is in it.

    Raises:
        KeyError: unknown family or mode.
        ValueError: fewer than 3 images can be read.
        OSError: a folder cannot be read, or `out` not be written; found out before any work is done.
    """
    if mode not in ("grid", *DESCENTS):
        raise KeyError(f"no mode called {mode!r}; there are: grid, {', '.join(DESCENTS)}")
    from tracer.models import autoencoder as models  # torch from here on

    row = registry.family(family)
    out.mkdir(parents=True, exist_ok=True)
    probe = out / f".{os.getpid()}.probe"
    probe.touch()
    probe.unlink()
    model = cache.load(row)
    negatives = list(samples.pictures(photographs, count) if photographs else samples.bundled_photographs(count, SIDE))
    own = list(samples.pictures(belonging, count)) if belonging else list(models.reconstructions(model, negatives))
    if len(own) < 3:
        raise ValueError(f"a calibration needs at least 3 images, not {len(own)}")
    words = (
        "images given as belonging"
        if belonging
        else "reconstructions of " + ("given photographs" if photographs else BUNDLED)
    )
    common = dict(family=family, revision=model.weights_digest, images=words, versions=versions())
    common["date"] = datetime.date.today().isoformat()
    if mode == "grid":
        scores = _scores([*own, *negatives], model, row, told)
        found = Measured(own=scores[: len(own)], null=scores[len(own) :], **common)
    else:
        found = Losses(settings=DESCENTS[mode].record(), scores=_losses(own, model, mode, told), **common)
    return save(found, path_of(family, mode, out)), found


def _scores(
    images: Iterable[np.ndarray], model: Autoencoder, row: registry.Family, told: Callable
) -> tuple[float, ...]:
    code = grid.Reconstruction(model, row.refinements, reading(row))
    lineup = inspection.Lineup({row.id: lambda: code}, {row.id: code.stride}, threshold=float("inf"), search=False)
    found = []
    for image in images:
        found.append(float(f"{inspection.inspect(image, lineup).best:.4g}"))
        told(len(found))
    return tuple(found)


def _losses(images: Iterable[np.ndarray], model: Autoencoder, mode: str, told: Callable) -> tuple[float, ...]:
    from tracer.evidence.inversion import optimization

    found = []
    for image in images:
        found.append(float(f"{optimization.invert(image, model, DESCENTS[mode], control=False).best:.5g}"))
        told(len(found))
    return tuple(found)
