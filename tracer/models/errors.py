"""Why a model cannot be had, in one sentence for the reader: what went wrong, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from tracer.models.registry import Repository

Kind = Literal["missing", "gated", "gone", "unreachable", "damaged", "disk", "memory", "stopped"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_HTTP_LIBRARIES = ("httpx", "httpx2")  # huggingface_hub uses the one or the other


class ModelUnavailable(RuntimeError):
    """A model cannot be had here and now; the message is one sentence for the reader.

    Attributes:
        kind: "missing" (a file is not there), "gated", "gone", "unreachable", "damaged", "disk", "memory", "stopped".
    """

    def __init__(self, message: str, kind: Kind = "missing") -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self):
        return type(self), (str(self), self.kind)


@contextmanager
def in_words(repository: Repository) -> Iterator[None]:
    """Turn what huggingface_hub raises into a `ModelUnavailable`; what it cannot mean passes as it is."""
    try:
        yield
    except ModelUnavailable:
        raise
    except Exception as error:  # each library below has its own kinds
        told = explained(error, repository)
        if told is None:
            raise
        raise told from error


def explained(error: BaseException, repository: Repository) -> ModelUnavailable | None:
    """What an error of huggingface_hub means for a repository, or None where it is none of its failures."""
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__  # it only says that there is no copy here; the cause says why none could be fetched
    if isinstance(error, errors.OfflineModeIsEnabled):
        what = "HF_HUB_OFFLINE is set, so nothing can be downloaded; unset it, then try again"
        return ModelUnavailable(what, "unreachable")
    if isinstance(error, errors.GatedRepoError):
        return _gated(repository)
    if isinstance(error, errors.RevisionNotFoundError):
        return ModelUnavailable(
            f"the pinned commit of {repository.source} is gone; run: python -m tracer models --pin", "gone"
        )
    if isinstance(error, (errors.RepositoryNotFoundError, errors.DisabledRepoError)):
        return ModelUnavailable(f"the repository {repository.source} is gone, private or renamed", "gone")
    if isinstance(error, errors.EntryNotFoundError):
        return ModelUnavailable(f"{repository.source} has no longer the files that {repository.title} needs")
    if isinstance(error, errors.HfHubHTTPError):
        return _refused(error.response.status_code, repository)
    if isinstance(error, errors.FileMetadataError):
        return ModelUnavailable(f"what answers instead of the Hub knows nothing of {repository.source}", "unreachable")
    if type(error).__module__.split(".")[0] in _HTTP_LIBRARIES:
        what = "the Hub cannot be reached, or the connection broke off; try again once there is a network"
        return ModelUnavailable(what, "unreachable")
    return _of_the_disk(error, repository) if isinstance(error, OSError) else None


def _gated(repository: Repository) -> ModelUnavailable:
    way = f"accept its licence at https://huggingface.co/{repository.source} and log in with: hf auth login"
    return ModelUnavailable(f"{repository.title} is gated; {way}", "gated")


def _refused(status: int, repository: Repository) -> ModelUnavailable:
    if status in (401, 403):
        if repository.gated:
            return _gated(repository)
        return ModelUnavailable(f"the Hub refuses access to {repository.source} (status {status})", "gone")
    if status == 429:
        return ModelUnavailable("the Hub asks for a pause after too many requests; try again later", "unreachable")
    return ModelUnavailable(f"the Hub answers with an error (status {status}); try again later", "unreachable")


def _of_the_disk(error: OSError, repository: Repository) -> ModelUnavailable | None:
    if error.errno in _FULL:
        return ModelUnavailable(
            f"the disk is full, so {repository.title} was not kept; make room, then try again", "disk"
        )
    if error.errno in _READ_ONLY:
        return ModelUnavailable(
            f"the folder for downloads cannot be written, so {repository.title} was not kept", "disk"
        )
    if "Consistency check failed" in str(error):
        return ModelUnavailable(
            f"a file of {repository.source} arrived cut short and was not kept; try again", "damaged"
        )
    return None
