"""Calibrated numbers on disk: where they are, how they are written and read, and when they may not be used."""

from __future__ import annotations

import functools
import json
import os
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from tracer import __version__, assets

FOLDER = assets.CALIBRATION
Stored = TypeVar("Stored")  # a dataclass
Record = dict[str, str | int | float | bool | None]  # settings by name, as they are stored beside what rests on them


class ThresholdMismatch(ValueError):
    """A stored threshold was made with other weights or settings; the message names the command that makes one."""


def versions() -> dict[str, str]:
    """Versions of this package and of the libraries that the scores depend on."""
    from importlib.metadata import version

    return {"tracer": __version__, "torch": version("torch"), "diffusers": version("diffusers")}


def save(text: str, path: Path) -> Path:
    """Write calibrated numbers, completely or not at all.

    Args:
        text: a JSON document.
        path: of the file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")  # a name of its own keeps two writers apart
    new.write_text(f"{text}\n")
    new.replace(path)
    return path


def load(kind: type[Stored], path: Path) -> Stored:
    """Read calibrated numbers. As long as the file stays the same, it is parsed once.

    Args:
        kind: the dataclass that was stored; lists come back as tuples, and keys that it has no field for are left out.
        path: of the file.

    Raises:
        FileNotFoundError: there is none.
        ThresholdMismatch: it is damaged.
    """
    state = path.stat()
    return _parsed(kind, path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=64)
def _parsed(kind: type[Stored], path: Path, *state: int) -> Stored:
    try:
        raw = json.loads(path.read_text())
        return kind(**{each.name: _fixed(raw[each.name]) for each in fields(kind) if each.name in raw})
    except FileNotFoundError:
        raise
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise ThresholdMismatch(f"{path.name} is not what a calibration stores") from error


def _fixed(value: object) -> object:
    """A JSON value with tuples for its lists."""
    return tuple(map(_fixed, value)) if isinstance(value, list) else value
