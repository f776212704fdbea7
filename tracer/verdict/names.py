"""The names that families have in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from tracer.models import registry


def titles(families: Sequence[str], last: str = "and") -> str:
    """Families as running text: by their titles, a stand-in's by the family that it stands for.

    Args:
        families: registry ids, or folders of autoencoders, which have no other name.
        last: the word before the last one.
    """
    names = [title(name) for name in families]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def title(name: str) -> str:
    """One family's."""
    row = registry.FAMILIES.get(name)
    return name if row is None else (row.stand_in and row.stands_for) or row.title
