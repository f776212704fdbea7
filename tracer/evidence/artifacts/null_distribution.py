"""What evidence 2 is judged by: stored scores of photographs that nothing was trained on, and of their reconstructions.

Thresholds come from the photographs alone (split conformal prediction); the probability is a logistic curve through
both (Platt 1999). A score is a mean over tries, and a small image allows only one small try, so both are worked out for
the number and size of the tries that were made.
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from tracer.evidence import store
from tracer.evidence.conditions import JPEG_LEVELS, LOSSLESS
from tracer.evidence.conformal import conformal_interval, conformal_p_value, conformal_threshold
from tracer.evidence.store import FOLDER, Record, ThresholdMismatch

LEVELS = (0.001, 0.01, 0.05)  # false-positive rates
DECISION = 0.01  # the one that the answer rests on
WEBP, SOFT = "webp", "soft"
CONDITIONS = (LOSSLESS, *(f"jpeg-{level}" for level in JPEG_LEVELS), WEBP, SOFT)
SMALL = (128, 96)  # pixels a side of small images that have scores of their own
POWER = 0.5  # share of reconstructions that has to be found before "no marks" means anything
MISTAKEN = 0.1  # share of photographs taken for decoded ones at which a group of softened images is given up
GROUPS = 10  # of equal size, by sharpness, in which that is looked at
COMMAND = "python -m tracer calibrate artifacts --photographs DIR"


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of photographs and reconstructions, all looked at in the same way.

    Attributes:
        negative: of photographs, (n,).
        positive: of reconstructions, (m,).
        kinds: per photograph, the name of the folder it came from.
    """

    negative: np.ndarray
    positive: np.ndarray
    kinds: np.ndarray

    @functools.lru_cache(maxsize=8)  # noqa: B019 - few of them, and they live as long as the process
    def threshold(self, level: float) -> float | None:
        """The score that at most a share `level` of photographs exceeds; None where there are too few to know it.

        It holds for all photographs together and for every folder of them that is large enough by itself, so that a
        kind of photograph that is easily mistaken does not hide among many others; a lower rate never has a lower
        threshold.
        """
        if not _enough(len(self.negative), level):
            return None
        groups = [self.negative, *(self.negative[self.kinds == kind] for kind in np.unique(self.kinds))]
        above = [each for each in LEVELS if each >= level]
        return max(conformal_threshold(group, each) for group in groups for each in above if _enough(len(group), each))

    def interval(self, level: float) -> tuple[float, float] | None:
        """95 % interval of the share of photographs that a threshold lets through; None where there is none.

        It is that of the rank that all photographs together ask for; a folder that asks for a higher threshold makes
        the share smaller.
        """
        count = len(self.negative)
        return conformal_interval(count, level) if _enough(count, level) else None

    @property
    def level(self) -> float:
        """The false-positive rate of the answer: `DECISION`, or the next higher one where there are few photographs."""
        return next(level for level in LEVELS if level >= DECISION and _enough(len(self.negative), level))

    @property
    def edge(self) -> float:
        """The threshold of the answer."""
        return self.threshold(self.level)

    @property
    def found(self) -> float:
        """Share of the reconstructions that lie above the threshold of the answer."""
        return float(np.mean(self.positive > self.edge))

    def decide(self, score: float) -> bool | None:
        """Whether an autoencoder was involved; None between the thresholds of the answer and of the highest rate."""
        if score > self.edge:
            return True
        return None if score > self.threshold(LEVELS[-1]) else False

    def p_value(self, score: float) -> float:
        """(1 + photographs that score at least as high) / (N + 1)."""
        return conformal_p_value(score, self.negative)

    def probability(self, score: float | np.ndarray) -> float | np.ndarray:
        """Probability that an image with this score is a reconstruction, if half of all images were."""
        slope, offset = self.curve
        return 1 / (1 + np.exp(-np.clip(slope * score + offset, -50, 50)))

    @functools.cached_property
    def curve(self) -> tuple[float, float]:
        """Slope and offset of the logistic curve that turns scores into probabilities."""
        return platt(self.negative, self.positive)


