"""One file from the Hub: its bytes counted as they arrive, its checksum compared, nothing damaged left behind.

What huggingface_hub leaves to do (2.4, file_download.py): a plain download is compared with its announced size, but not
with its checksum, and it tells progress in steps of 10 MB. Hence bytes are counted as they arrive, and the checksum is
taken afterwards. Partial files it removes itself, so a retry finds nothing in its way.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from tracer.models.errors import ModelUnavailable, in_words
from tracer.models.progress import Downloading, Progress
from tracer.models.registry import Repository

PATIENCE = 10  # seconds to wait for an answer about a file
PACE, WINDOW = 2_000, 30  # a transfer slower than so many bytes per second over so many seconds is given up
SPARE = 50_000_000  # bytes to leave free on the disk
TELL = 0.2  # seconds between two events


@dataclass(frozen=True)
class Remote:
    """What the Hub says about one file: its path in the repository, the commit, its checksum and its bytes (or 0)."""

    name: str
    commit: str
    etag: str
    size: int


class Transfer:
    """The bytes of some files as they arrive: counted and told, ended where they are too slow or not wanted any more.

    Args:
        total: bytes of all files; 0 where that is not known.
        progress: whom to tell, and who may stop it.
    """

    def __init__(self, total: int, progress: Progress) -> None:
        self.total, self.done = total, 0
        self._progress = progress
        self._told = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin to measure the pace anew: what was before a file says nothing about that of its bytes."""
        self._since, self._window = time.monotonic(), 0

    def add(self, count: int) -> None:
        """Count bytes that have arrived.

        Raises:
            ModelUnavailable: the download is not wanted any more, or hopelessly slow.
        """
        if self._progress.stop():
            raise ModelUnavailable("the download was stopped", "stopped")
        self.done = min(self.done + count, self.total or self.done + count)
        self._window += count
        now = time.monotonic()
        if now - self._since > WINDOW:
            if self._window < PACE * (now - self._since):
                raise ModelUnavailable("the Hub sends too slowly; try again later", "unreachable")
            self.restart()
        if now - self._told > TELL:
            self._tell()

    def arrived(self, done: int) -> None:
        """Say that a file is there, whether it came now or was there before: so many bytes are done."""
        self.done = done
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._progress.emit(Downloading(self.done, self.total))


_watching: ContextVar[Transfer | None] = ContextVar("_watching", default=None)


def library():
    """huggingface_hub, quiet: progress and errors are ours to tell."""
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars

    if "HF_HUB_DISABLE_XET" not in os.environ:  # bytes that come by that protocol can be neither counted nor stopped
        constants.HF_HUB_DISABLE_XET = True
    if not are_progress_bars_disabled():
        disable_progress_bars()
        huggingface_hub.logging.set_verbosity_error()
    return huggingface_hub


def endpoint() -> str | None:
    """Another Hub, such as a mirror or the tests' own; None for the usual one."""
    return os.environ.get("HF_ENDPOINT") or None


def check_room(repository: Repository, needed: int) -> None:
    """Compare a download with the free disk.

    Args:
        repository: what is to be downloaded.
        needed: its bytes.

    Raises:
        ModelUnavailable: it does not fit.
    """
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE).expanduser()
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < needed + SPARE:
        what = f"{repository.title} needs {needed / 1e6:.0f} MB of disk, and {free / 1e6:.0f} MB are free"
        raise ModelUnavailable(f"{what}; make room, then try again", "disk")


def download(repository: Repository, remote: Remote, at: str, transfer: Transfer) -> None:
    """Put one file into the Hub's cache on this machine.

    Args:
        repository: where it is from.
        remote: the file.
        at: commit or branch, by which the cache finds it again.
        transfer: counts its bytes.

    Raises:
        ModelUnavailable: it is not to be had, or arrived damaged; then nothing of it is kept.
    """
    before = transfer.done
    transfer.restart()
    with in_words(repository), _counted(transfer):
        path = library().hf_hub_download(
            repository.source, remote.name, revision=at, endpoint=endpoint(), etag_timeout=PATIENCE
        )
    size = Path(path).stat().st_size
    transfer.arrived(before + size)
    if size != (remote.size or size) or not intact(Path(path), remote.etag):
        delete(Path(path))
        what = f"{remote.name} of {repository.source} arrived damaged and was deleted"
        raise ModelUnavailable(f"{what}; try again", "damaged")


@contextlib.contextmanager
def _counted(transfer: Transfer) -> Iterator[None]:
    """Count the bytes that this thread receives from the Hub, one network packet at a time."""
    session = library().get_session()
    hooks = session.event_hooks
    if _count not in hooks["response"]:
        session.event_hooks = {**hooks, "response": [*hooks["response"], _count]}
    token = _watching.set(transfer)
    try:
        yield
    finally:
        _watching.reset(token)


def _count(response) -> None:
    """Let every block of a response's body pass by the transfer of the thread that asked for it."""
    transfer, blocks = _watching.get(), response.iter_raw
    if transfer is None or response.status_code not in (200, 206):
        return

    def counted(*arguments, **options) -> Iterator[bytes]:
        for block in blocks(*arguments, **options):
            transfer.add(len(block))
            yield block

    response.iter_raw = counted


def intact(path: Path, etag: str) -> bool:
    """Whether a file has the checksum that the Hub calls its ETag: SHA-256 of a large file, git's SHA-1 of a small one.

    Other kinds of ETag say nothing about the content, and are not held against it.
    """
    git = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    digest = {64: hashlib.sha256(), 40: git}.get(len(etag))
    if digest is None:
        return True
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest() == etag


def delete(path: Path) -> None:
    """Remove a cached file: the name in the snapshot, and the content that it points to."""
    content = path.resolve()
    path.unlink(missing_ok=True)
    content.unlink(missing_ok=True)
