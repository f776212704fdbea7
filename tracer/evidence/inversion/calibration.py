"""Thresholds: Grubbs and conformal, how they are stored, and when a stored one may not be used.

A threshold belongs to one set of weights, one mode and one group of settings. It is stored with the scores of the
belonging images behind it, so that anyone can recompute it, and it is refused when anything it rests on has changed.

Fast mode looks several times and stops at the first clear answer, so an error held at each look would add up.
Splitting it over the looks (Bonferroni) would take K / alpha - 1 images, 399 for 1 % at four looks. Instead the
trajectory is the unit: each score is divided by the conformal limit of its look, and the largest of these ratios along
the path is one number per image, whose conformal quantile widens all limits alike. An image of the same kind leaves
that corridor anywhere on its path with a chance of about alpha: exactly, if the limits of the looks came from other
images; 1.5 % for alpha = 1 % and four looks that know nothing of each other, where limits held at each look alone lose
4 %. Of the images that the decoder did not make, the closest one gives the floor below which a score counts as a match.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from tracer.evidence.conditions import LOSSLESS
from tracer.evidence.conformal import ALPHA, conformal_p_value, conformal_threshold, grubbs_threshold
from tracer.evidence.store import FOLDER, ThresholdMismatch

# Where no images of others were measured: most begin at about 2.2 (mini-kl and mini-dc; photographs, sharp and blurred
# by 1 to 4 px), so above the ceiling no relative loss counts as a match.
CEILING = 2.0
MARGIN = 1.25  # how far outside the corridor a ratio may still come back with more steps: images differ from those here
PLAIN = 2.0  # how many times better than others' best an early match has to be, or one that is the best of many guesses
# A lossless score stays open up to this many times others' best, or while fewer than this share of them score as well:
# pictures are changed after they are made, and generators' drawings begin worse than reconstructions of photographs.
LEEWAY, FEW, FEW_AT_FIRST = 1.5, 0.05, 0.2
# How many times worse a lossless picture that its score leaves open has to fit off its latent grid than on it, to
# belong. Set on calibration images; how it does on others: `python -m tracer benchmark --only grid`.
ON_GRID = 1.5
SURE = 3.0  # how many times better than any of the others' a match is that needs no such test: soft pictures come close
# A score so small that the decoder has drawn all there is, and one that no image has.
DRAWN, UNREACHED = 0.05, 1e-4


@dataclass(frozen=True)
class Calibration:
    """Scores of belonging images for one family, mode and group of settings.

    Attributes:
        family: registry id, or the folder of the autoencoder.
        revision: what identifies the weights.
        settings: everything that the scores depend on, as plain JSON values; "mode" among it.
        condition: "lossless", or "jpeg-85" where the belonging images were saved as JPEG of quality 85 first.
        checkpoints: steps at which the scores were taken.
        scores: (images, checkpoints).
        images: in words, which images they are.
        date: ISO date.
        versions: of the libraries involved.
        others: the same scores of images that the decoder did not make, (images, checkpoints); may be empty.
        faint: the same of such images with hardly any fine detail (`optimization.FLAT` to `SILENT`); may be empty.
    """

    family: str
    revision: str
    settings: dict[str, object]
    checkpoints: tuple[int, ...]
    scores: tuple[tuple[float, ...], ...]
    images: str
    date: str
    versions: dict[str, str] = field(default_factory=dict)
    condition: str = LOSSLESS
    others: tuple[tuple[float, ...], ...] = ()
    faint: tuple[tuple[float, ...], ...] = ()

    @property
    def mode(self) -> str:
        """The mode: "fast" or "paper"."""
        return str(self.settings["mode"])

    @property
    def count(self) -> int:
        """Number of belonging images."""
        return len(self.scores)

    def at(self, step: int) -> np.ndarray:
        """Belonging scores at a checkpoint, (images,)."""
        return np.array([row[self.checkpoints.index(step)] for row in self.scores])

    def p_value(self, score: float, step: int) -> float:
        """Conformal p-value of a score at a checkpoint."""
        return conformal_p_value(score, self.at(step))

    def conformal(self, step: int, alpha: float = ALPHA) -> float:
        """Conformal threshold at a checkpoint."""
        return conformal_threshold(self.at(step), max(alpha, 1 / (self.count + 1)))

    def grubbs(self, step: int) -> float:
        """Grubbs threshold at a checkpoint: on logarithms for ratios, on the losses themselves in paper mode."""
        return grubbs_threshold(self.at(step), log=self.mode == "fast")

    def inside(self, step: int) -> float:
        """Largest score at a checkpoint that only the decoder's own images have, however they score themselves.

        None of the others that were measured gets below it: they are of many kinds, and the share of the kind that
        comes closest is not to hide among the rest.
        """
        if not self.others:
            return CEILING if self.mode == "fast" else math.inf
        column = self.checkpoints.index(step)
        return float(np.nextafter(min(row[column] for row in self.others), 0))

    def faintly(self, step: int) -> float:
        """Largest score at a checkpoint with which an image with hardly any fine detail belongs.

        It has to be plainly better than those of others' such images. No score is where none were measured, or where
        the decoder draws one of them as well as its own in the end.
        """
        closest = np.min(self.faint, axis=0) if self.faint else np.zeros(len(self.checkpoints))
        return float(closest[self.checkpoints.index(step)] / PLAIN) if closest[-1] > DRAWN else UNREACHED

    def among(self, step: int) -> float:
        """The score at a checkpoint that all but few of the others exceed: below it, a picture is unlike them."""
        few = FEW if step == self.checkpoints[-1] else FEW_AT_FIRST
        return float(np.quantile([row[self.checkpoints.index(step)] for row in self.others], few))

    def corridor(self, step: int, alpha: float = ALPHA) -> float:
        """Largest score at a checkpoint with which an image may still belong: see the module's first lines."""
        alpha = max(alpha, 1 / (self.count + 1))
        limits = np.array([conformal_threshold(self.at(each), alpha) for each in self.checkpoints])
        widest = conformal_threshold((np.array(self.scores) / limits).max(axis=1), alpha)
        return float(max(widest, 1) * limits[self.checkpoints.index(step)])

    def threshold(self, step: int, alpha: float = ALPHA, faint: bool = False) -> float:
        """Largest score that still belongs at a checkpoint: the conformal threshold, unless others score that well.

        At the last one, where others were measured, up to halfway (of logarithms) between the corridor and the others:
        larger pictures, tiles and crops settle higher than the small whole pictures behind the scores, since a part has
        lost what its edges were drawn from. For a `faint` image, `faintly` is a limit too.
        """
        limit = self.conformal(step, alpha)
        if self.others and step == self.checkpoints[-1]:
            limit = max(limit, math.sqrt(self.corridor(step) * self.inside(step)))
        return min(limit, self.inside(step), self.faintly(step) if faint else math.inf)

    def decide(self, score: float, step: int, faint: bool = False) -> bool | None:
        """Whether an image belongs, or None while that is open.

        Before the last checkpoint a score has to be plainly inside (where others were measured, `PLAIN` times better
        than any of them, `MARGIN` times where compression brings them closer; else among the lower nine tenths of the
        belonging ones) or plainly outside (`MARGIN` times the corridor). At the last one, up to `threshold` belongs,
        what is beyond the corridor does not, and the rest stays open; so does an image that scores worse than belonging
        ones and better than any others. Without compression, whose traces are allowed for, that includes scores up to
        `LEEWAY` times the best of the others, and those that few of them reach: a belonging image with a little noise
        or blur scores there, and hardly a photograph does. Of the paper's losses, which are looked at once, the outer
        limit is that of Grubbs' test where it is higher.
        """
        last = step == self.checkpoints[-1]
        inner = self.threshold(step, faint=faint)
        if not last:
            plainly = PLAIN if self.condition == LOSSLESS else MARGIN
            inner = min(inner, self.inside(step) / plainly if self.others else self.threshold(step, 0.10))
        if self.mode == "fast":
            outer = self.corridor(step) * (1 if last else MARGIN)
            if self.others:
                known = self.condition != LOSSLESS
                outer = max(outer, self.inside(step) if known else max(LEEWAY * self.inside(step), self.among(step)))
        else:
            outer = max(self.conformal(step), self.grubbs(step))
        return True if score <= inner else False if score > outer else None

    def missed(self) -> float:
        """Share of the belonging images themselves that the scores of all looks would not call belonging."""
        return float(np.mean([self._path(row) is not True for row in self.scores]))

    def ruled_out(self) -> float:
        """Share of the belonging images themselves that the scores of all looks would rule out."""
        return float(np.mean([self._path(row) is False for row in self.scores]))

    def taken_in(self) -> float | None:
        """Share of the others that the scores of all looks would call belonging; None where none were measured."""
        return float(np.mean([self._path(row) is True for row in self.others])) if self.others else None

    def _path(self, row: tuple[float, ...]) -> bool | None:
        decisions = (self.decide(score, step) for score, step in zip(row, self.checkpoints, strict=True))
        return next((decision for decision in decisions if decision is not None), None)

    def document(self) -> dict[str, object]:
        """What is stored: the scores, and what follows from them, for a reader."""
        last = self.checkpoints[-1]
        limits = {
            "step": last,
            "threshold": self.threshold(last),
            "conformal": self.conformal(last),
            "grubbs": self.grubbs(last),
            "alpha": max(ALPHA, 1 / (self.count + 1)),
            "missed": self.missed(),
            "ruled_out": self.ruled_out(),
            "taken_in": self.taken_in(),
        }
        return {**asdict(self), "n": self.count, "thresholds": limits}


