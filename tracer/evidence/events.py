"""What every kind of evidence tells while it goes on; each kind adds its own events."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Loading:
    """A model is being loaded: `done` of `total` bytes have been downloaded.

    Attributes:
        family: registry id of the family, generator or reader, or the folder's name.
        done, total: bytes; 0 where nothing is downloaded, or not yet known.
    """

    family: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Unavailable:
    """A family or generator cannot be asked; the others are.

    Attributes:
        family: registry id.
        reason: why, in one sentence.
    """

    family: str
    reason: str
