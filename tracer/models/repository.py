"""Whole pipelines from the Hub: of each part the configuration and one set of safetensors, nothing else.

Pickled weights are never read, and no code of a repository is ever fetched. Where a part's weights are there in 16 bit
too (diffusers' variant "fp16"), those are taken: half the download. Pins, checks, progress and failures are those of
`models.hub`.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tracer.models import hub
from tracer.models.errors import ModelUnavailable, in_words
from tracer.models.hub import PATIENCE, Progress, Remote, Snapshot
from tracer.models.registry import Repository

INDEX = "model_index.json"
POLL = 0.2  # seconds between two looks at a download
HALF = "fp16"
_LIGHT = ("feature_extractor", "image_processor", "scheduler", "tokenizer", "tokenizer_2")  # parts without weights
_SMALL = (".json", ".txt", ".model")
_WEIGHTS = re.compile(r"(diffusion_pytorch_model|model)(\.fp16)?(?:-\d{5}-of-(\d{5}))?\.safetensors")
_PICKLES = (".bin", ".ckpt", ".pt", ".pth")


def needed(repository: Repository, names: Collection[str]) -> list[str]:
    """The files to read, of those that a repository has.

    Args:
        repository: the row.
        names: paths of all files in the repository.

    Raises:
        ModelUnavailable: a part is missing, or there only as a pickle.
    """
    if repository.files:
        for name in repository.files:
            if name not in names:
                raise _missing(repository, "", names, name)
        return list(repository.files)
    wanted = [INDEX]
    if INDEX not in names:
        raise ModelUnavailable(f"{repository.source} has no {INDEX}, so it is no pipeline of diffusers")
    for folder in repository.folders:
        inside = {name.partition("/")[2]: name for name in names if name.startswith(f"{folder}/")}
        if folder in _LIGHT:
            mine = [name for short, name in sorted(inside.items()) if short.endswith(_SMALL) and "/" not in short]
            if not mine:
                raise ModelUnavailable(f"{repository.source} has no longer the {folder} that {repository.title} needs")
            wanted += mine
            continue
        mine = _weights(inside)
        if not mine or "config.json" not in inside:
            raise _missing(repository, f"{folder}/", names, "safetensors")
        wanted += [inside[short] for short in ("config.json", *mine)]
    return wanted


def _weights(inside: Collection[str]) -> list[str]:
    """One whole set of weights, with its index where it is in several files: in 16 bit if there is one."""
    for variant in (f".{HALF}", ""):
        found = [match for match in map(_WEIGHTS.fullmatch, sorted(inside)) if match and (match[2] or "") == variant]
        single = [match[0] for match in found if not match[3]]
        shards = [match for match in found if match[3]]
        if single:
            return single[:1]
        if shards and len(shards) == int(shards[0][3]):
            index = f"{shards[0][1]}.safetensors.index{variant}.json"
            if index in inside:
                return [index, *(match[0] for match in shards)]
    return []


def _missing(repository: Repository, folder: str, names: Collection[str], what: str) -> ModelUnavailable:
    pickled = any(name.startswith(folder) and name.endswith(_PICKLES) for name in names)
    if pickled and what.endswith("safetensors"):
        where = f" of its {folder[:-1]}" if folder else ""
        why = "could run code of their own and are not read"
        return ModelUnavailable(f"{repository.source} has the weights{where} only as pickles, which {why}")
    return ModelUnavailable(f"{repository.source} has no longer the files that {repository.title} needs")


def look(repository: Repository, patience: float = PATIENCE, at: str | None = None) -> list[Remote]:
    """Ask the Hub about the files to read, without downloading any.

    Args:
        repository: the row.
        patience: seconds to wait for each answer.
        at: commit or branch; the pinned one by default.

    Raises:
        ModelUnavailable: they are not to be had.
    """
    library, at = hub._library(), at or hub.revision(repository)
    first = repository.files[0] if repository.files else INDEX
    with in_words(repository):
        url = library.hf_hub_url(repository.source, first, revision=at, endpoint=hub.endpoint())
        # A gated repository answers what it is about to everybody, and only its files tell that it is gated.
        about = library.get_hf_file_metadata(url, timeout=patience, endpoint=hub.endpoint())
        whole = library.HfApi(endpoint=hub.endpoint()).model_info(
            repository.source, revision=about.commit_hash or at, timeout=patience, files_metadata=True
        )
    if not whole.sha:
        raise ModelUnavailable(f"what answers instead of the Hub knows nothing of {repository.source}", "unreachable")
    files = {each.rfilename: each for each in whole.siblings or ()}
    found = []
    for name in needed(repository, files):
        each = files[name]
        etag = each.lfs.sha256 if each.lfs else each.blob_id
        found.append(Remote(name, whole.sha, etag or "", each.size or 0))
    return found


def cached(repository: Repository) -> Snapshot | None:
    """The files where all of them are on this machine already; asks no network."""
    first = repository.files[0] if repository.files else INDEX
    found = hub._library().try_to_load_from_cache(repository.source, first, revision=hub.revision(repository))
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    try:
        needed(repository, names)
    except ModelUnavailable:
        return None
    return Snapshot(folder, folder.name)


def fetch(repository: Repository, progress: Progress | None = None) -> Snapshot:
    """The files, downloaded where they are not on this machine yet.

    Args:
        repository: the row.
        progress: filled in while the download goes on, and asked whether to go on.

    Raises:
        ModelUnavailable: they are not to be had; nothing of a failed file stays on disk.
    """
    if found := cached(repository):
        return found
    progress = progress or Progress()
    remotes = look(repository)
    progress.total = sum(remote.size for remote in remotes)
    hub._check_room(repository, progress.total)
    for remote in remotes:
        hub._download(repository, remote, progress)
    found = cached(repository)
    if found is None or found.commit != remotes[0].commit:  # somebody pushed in between
        raise ModelUnavailable(f"{repository.source} changed while it was downloaded; try again", "damaged")
    return found


def fetching(repository: Repository, stop: Callable[[], bool]) -> Iterator[Progress]:
    """Fetch in a thread, so that its progress can be told: yields it now and then, nothing where all is here.

    Args:
        repository: the row.
        stop: asked between two looks; once True, the download ends.

    Raises:
        ModelUnavailable: as `fetch` does, or stopped.
    """
    if cached(repository):
        return
    progress, failures = Progress(), []

    def work() -> None:
        try:
            fetch(repository, progress)
        except Exception as error:  # told where somebody waits for it
            failures.append(error)

    thread = threading.Thread(target=work, name=f"fetch {repository.id}", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL)
            yield progress
            if stop():
                raise ModelUnavailable("the download was stopped", "stopped")
    finally:
        progress.stopped.set()  # also where the visitor left
    if failures:
        raise failures[0]


def discard_damaged(repository: Repository) -> list[str]:
    """Compare cached files with their checksums and delete those that are damaged; return their names."""
    found = cached(repository)
    if not found:
        return []
    paths = [path for path in found.folder.rglob("*") if path.is_symlink()]
    damaged = [path for path in paths if not hub._intact(path, Path(os.readlink(path)).name)]
    for path in damaged:
        hub._delete(path)
    return [path.relative_to(found.folder).as_posix() for path in damaged]
