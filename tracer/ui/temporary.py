"""Visitors' files, in a folder of the page's own: they are deleted after an hour, also those that a crash left behind.

gradio deletes what its present process made; of what an earlier one made it knows nothing.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gradio as gr

AGE = 3600  # seconds; `words.PRIVACY` tells visitors
EVERY = 600  # seconds between two looks
OWN = "latent-lineup"  # name of the page's own folder


def folder() -> Path:
    """Where they are: inside $GRADIO_TEMP_DIR, or of the system's own; gradio is told here."""
    place = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    if place.name != OWN:  # what is older than an hour is deleted there: nobody else's files may be in it
        place /= OWN
        os.environ["GRADIO_TEMP_DIR"] = str(place)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def workplace() -> Path:
    """Where files are made: beside them, since gradio serves nothing of its own folder that it did not copy there."""
    place = Path(tempfile.gettempdir()) / "latent-lineup-work"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def directory() -> tempfile.TemporaryDirectory:
    """A folder for a moment, until what is made in it has been copied."""
    return tempfile.TemporaryDirectory(dir=workplace())


def tidy(page: gr.Blocks, clock: Callable[[], float] = time.time) -> threading.Thread:
    """Delete old files now and then, as long as the process lives; all but those that the page itself is made of."""

    def look() -> None:
        while True:
            with suppress(OSError):  # a folder that somebody else removes meanwhile
                sweep(folder(), {file for each in page.blocks.values() for file in each.keep_in_cache}, clock())
                sweep(workplace(), set(), clock())
            time.sleep(EVERY)

    thread = threading.Thread(target=look, name="tidy", daemon=True)
    thread.start()
    return thread


def sweep(place: Path, kept: set[str], now: float) -> None:
    """Delete the files in a folder that are older than `AGE`, and folders that have been empty for as long.

    Args:
        place: the folder; it may be missing.
        kept: paths of files that stay.
        now: as `time.time` counts.
    """
    for path in sorted(place.rglob("*"), reverse=True):  # what is inside comes before its folder
        with suppress(OSError):  # in use, not empty, or gone already
            if str(path) in kept or now - path.lstat().st_ctime <= AGE:
                continue
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
