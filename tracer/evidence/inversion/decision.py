"""What contrasts are worth: how strongly each family answers, and the strength from which one is named.

One number decides. A family's strength is its contrast in standard deviations, less what a lattice of the image's own
explains; a rival that answers too has to be beaten clearly. What strengths pictures reach that none of
the families made is measured once, on photographs, art, lattices and other models' pictures: the largest over all
families, windows and looks, one number a picture (`NullDistribution`). A family is named above the level that none of
those pictures reaches, so the error is that of a whole run, however many families and looks it takes.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field

import numpy as np

from tracer.evidence.inversion.contrast import Contrast

ALPHA = 0.01  # share of pictures that no family made, but one is named for, at most
# A family is ruled out where its contrast is so many deviations weaker than what its own pictures show: of own pictures
# that answer no better than that, one in 44 is lost at one look.
RULED_OUT = 2.0
NOTICEABLE = 2.0  # strength from which a rival has to be beaten, and the image's own lattice is looked at
DISTINCT = 2.0  # strength by which a rival is beaten that answers too
LEEWAY = 0.5  # standard errors by which the windows that are left may answer better than those so far did


def strength(contrast: Contrast, explained: float = 0.0) -> float:
    """How far a contrast is below 0, in standard deviations; 0 where there is no detail to tell.

    Args:
        contrast: of a family, or of one less another.
        explained: part of its mean, at most 0, that something else explains.
    """
    if not math.isfinite(contrast.error):
        return 0.0
    return (explained - contrast.mean) / contrast.deviation


def absent(contrast: Contrast) -> bool:
    """Whether the image answers a family clearly less than the family's own images do."""
    return math.isfinite(contrast.error) and contrast.mean + contrast.reading.answer >= RULED_OUT * contrast.deviation


def hopeless(contrast: Contrast, windows: int) -> bool:
    """Whether a family will not even be noticed after so many windows in all.

    That is: the windows that are left answer as those so far did, and `LEEWAY` standard errors better.
    """
    if not math.isfinite(contrast.error):
        return False
    return LEEWAY * contrast.error - contrast.mean < NOTICEABLE * contrast.deviation_after(windows)


@dataclass(frozen=True)
class Standing:
    """How one family stands.

    Attributes:
        strength: of its answer, less what a neutral code explains.
        margin: smallest strength of its answer against those other families' that answer too; infinite where none does.
        contrast: mean contrast.
        error: standard error of the mean.
        deviation: see `contrast.Contrast`.
        absent: whether the family is out.
        windows: how many windows it was asked about.
    """

    strength: float
    margin: float
    contrast: float
    error: float
    deviation: float
    absent: bool
    windows: int

    @property
    def score(self) -> float:
        """The number that is compared with the threshold."""
        return self.strength if self.margin >= DISTINCT else min(self.strength, self.margin)


def standings(families: dict[str, Contrast], explained: float) -> dict[str, Standing]:
    """How all families stand.

    Args:
        families: contrasts by family; those that were asked about fewer windows were asked about the first ones.
        explained: contrast, at most 0, that a lattice of the image's own accounts for (`neutral`).
    """
    strengths = {name: strength(own, explained) for name, own in families.items()}
    found = {}
    for name, own in families.items():
        rivals = [
            strength(own.minus(other))
            for rival, other in families.items()
            if rival != name and strengths[rival] >= NOTICEABLE
        ]
        margin = min(rivals, default=math.inf)
        windows = len(own.values)
        found[name] = Standing(strengths[name], margin, own.mean, own.error, own.deviation, absent(own), windows)
    return found


@dataclass(frozen=True)
class NullDistribution:
    """Scores of pictures that none of the families made.

    Attributes:
        scores: of each picture, the largest score of any family at any look, the search for a shifted grid included.
        pictures: in words, which pictures they are.
        families: which families were asked.
        date: ISO date.
        versions: of the libraries involved.
    """

    scores: tuple[float, ...]
    pictures: str
    families: tuple[str, ...]
    date: str
    versions: dict[str, str] = field(default_factory=dict)

    def p_value(self, score: float) -> float:
        """(1 + pictures that score at least as high) / (N + 1)."""
        return (1 + int((np.array(self.scores) >= score).sum())) / (len(self.scores) + 1)

    @functools.cached_property
    def threshold(self) -> float:
        """Smallest score that none of the pictures reaches, and that is noticeable.

        Where none of 299 or more reaches it, the error is at most `ALPHA` with a confidence of 95 %.

        Raises:
            ValueError: there are too few pictures for so small an error.
        """
        if 1 / (len(self.scores) + 1) > ALPHA:
            raise ValueError(f"an error of {ALPHA:g} needs at least {math.ceil(1 / ALPHA) - 1} pictures")
        return max(math.nextafter(max(self.scores), math.inf), NOTICEABLE)
