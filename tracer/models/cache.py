"""Loaded models of every kind: read one at a time, kept while memory allows, the longest unused dropped first."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from tracer.models import device as machine
from tracer.models import hub
from tracer.models.checkpoint import from_folder
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import SILENT, Progress
from tracer.models.registry import Family

__all__ = ["MODELS", "Cache", "at_hand", "load", "loaded", "preload"]

Model = TypeVar("Model")
Key = tuple[Any, ...]  # what it is, then which one, and where it runs


class Cache:
    """Models by key. Safe for several threads, which never read two models at a time: the libraries cannot."""

    def __init__(self) -> None:
        self._models: OrderedDict[Key, Any] = OrderedDict()  # the longest unused first
        self._lock = threading.Lock()
        self._reading = threading.RLock()  # a generator's reading loads its autoencoder

    def get(self, key: Key, read: Callable[[], Model], needed: int = 0) -> Model:
        """The model of a key, read where it is not here.

        Args:
            key: what identifies it.
            read: loads it from files on this machine.
            needed: bytes that it will take, for which others make room before it is read.
        """
        with self._reading:
            if (found := self.peek(key)) is not None:
                return found
            self._trim(machine.budget() - needed)
            model = read()
            with self._lock:
                self._models[key] = model
            self._trim(machine.budget(), keep=key)
            return model

    def peek(self, key: Key) -> Any | None:
        """The model of a key if it is here, else None; using it keeps it here longer."""
        with self._lock:
            if key in self._models:
                self._models.move_to_end(key)
            return self._models.get(key)

    def held(self) -> int:
        """Bytes that all models here would give back."""
        with self._lock:
            return sum(map(_bytes, self._models.values()))

    def drop(self, what: str) -> None:
        """Let go of every model of a kind."""
        with self._lock:
            gone = [self._models.pop(key) for key in list(self._models) if key[0] == what]
        if gone:
            del gone
            gc.collect()  # pipelines refer to themselves

    def _trim(self, limit: int, keep: Key | None = None) -> None:
        """Drop the longest unused until the rest takes at most `limit` bytes; never the one to keep."""
        with self._lock:
            sizes = {key: _bytes(model) for key, model in self._models.items()}
            gone = []
            for key in list(sizes):
                if sum(sizes.values()) <= limit:
                    break
                if key != keep:
                    gone.append(self._models.pop(key))
                    del sizes[key]
        if gone:
            del gone
            gc.collect()


MODELS = Cache()


def _bytes(model: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in _tensors(model))


def _tensors(model: Any) -> Iterator[Any]:
    """The tensors of a network, of a dataclass or tuple with networks in it, or of a pipeline of diffusers."""
    if hasattr(model, "parameters") and hasattr(model, "buffers"):
        yield from model.parameters()
        yield from model.buffers()
    elif hasattr(model, "components"):
        for part in model.components.values():
            yield from _tensors(part)
    elif isinstance(model, tuple):
        for part in model:
            yield from _tensors(part)
    elif is_dataclass(model):
        for field in fields(model):
            yield from _tensors(getattr(model, field.name))


def load(row: Family, device: str | None = None, progress: Progress = SILENT):
    """The autoencoder of a registry row: downloaded and read on first use, and kept while memory allows.

    Args:
        row: the family.
        device: where it is to run; by default an accelerator if there is one.
        progress: of the download.

    Raises:
        ModelUnavailable: its files cannot be had, are damaged, or are too large for this machine.
    """
    device = device or machine.device()
    if found := loaded(row, device):
        return found
    key = ("autoencoder", row.id, device)
    if row.bundled:
        folder = Path(row.source) / row.subfolder
        return MODELS.get(key, lambda: from_folder(folder, row.id, device, row.scaling, row.shift))
    machine.check_fits(row, spare=MODELS.held())
    snapshot = hub.fetch(row.repository, progress)
    return MODELS.get(key, lambda: _read(row, snapshot, device), machine.bytes_of(row))


def _read(row: Family, snapshot: hub.Snapshot, device: str):
    with hub.mending(row.repository):
        folder = snapshot.folder / row.subfolder
        model = from_folder(folder, row.id, device, row.scaling, row.shift, snapshot.commit)
    if (kind := type(model.model).__name__) != row.kind:
        raise ModelUnavailable(f"{row.source} holds a {kind} instead of a {row.kind}", "damaged")
    return model


def at_hand(row: Family) -> bool:
    """Whether a row can be loaded without a download."""
    return bool(row.bundled or loaded(row) or hub.cached(row.repository))


def loaded(row: Family, device: str | None = None):
    """The autoencoder of a row if it is in memory, else None; using it keeps it there longer."""
    return MODELS.peek(("autoencoder", row.id, device or machine.device()))


def preload(rows: list[Family]) -> dict[str, str]:
    """Load rows before the first visitor comes, as ZeroGPU wants it: what is loaded inside a call is lost with it.

    Returns:
        Per row that could not be loaded, the sentence that says why.
    """
    failed = {}
    for row in rows:
        try:
            load(row)
        except ModelUnavailable as error:
            failed[row.id] = str(error)
    return failed
