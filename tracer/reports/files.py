"""Files that a reader names to be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_ordinary(path: Path) -> None:
    """Refuse to write to what would block, as a pipe does, or take everything, as a device does.

    Raises:
        ValueError: there is something else than a file of that name.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is not an ordinary file")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of writing, such as a full disk, name no file by themselves."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