def command(family: str, mode: str, condition: str = LOSSLESS) -> str:
    """The command that makes a missing threshold."""
    return f"python -m tracer calibrate {family} --mode {mode}" + (
        f" --condition {condition}" if condition != LOSSLESS else ""
    )


def path_of(family: str, mode: str, condition: str = LOSSLESS, folder: Path = FOLDER) -> Path:
    """Where the threshold of a family, mode and condition is stored."""
    return folder / f"{family}.{mode}.{condition}.json"


def save(calibration: Calibration, path: Path) -> None:
    """Store a calibration as JSON, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = calibration.document()
    blocks = []
    for name in ("scores", "others", "faint"):
        rows = ",\n".join(f"  {json.dumps(row)}" for row in document.pop(name))
        if rows:
            blocks.append(f' "{name}": [\n{rows}\n ]')
    text = json.dumps(document, indent=1).removesuffix("\n}")
    # One image's scores a line keep the file readable; a name of its own keeps two writers apart.
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(",\n".join([text, *blocks]) + "\n}\n")
    new.replace(path)


def load(path: Path) -> Calibration:
    """Read a stored calibration.

    Raises:
        FileNotFoundError: there is none.
        ThresholdMismatch: the file is not a calibration.
    """
    try:
        raw = json.loads(path.read_text())
        return Calibration(
            family=raw["family"],
            revision=raw["revision"],
            settings=raw["settings"],
            checkpoints=tuple(raw["checkpoints"]),
            scores=tuple(tuple(row) for row in raw["scores"]),
            images=raw["images"],
            date=raw["date"],
            versions=raw["versions"],
            condition=raw["condition"],
            others=tuple(tuple(row) for row in raw.get("others", ())),
            faint=tuple(tuple(row) for row in raw.get("faint", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ThresholdMismatch(f"{path.name} is not a stored threshold") from error


def stored(
    family: str, settings: dict[str, object], revision: str, condition: str = LOSSLESS, folder: Path = FOLDER
) -> Calibration:
    """The stored calibration of a family under a condition, if it may be used with these settings and weights.

    Raises:
        ThresholdMismatch: there is none, or it was made with other weights or settings.
    """
    mode = str(settings["mode"])
    remedy = f"run: {command(family, mode, condition)}"
    calibration = load(check_stored(family, mode, condition, folder))
    if calibration.revision != revision:
        raise ThresholdMismatch(f"the threshold of {family} was made with other weights; {remedy}")
    if calibration.settings != settings:
        raise ThresholdMismatch(f"the threshold of {family} was made with other settings; {remedy}")
    return calibration


def check_stored(family: str, mode: str, condition: str = LOSSLESS, folder: Path = FOLDER) -> Path:
    """The stored file of a family under a condition, without a look at what is in it.

    Raises:
        ThresholdMismatch: there is none.
    """
    path = path_of(family, mode, condition, folder)
    if not path.exists():
        remedy = f"run: {command(family, mode, condition)}"
        raise ThresholdMismatch(f"{family} has no threshold for {mode} mode and {condition} images; {remedy}")
    return path
