"""Files from the Hub: only those that a row needs, checked, at a pinned commit, and every failure as one sentence.

What huggingface_hub leaves to do (2.4, file_download.py): a plain download is compared with its announced size, but not
with its checksum; where no connection can be made it tries again for half a minute before it says so; and it tells
progress in steps of 10 MB. Hence the file is looked up first, with a short time-out, its checksum is taken afterwards,
and bytes are counted as they arrive. Partial files it removes itself, so a retry finds nothing in its way.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from tracer import assets
from tracer.models.errors import ModelUnavailable, in_words
from tracer.models.registry import Family, Repository

LOCK = assets.HUB_LOCK
CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
PATIENCE = 10  # seconds to wait for an answer about a file
PACE, WINDOW = 2_000, 30  # a transfer slower than so many bytes per second over so many seconds is given up
SPARE = 50_000_000  # bytes to leave free on the disk


@dataclass(frozen=True)
class Snapshot:
    """A row's files on this machine: their folder, and the commit they are of."""

    folder: Path
    commit: str


@dataclass(frozen=True)
class Remote:
    """What the Hub says about one file: its path in the repository, the commit, its checksum and its bytes (or 0)."""

    name: str
    commit: str
    etag: str
    size: int


@dataclass
class Progress:
    """How far a download is, for whoever watches it from another thread.

    Attributes:
        total: bytes to come in all, 0 while that is not known.
        done: bytes that have arrived.
        stopped: set by the watcher to end the download at its next bytes.
    """

    total: int = 0
    done: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    _since: float = field(default_factory=time.monotonic)
    _window: int = 0

    def add(self, count: int) -> None:
        """Count bytes that have arrived.

        Raises:
            ModelUnavailable: the download is not wanted any more, or hopelessly slow.
        """
        if self.stopped.is_set():
            raise ModelUnavailable("the download was stopped", "stopped")
        self.done = min(self.done + count, self.total or self.done + count)
        self._window += count
        passed = time.monotonic() - self._since
        if passed > WINDOW:
            if self._window < PACE * passed:
                raise ModelUnavailable("the Hub sends too slowly; try again later", "unreachable")
            self.restart()

    def restart(self) -> None:
        """Begin a new window: what was before this file says nothing about its pace."""
        self._since, self._window = time.monotonic(), 0


_watching: ContextVar[Progress | None] = ContextVar("_watching", default=None)


def files(row: Family) -> tuple[str, str]:
    """The two files that a row needs, by their paths in its repository."""
    folder = f"{row.subfolder}/" if row.subfolder else ""
    return folder + CONFIG, folder + WEIGHTS


def pins(path: Path | None = None) -> dict[str, dict[str, str]]:
    """The lock file: {family: {"source": ..., "revision": ...}}."""
    return json.loads((path or LOCK).read_text())


def revision(row: Family | Repository) -> str:
    """The pinned commit of a row, or "main" where none is pinned; a pin of another repository does not count."""
    pinned = pins().get(row.id, {})
    return pinned["revision"] if pinned.get("source") == row.source else "main"


def cached(row: Family) -> Snapshot | None:
    """A row's files where both are on this machine already; asks no network."""
    library = _library()
    names = files(row)
    found = [library.try_to_load_from_cache(row.source, name, revision=revision(row)) for name in names]
    if not all(isinstance(path, str) for path in found):
        return None
    # The commit's folder is the one that the file's path in the repository begins in.
    return Snapshot(Path(found[0]).parent, Path(found[0]).parents[names[0].count("/")].name)


def look(row: Family, patience: float = PATIENCE, at: str | None = None) -> list[Remote]:
    """Ask the Hub about a row's files, without downloading any.

    Args:
        row: the family.
        patience: seconds to wait for each answer.
        at: commit or branch; the pinned one by default.

    Raises:
        ModelUnavailable: they are not to be had.
    """
    library, at = _library(), at or revision(row)
    found = []
    with in_words(row):
        for name in files(row):
            url = library.hf_hub_url(row.source, name, revision=at, endpoint=endpoint())
            about = library.get_hf_file_metadata(url, timeout=patience, endpoint=endpoint())
            if not (about.commit_hash and about.etag):
                raise ModelUnavailable(f"what answers instead of the Hub knows nothing of {row.source}", "unreachable")
            found.append(
                Remote(name, about.commit_hash, about.etag, about.size or 0)
            )  # small files may come unmeasured
    return found


