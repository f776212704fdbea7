"""The null distribution of evidence 3: how alike a model's drawings are to its own pictures, and to negatives.

Similarities are stored as they were measured, one row per inspected image. The distribution for any choice of models,
and for any smaller number of drawings, follows from the same rows without a new measurement.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tracer.evidence import store
from tracer.evidence.store import ThresholdMismatch
from tracer.models import registry

FILE = store.FOLDER / "regeneration.json"
ALPHA_FIT = 0.02  # share of a model's own images that may be called unexplained
NOBODY = ""  # the maker of pictures that no generator drew
COMMAND = "python -m tracer calibrate regeneration"


@dataclass(frozen=True)
class NullDistribution:
    """Similarities that were measured on images of known makers.

    Attributes:
        revisions: what identifies the weights of every model that took part, captioner and image-text encoder included.
        generators: registry ids, in the order of the columns.
        makers: who drew each image, or `NOBODY`.
        similarities: per image and generator the cosine similarity of each candidate, in the order of drawing.
        images, date, versions: which images, when, with what.
    """

    revisions: dict[str, str]
    generators: tuple[str, ...]
    makers: tuple[str, ...]
    similarities: tuple[tuple[tuple[float, ...], ...], ...]
    images: str
    date: str
    versions: dict[str, str]

    @property
    def candidates(self) -> int:
        """Drawings per model and image."""
        return len(self.similarities[0][0])

    def within(self, generators: Sequence[str], count: int, ruled_out: Collection[str] = ()) -> Among | None:
        """The distributions for some of the models and some of the drawings; None where a model was not measured.

        Args:
            generators: the models that are compared.
            count: drawings per model; where fewer were measured, all that there are. More drawings only narrow the
                spread of a mean, so the p-values then err on the side of abstaining.
            ruled_out: makers that cannot have made the image, because other evidence says so. Everybody else may have,
                also those who are not compared.
        """
        if not set(generators) <= set(self.generators):
            return None
        columns = [self.generators.index(name) for name in generators]
        means = np.array(self.similarities)[:, columns, :count].mean(axis=2)
        makers = np.array(self.makers)
        own = {name: means[makers == name, column] for column, name in enumerate(generators)}
        negatives = {
            maker: _wrong(means[makers == maker], generators, maker, own)
            for maker in dict.fromkeys(self.makers)
            if maker not in ruled_out
        }
        return Among(own, negatives)


@dataclass(frozen=True)
class Among:
    """A `NullDistribution` for one choice of models.

    Attributes:
        own: per model the mean similarities of images of its own.
        negatives: per maker, and for each of its images: by how much the best of the models that did not make it leads
            all others (negative where its maker is ahead), and the conformal p-value of its similarity.
    """

    own: dict[str, np.ndarray]
    negatives: dict[str, tuple[np.ndarray, np.ndarray]]

    def fit(self, generator: str, similarity: float) -> float:
        """Conformal p-value of a similarity among those of the model's own images: small if it is unlike them."""
        return float(_rank(self.own[generator], similarity))

    def usual(self, generator: str) -> tuple[float, float]:
        """Between what similarities the middle nine tenths of the model's own images lie."""
        low, high = np.quantile(self.own[generator], (0.05, 0.95))
        return float(low), float(high)

    def chance(self, generator: str, margin: float, drawn: bool = False) -> tuple[float, str]:
        """How often a wrong model explains an image and leads by as much, on images of the maker where that is worst.

        Every possible maker is taken apart: an average would let the errors on one maker hide behind the rest. Any
        wrong model counts. So the share of images that get a wrong name is what is bounded.

        Args:
            generator: the model that is ahead.
            margin: by how much.
            drawn: take for granted that one of the models drew the image.

        Returns:
            The largest of the conformal p-values, and that maker; (0, "") where there is no other maker.
        """
        found = {
            maker: float((1 + (leads[fits >= ALPHA_FIT] >= margin).sum()) / (len(leads) + 1))
            for maker, (leads, fits) in self.negatives.items()
            if maker != generator and not (drawn and maker == NOBODY)
        }
        maker = max(found, key=found.get, default=NOBODY)
        return found.get(maker, 0.0), maker


def _rank(own: np.ndarray, similarity: np.ndarray | float) -> np.ndarray:
    """Conformal p-values of similarities among those of a model's own images."""
    return (1 + np.searchsorted(np.sort(own), similarity, "right")) / (len(own) + 1)


def _wrong(
    means: np.ndarray, generators: Sequence[str], maker: str, own: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The best of the models that did not make some images: by how much it leads, and how well it fits, (images,)."""
    wrong = [column for column, name in enumerate(generators) if name != maker]
    if not wrong:
        return np.full(len(means), -np.inf), np.zeros(len(means))
    best = np.array(wrong)[means[:, wrong].argmax(axis=1)]
    rows = np.arange(len(means))
    winners = means[rows, best]
    rivals = means.copy()
    rivals[rows, best] = -np.inf
    leads = winners - rivals.max(axis=1) if means.shape[1] > 1 else np.full(len(means), np.inf)
    fits = np.array([_rank(own[generators[column]], value) for column, value in zip(best, winners, strict=True)])
    return leads, fits


def revisions(generators: Sequence[str]) -> dict[str, str]:
    """What identifies the models that similarities rest on: a hash over the weights of each."""
    found = {"captioner": _digest(registry.MINIS / "captioner"), "matcher": _digest(registry.MINIS / "matcher")}
    for name in generators:
        row = registry.generator(name)
        family = registry.family(row.family)
        found[name] = _digest(Path(row.source), Path(family.source) / family.subfolder)
    return found


def _digest(*folders: Path) -> str:
    files = [file for folder in folders for file in sorted(folder.rglob("*.safetensors"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + _hash(file, file.stat().st_mtime_ns).encode())
    return f"sha256:{digest.hexdigest()[:16]}"


@functools.lru_cache(maxsize=64)
def _hash(file: Path, changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def load(generators: Sequence[str], file: Path = FILE) -> NullDistribution | None:
    """The stored null distribution where it covers some models; None where none is stored, or not for them.

    Raises:
        ThresholdMismatch: it was measured with other weights, or is damaged.
    """
    try:
        null = store.load(NullDistribution, file)
    except FileNotFoundError:
        return None
    if not set(generators) <= set(null.generators):
        return None
    if any(null.revisions.get(name) != now for name, now in revisions(generators).items()):
        raise ThresholdMismatch(f"the stored similarities were measured with other weights; run: {COMMAND}")
    return null


def save(null: NullDistribution, file: Path = FILE) -> Path:
    """Store a null distribution as JSON, completely or not at all."""
    return store.save(json.dumps(asdict(null)), file)
