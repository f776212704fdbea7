"""Files from the Hub: only those that a row needs, checked, at a pinned commit, and every failure as one sentence.

Where no connection can be made, huggingface_hub tries again for half a minute before it says so (2.4,
file_download.py). Hence the files are looked up first, with a short time-out.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tracer import assets
from tracer.models import selection
from tracer.models.errors import ModelUnavailable, in_words
from tracer.models.progress import SILENT, Progress
from tracer.models.registry import CONFIG, WEIGHTS, Family, Repository
from tracer.models.transfer import (
    PATIENCE,
    Remote,
    Transfer,
    check_room,
    delete,
    download,
    endpoint,
    intact,
    library,
)

__all__ = ["CONFIG", "WEIGHTS", "Snapshot", "cached", "discard_damaged", "fetch", "listing", "mending", "pin"]
__all__ += ["pins", "preload_lines", "revision"]

LOCK = assets.HUB_LOCK

_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)  # one download at a time per repository
_turns_lock = threading.Lock()


@dataclass(frozen=True)
class Snapshot:
    """A repository's files on this machine: the folder that mirrors it, and the commit they are of."""

    folder: Path
    commit: str


def pins(path: Path | None = None) -> dict[str, dict[str, str]]:
    """The lock file: {id: {"source": ..., "revision": ...}}."""
    return json.loads((path or LOCK).read_text())


def revision(repository: Repository) -> str:
    """The pinned commit, or "main" where none is pinned; a pin of another repository does not count."""
    pinned = pins().get(repository.id, {})
    return pinned["revision"] if pinned.get("source") == repository.source else "main"


def cached(repository: Repository) -> Snapshot | None:
    """The files where all of them are on this machine already; asks no network."""
    first = selection.first(repository)
    found = library().try_to_load_from_cache(repository.source, first, revision=revision(repository))
    if not isinstance(found, str):
        return None
    folder = Path(found).parents[first.count("/")]
    try:
        _present(repository, folder)
    except ModelUnavailable:
        return None
    return Snapshot(folder, folder.name)


def _present(repository: Repository, folder: Path) -> list[str]:
    """The names of the needed files in a folder.

    Raises:
        ModelUnavailable: some are missing.
    """
    if repository.files:
        names = [name for name in repository.files if (folder / name).is_file()]
    else:
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return selection.needed(repository, names)


def listing(repository: Repository, patience: float = PATIENCE, at: str | None = None) -> list[Remote]:
    """Ask the Hub about the files to read, without downloading any.

    Args:
        repository: what is read.
        patience: seconds to wait for each answer.
        at: commit or branch; the pinned one by default.

    Raises:
        ModelUnavailable: they are not to be had.
    """
    at = at or revision(repository)
    with in_words(repository):
        url = library().hf_hub_url(repository.source, selection.first(repository), revision=at, endpoint=endpoint())
        # A gated repository answers what it is about to everybody, and only its files tell that it is gated.
        about = library().get_hf_file_metadata(url, timeout=patience, endpoint=endpoint())
        whole = (
            library()
            .HfApi(endpoint=endpoint())
            .model_info(repository.source, revision=about.commit_hash or at, timeout=patience, files_metadata=True)
        )
    if not whole.sha:
        what = f"what answers instead of the Hub knows nothing of {repository.source}"
        raise ModelUnavailable(what, "unreachable")
    files = {each.rfilename: each for each in whole.siblings or ()}
    found = []
    for name in selection.needed(repository, files):
        each = files[name]
        etag = each.lfs.sha256 if each.lfs else each.blob_id
        found.append(Remote(name, whole.sha, etag or "", each.size or 0))
    return found


def fetch(repository: Repository, progress: Progress = SILENT) -> Snapshot:
    """The files, downloaded where they are not on this machine yet.

    Args:
        repository: what is read.
        progress: told `Downloading` now and then, and asked whether to go on.

    Raises:
        ModelUnavailable: they are not to be had, or it was stopped; nothing of a failed file stays on disk.
    """
    with _turns_lock:
        turn = _turns[repository.source]
    with turn:
        if found := cached(repository):
            return found
        remotes = listing(repository)
        transfer = Transfer(sum(remote.size for remote in remotes), progress)
        check_room(repository, transfer.total)
        for remote in remotes:
            download(repository, remote, revision(repository), transfer)
        found = cached(repository)
        if found is None or found.commit != remotes[0].commit:  # somebody pushed in between
            raise ModelUnavailable(f"{repository.source} changed while it was downloaded; try again", "damaged")
        return found


@contextmanager
def mending(repository: Repository) -> Iterator[None]:
    """Where files cannot be read, delete those that are damaged, so that the next try fetches them again.

    Raises:
        ModelUnavailable: some were damaged; whatever else was raised inside passes as it is.
    """
    try:
        yield
    except Exception as error:  # each library that reads such files has its own kinds
        if damaged := discard_damaged(repository):
            what = f"{' and '.join(damaged)} of {repository.title} were damaged on this machine and have been deleted"
            raise ModelUnavailable(f"{what}; try again", "damaged") from error
        raise


def discard_damaged(repository: Repository) -> list[str]:
    """Compare cached files with their checksums and delete those that are damaged; return their names."""
    found = cached(repository)
    if not found:
        return []
    names = _present(repository, found.folder)
    paths = {name: found.folder / name for name in names if (found.folder / name).is_symlink()}
    damaged = [name for name, path in paths.items() if not intact(path, Path(os.readlink(path)).name)]
    for name in damaged:
        delete(paths[name])
    return damaged


def pin(repositories: Iterable[Repository], path: Path | None = None) -> dict[str, str]:
    """Resolve "main" of every repository to a commit and write the lock file; what cannot be resolved keeps its pin.

    Args:
        repositories: what to pin.
        path: another lock file.

    Returns:
        Per id the commit, or the sentence that says why there is none.
    """
    path = path or LOCK
    locked, outcome, away = pins(path), {}, None
    for repository in repositories:
        try:
            if away:
                raise away
            commit = listing(repository, at="main")[0].commit
        except ModelUnavailable as error:
            away = error if error.kind == "unreachable" else None
            outcome[repository.id] = str(error)
            continue
        locked[repository.id] = {"source": repository.source, "revision": commit}
        outcome[repository.id] = commit
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(json.dumps(dict(sorted(locked.items())), indent=1) + "\n")
    new.replace(path)
    return outcome


def preload_lines(rows: list[Family]) -> list[str]:
    """What a Space's front matter says under `preload_from_hub`: repository, files and, where pinned, the commit."""
    found = [row.repository for row in rows]
    lines = [f"{each.source} {','.join(each.files)} {revision(each)}" for each in found]
    return [line.removesuffix(" main") for line in lines]