def fetch(row: Family, progress: Progress | None = None) -> Snapshot:
    """A row's files, downloaded where they are not on this machine yet.

    Args:
        row: the family.
        progress: filled in while the download goes on, and asked whether to go on.

    Raises:
        ModelUnavailable: they are not to be had; nothing of a failed download stays on disk.
    """
    if found := cached(row):
        return found
    progress = progress or Progress()
    remotes = look(row)
    progress.total = sum(remote.size for remote in remotes)
    _check_room(row, progress.total)
    for remote in remotes:
        _download(row, remote, progress)
    found = cached(row)
    if found is None or found.commit != remotes[0].commit:  # somebody pushed in between
        raise ModelUnavailable(f"{row.source} changed while it was downloaded; try again", "damaged")
    return found


def discard_damaged(row: Family) -> list[str]:
    """Compare a row's cached files with their checksums and delete those that are damaged; return their names."""
    found = cached(row)
    if not found:
        return []
    paths = [found.folder / Path(name).name for name in files(row)]
    damaged = [path for path in paths if path.is_symlink() and not _intact(path, Path(os.readlink(path)).name)]
    for path in damaged:
        _delete(path)
    return [path.name for path in damaged]


def pin(
    rows: Sequence[Family | Repository], path: Path | None = None, looking: Callable[..., list[Remote]] | None = None
) -> dict[str, str]:
    """Resolve "main" of every row to a commit and write the lock file; rows that cannot be resolved keep their pin.

    Args:
        rows: what to pin.
        path: another lock file.
        looking: what asks about the files of such a row; by default `look`.

    Returns:
        Per row the commit, or the sentence that says why there is none.
    """
    path = path or LOCK
    locked, outcome, away = pins(path), {}, None
    for row in rows:
        try:
            if away:
                raise away
            commit = (looking or look)(row, at="main")[0].commit
        except ModelUnavailable as error:
            away = error if error.kind == "unreachable" else None
            outcome[row.id] = str(error)
            continue
        locked[row.id] = {"source": row.source, "revision": commit}
        outcome[row.id] = commit
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(json.dumps(dict(sorted(locked.items())), indent=1) + "\n")
    new.replace(path)
    return outcome


def preload_lines(rows: list[Family]) -> list[str]:
    """What a Space's front matter says under `preload_from_hub`: repository, files and, where pinned, the commit."""
    lines = [f"{row.source} {','.join(files(row))} {revision(row)}" for row in rows]
    return [line.removesuffix(" main") for line in lines]


def endpoint() -> str | None:
    """Another Hub, such as a mirror or the tests' own; None for the usual one."""
    return os.environ.get("HF_ENDPOINT") or None


def _library():
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


def _check_room(row: Family | Repository, needed: int) -> None:
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE).expanduser()
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < needed + SPARE:
        what = f"{row.title} needs {needed / 1e6:.0f} MB of disk, and {free / 1e6:.0f} MB are free"
        raise ModelUnavailable(f"{what}; make room, then try again", "disk")


def _download(row: Family | Repository, remote: Remote, progress: Progress) -> None:
    library, at = _library(), revision(row)
    before, _ = progress.done, progress.restart()
    with in_words(row), _counted(progress):
        path = library.hf_hub_download(row.source, remote.name, revision=at, endpoint=endpoint(), etag_timeout=PATIENCE)
    size = Path(path).stat().st_size
    progress.done = before + size  # also where the file was here already
    if size != (remote.size or size) or not _intact(Path(path), remote.etag):
        _delete(Path(path))
        raise ModelUnavailable(f"{remote.name} of {row.source} arrived damaged and was deleted; try again", "damaged")


@contextlib.contextmanager
def _counted(progress: Progress) -> Iterator[None]:
    """Count the bytes that this thread receives from the Hub, one network packet at a time."""
    session = _library().get_session()
    hooks = session.event_hooks
    if _count not in hooks["response"]:
        session.event_hooks = {**hooks, "response": [*hooks["response"], _count]}
    token = _watching.set(progress)
    try:
        yield
    finally:
        _watching.reset(token)


def _count(response) -> None:
    """Let every block of a response's body pass by the progress of the thread that asked for it."""
    progress, blocks = _watching.get(), response.iter_raw
    if progress is None or response.status_code not in (200, 206):
        return

    def counted(*arguments, **options) -> Iterator[bytes]:
        for block in blocks(*arguments, **options):
            progress.add(len(block))
            yield block

    response.iter_raw = counted


def _intact(path: Path, etag: str) -> bool:
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


def _delete(path: Path) -> None:
    """Remove a cached file: the name in the snapshot, and the content that it points to."""
    content = path.resolve()
    path.unlink(missing_ok=True)
    content.unlink(missing_ok=True)
