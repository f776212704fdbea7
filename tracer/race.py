"""The families of a line-up race: the most promising goes on first, and the least promising stop first.

All take their first look. From then on it is always the turn of the family that stands best. One that leaves the
corridor stops; once another one fits, so does one that is still open but scores worse than nearly all of its own
images: it could only have given way (`evidence.judge`). Families that cannot all be held in memory take their turns one
after another; they give way all the same.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from tracer.evidence import NEARLY, Evidence
from tracer.updates import Stepped


@dataclass
class Race:
    """Who is still in it.

    Attributes:
        together: whether the families take turns; else each runs to its end.
        answers: evidence of those that have finished, by family.
    """

    together: bool = True
    answers: dict[str, Evidence] = field(default_factory=dict)

    def gives_way(self, p_value: float) -> bool:
        """Whether a family that is open with this p-value has nothing left to win."""
        return p_value <= NEARLY and any(each.belongs for each in self.answers.values())

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
                continue
            yield update
            if self.together and isinstance(update, Stepped):
                standing[name] = update.standing