@dataclass(frozen=True, eq=False)
class NullDistribution:
    """Everything stored about one condition.

    Attributes:
        detector: what identifies its weights.
        settings: what the scores depend on, as plain JSON values; "side" among them.
        condition: what was done to the images: "lossless", "jpeg-85", "webp" (various qualities), or "soft" (enlarged
            or blurred by various amounts).
        photographs: logits of the tries of each photograph, in the order in which tries are made.
        reconstructions: the same of each reconstruction.
        small: per side in pixels, the logits of central crops of the photographs and of the reconstructions.
        kinds: per photograph, the name of the folder it came from.
        makers: per reconstruction, the autoencoder.
        sharpness: of the photographs and of the reconstructions (`detection.sharpness`).
        spectrum: of the photographs: tenth, fiftieth and ninetieth percentile of "power" and "peaks".
        images: in words, which images they are.
        date: ISO date.
        versions: of the libraries involved.
    """

    detector: str
    settings: Record
    condition: str
    photographs: list[list[float]]
    reconstructions: list[list[float]]
    small: dict[str, list[list[float]]]
    kinds: list[str]
    makers: list[str]
    sharpness: list[list[float]]
    images: str
    date: str
    spectrum: dict[str, list[list[float]]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @functools.lru_cache(maxsize=32)  # noqa: B019 - few of them, and they live as long as the process
    def scores(self, tries: int, side: int | None = None) -> Scores:
        """Scores of images looked at in so many tries of this side; of the next smaller one that is stored.

        Beyond the tries that are stored, more of them would only be less scattered.

        Raises:
            KeyError: the side is smaller than all that are stored.
        """
        kinds = np.array(self.kinds)
        if side is None or side >= self.settings["side"]:
            rows = (self.photographs, self.reconstructions)
            return Scores(*(np.array([np.mean(row[:tries]) for row in each]) for each in rows), kinds)
        stored = next((each for each in sorted(map(int, self.small), reverse=True) if each <= side), None)
        if stored is None:
            raise KeyError(f"no scores are stored for images of {side} pixels a side")
        return Scores(*(np.array(each) for each in self.small[str(stored)]), kinds)

    def document(self) -> dict[str, object]:
        """What is stored: the scores, and what follows from them, for a reader."""
        tries = max(len(row) for row in self.photographs)
        scores = self.scores(tries)
        limits = {f"fpr {level:g}": scores.threshold(level) for level in LEVELS}
        intervals = {f"{level:g}": scores.interval(level) for level in LEVELS}
        limits |= {
            f"interval of fpr {level}": found and np.round(found, 4).tolist() for level, found in intervals.items()
        }
        limits |= {"tries": tries, "fpr of the answer": scores.level, "reconstructions found": round(scores.found, 4)}
        return {**asdict(self), "n": len(self.photographs), "thresholds": limits}


def _enough(count: int, level: float) -> bool:
    """Whether so many photographs can hold so small a rate."""
    return round((count + 1) * level, 9) >= 1


def platt(negative: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the logistic curve of the second class, both classes weighing the same (Platt 1999).

    Targets are 1 / (n + 2) and (m + 1) / (m + 2) instead of 0 and 1, so that separable scores do not give a step. The
    slope is never negative: a detector that is worse than chance says nothing.
    """
    scores = np.concatenate([negative, positive])
    middle, spread = scores.mean(), scores.std() + 1e-9
    inputs = np.stack([(scores - middle) / spread, np.ones_like(scores)])
    low, high = 1 / (len(negative) + 2), (len(positive) + 1) / (len(positive) + 2)
    target = np.r_[np.full(len(negative), low), np.full(len(positive), high)]
    weight = np.r_[np.full(len(negative), 0.5 / len(negative)), np.full(len(positive), 0.5 / len(positive))]
    curve = np.zeros(2)
    for _ in range(200):  # Newton's steps on a convex loss, none longer than 1
        drawn = 1 / (1 + np.exp(-np.clip(curve @ inputs, -50, 50)))
        gradient = inputs @ (weight * (drawn - target))
        hessian = (inputs * (weight * drawn * (1 - drawn))) @ inputs.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        curve = curve - step / max(1, np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    slope = max(float(curve[0] / spread), 0.0)
    return slope, float(curve[1] - slope * middle) if slope else 0.0


def sharpness_floor(lossless: NullDistribution, soft: NullDistribution) -> float:
    """The sharpness below which an image is too smooth to tell: where the answer stops working on softened images.

    Lossless and softened images together are put in groups by sharpness. From the smoothest group on, all are too
    smooth in which less than half of the reconstructions are found, or more than a tenth of the photographs taken for
    decoded, as long as that goes on.
    """
    tries = max(len(row) for row in soft.photographs)
    edge = lossless.scores(tries).edge
    sharp, above, made = [], [], []
    for each in (lossless, soft):
        scores = each.scores(tries)
        for values, found, label in zip(each.sharpness, (scores.negative, scores.positive), (False, True), strict=True):
            sharp += values
            above += list(found > edge)
            made += [label] * len(found)
    order = np.argsort(sharp)
    sharp, above, made = (np.array(values)[order] for values in (sharp, above, made))
    floor = 0.0
    for group in np.array_split(np.arange(len(sharp)), GROUPS):
        found, mistaken = above[group][made[group]], above[group][~made[group]]
        if len(found) and found.mean() >= POWER and (not len(mistaken) or mistaken.mean() <= MISTAKEN):
            break
        floor = float(sharp[group].max())
    return floor


def path_of(condition: str, folder: Path | None = None) -> Path:
    """Where the null distribution of a condition is stored."""
    return (folder or FOLDER) / f"artifacts.{condition}.json"


def save(null: NullDistribution, folder: Path | None = None) -> Path:
    """Store a null distribution as JSON, completely or not at all."""
    document, path = null.document(), path_of(null.condition, folder)
    lists = {key: document.pop(key) for key in ("photographs", "reconstructions")}
    text = json.dumps(document).removesuffix("}")
    for key, rows in lists.items():  # one image's scores a line keep the file readable
        lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
        text += f',\n "{key}": [\n{lines}\n ]'
    return store.save(text + "\n}", path)


def stored(condition: str, detector: str, settings: Record, folder: Path | None = None) -> NullDistribution:
    """The stored null distribution of a condition, if it may be used with this detector and these settings.

    Raises:
        ThresholdMismatch: there is none, or it was made with other weights or settings.
    """
    try:
        null = store.load(NullDistribution, path_of(condition, folder))
    except FileNotFoundError as error:
        raise ThresholdMismatch(f"the detector has no threshold for {condition} images; run: {COMMAND}") from error
    if null.detector != detector:
        raise ThresholdMismatch(f"the detector's threshold was made with other weights; run: {COMMAND}")
    if null.settings != settings:
        raise ThresholdMismatch(f"the detector's threshold was made with other settings; run: {COMMAND}")
    return null
