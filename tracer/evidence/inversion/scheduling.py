"""The families of a line-up race: the most promising goes on first, and the least promising stop first.

All take their first look. From then on it is always the turn of the family that stands best. One that is plainly
outside its corridor stops; once another one fits, so does one that is outside by any margin, to which nothing but the
lack of a rival would have given the benefit of the doubt. The corridor holds its error over the whole path, so hardly a
belonging image is lost by that. Families that cannot all be held in memory run one after another, and give way too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from tracer.evidence.inversion.events import Stepped
from tracer.evidence.verdict import Evidence


@dataclass
class Race:
    """Who is still in it.

    Attributes:
        together: whether the families take turns; else each runs to its end.
        answers: evidence of those that have finished, by family.
        won: whether one of them fits.
    """

    together: bool = True
    answers: dict[str, Evidence] = field(default_factory=dict)
    won: bool = False

    def rivalled(self, belongs: bool | None) -> bool:
        """Take note of a family's decision; return whether a family fits."""
        self.won = self.won or belongs is True
        return self.won

    def run(self, runners: dict[str, Generator]) -> Iterator[object]:
        """Pass on what all runners yield, and collect what they return.

        Args:
            runners: by family, generators of updates that return evidence, or None where there is none.
        """
        standing = dict.fromkeys(runners, 0.0)  # ahead of everyone who has had a look
        while standing:
            name = min(standing, key=standing.get)
            try:
                update = next(runners[name])
            except StopIteration as finished:
                del standing[name]
                if finished.value is not None:
                    self.answers[name] = finished.value
                    self.rivalled(finished.value.belongs)
                continue
            yield update
            if self.together and isinstance(update, Stepped):
                standing[name] = update.standing
