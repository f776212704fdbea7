"""Loading autoencoders: one at a time, frozen, kept as long as memory allows; from the package, the Hub or a folder."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from tracer.models import device as machine
from tracer.models import folder as folders
from tracer.models import hub, registry
from tracer.models.errors import ModelUnavailable
from tracer.models.hub import CONFIG, Progress
from tracer.models.hub import WEIGHTS as WEIGHTS_FILE
from tracer.models.registry import Family

__all__ = ["WEIGHTS_FILE", "ModelUnavailable", "at_hand", "from_folder", "load", "loaded", "loading"]
__all__ += ["preload", "revision_of"]

POLL = 0.2  # seconds between two looks at a download

_shelf: OrderedDict = OrderedDict()  # (family, device) -> Autoencoder, the longest unused first
_shelf_lock = threading.Lock()
_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)  # one load at a time per family


def load(row: Family, device: str | None = None, progress: Progress | None = None):
    """The autoencoder of a registry row: downloaded and loaded on first use, and kept while memory allows.

    Args:
        row: the family.
        device: where it is to run; by default an accelerator if there is one.
        progress: of the download, for a watcher in another thread.

    Raises:
        ModelUnavailable: its files cannot be had, are damaged, or are too large for this machine.
    """
    device = device or machine.device()
    with _shelf_lock:
        turn = _turns[row.id]
    with turn:
        if found := loaded(row, device):
            return found
        if row.bundled:
            model = from_folder(Path(row.source) / row.subfolder, row.id, device, row.scaling, row.shift)
        else:
            make_room(row)
            model = _from_hub(row, device, progress)
        with _shelf_lock:
            _shelf[row.id, device] = model
        _evict(machine.budget(), keep=row.id)
        return model


def loading(row: Family, stop: Callable[[], bool]) -> Generator[Progress, None, object]:
    """Load a row as `load` does, in a thread where it may have to be downloaded, so that its progress can be told.

    Args:
        row: the family.
        stop: asked between two looks; once True, the download ends and nothing of it is kept.

    Yields:
        The progress, now and then.

    Returns:
        The autoencoder (the value of a `yield from`).

    Raises:
        ModelUnavailable: as `load` does, or stopped.
    """
    if at_hand(row):
        return load(row)
    progress, outcome = Progress(), []

    def work() -> None:
        try:
            outcome.append(load(row, progress=progress))
        except Exception as error:  # told where somebody waits for it
            outcome.append(error)

    thread = threading.Thread(target=work, name=f"load {row.id}", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL)
            yield progress
            if stop():
                raise ModelUnavailable("the download was stopped", "stopped")
    finally:
        progress.stopped.set()  # also where the visitor left: a download that nobody waits for ends
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def at_hand(row: Family) -> bool:
    """Whether a row can be loaded without a download."""
    return bool(row.bundled or loaded(row) or hub.cached(row))


def loaded(row: Family, device: str | None = None):
    """The autoencoder of a row if it is in memory, else None; using it keeps it there longer."""
    key = row.id, device or machine.device()
    with _shelf_lock:
        if key in _shelf:
            _shelf.move_to_end(key)
        return _shelf.get(key)


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


def _from_hub(row: Family, device: str, progress: Progress | None):
    snapshot = hub.fetch(row, progress)
    try:
        model = from_folder(snapshot.folder, row.id, device, row.scaling, row.shift, snapshot.commit)
    except ModelUnavailable as error:
        if damaged := hub.discard_damaged(row):
            what = f"{' and '.join(damaged)} of {row.title} were damaged on this machine and have been deleted"
            raise ModelUnavailable(f"{what}; try again", "damaged") from error
        raise
    if (kind := type(model.model).__name__) != row.kind:
        raise ModelUnavailable(f"{row.source} holds a {kind} instead of a {row.kind}", "damaged")
    return model


def make_room(row: Family | registry.Generator) -> None:
    """Let go of other models until a row fits, or say that it never will."""
    machine.check_fits(row, spare=sum(_bytes(model.model) for model in list(_shelf.values())))
    _evict(machine.budget() - machine.bytes_of(row), keep=row.id)


def _evict(limit: int, keep: str) -> None:
    """Drop the longest unused models until the rest takes at most `limit` bytes; never the one to keep."""
    with _shelf_lock:
        sizes = {key: _bytes(model.model) for key, model in _shelf.items()}
        for key in list(sizes):
            if sum(sizes.values()) <= limit:
                return
            if key[0] != keep:
                del _shelf[key], sizes[key]


def _bytes(model) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))


def from_folder(
    folder: Path,
    name: str,
    device: str = "cpu",
    scaling: float | None = None,
    shift: float | None = None,
    revision: str = "",
):
    """An autoencoder in diffusers layout: config.json and one safetensors file. Pickled weights are never read.

    Args:
        folder: where the two files are; a pipeline's folder with `vae/` or `movq/` inside will do too.
        name: what results call it.
        device: where it is to run.
        scaling, shift: override the configuration's own.
        revision: what results name, such as the Hub's commit; by default a digest of the files. With one, thresholds
            are tied to `rounded_digest`, since a repository's copy may have more digits than the one calibrated here.

    Raises:
        ModelUnavailable: a file is missing, damaged, too large, or of a class that is not supported.
    """
    import diffusers
    import torch

    from tracer.models.autoencoder import in_fastest_dtype, wrap

    if not folder.is_dir():
        raise ModelUnavailable(f"there is no folder {name}")
    for inside in ("vae", "movq"):
        if not (folder / CONFIG).exists() and (folder / inside / CONFIG).exists():
            folder = folder / inside
    found = folders.config(folder, name)
    kind = found["_class_name"]
    try:
        with _quiet(diffusers):
            folders.check_weights(folder, found, name)
            model, missing = getattr(diffusers, kind).from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                low_cpu_mem_usage=False,
                output_loading_info=True,
            )
    except ModelUnavailable:
        raise
    except Exception as error:  # diffusers, safetensors and json each raise their own kinds
        raise ModelUnavailable(f"the weights of {name} are damaged or do not fit their configuration") from error
    if any(missing.values()):  # diffusers would fill missing tensors with random numbers and only warn
        raise ModelUnavailable(f"the weights of {name} are incomplete or do not fit their configuration")
    _check_shape(model.config, name)
    digest = rounded_digest(model) if revision else revision_of(folder)
    wrapped = wrap(
        model,
        family=name,
        revision=revision or digest,
        scaling=scaling,
        shift=shift,
        device=device,
        digest=digest,
    )
    if machine.zero_gpu():  # which only pretends to have its GPU before a call, so that nothing can be tried out
        return wrapped
    folders.check_works(wrapped, name)
    return in_fastest_dtype(wrapped)


@contextmanager
def _quiet(diffusers) -> Iterator[None]:
    """Keep warnings about superfluous settings out of standard error, which is for our own lines."""
    level = diffusers.logging.get_verbosity()
    diffusers.logging.set_verbosity_error()
    try:
        yield
    finally:
        diffusers.logging.set_verbosity(level)


def _check_shape(config, name: str) -> None:
    if any(config.get(key, 3) != 3 for key in ("in_channels", "input_channels", "out_channels")):
        raise ModelUnavailable(f"{name} is no autoencoder of RGB images")
    if "temperal_downsample" in config and (config.get("is_residual") or config.get("patch_size")):
        raise ModelUnavailable(f"{name} is a later kind of video autoencoder, which is not supported")


def rounded_digest(model) -> str:
    """What identifies the weights of a loaded model, alike for a 32-bit copy and for a bfloat16 copy made from it.

    The SHA-256, shortened, of the class, the settings that it was built with, and all tensors by name, rounded to
    bfloat16. Other weights, or weights that were rounded to float16 on the way, have another one.
    """
    import torch

    settings = {key: value for key, value in model.config.items() if not key.startswith("_")}
    digest = hashlib.sha256(json.dumps([type(model).__name__, settings], sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        rounded = tensor.detach().cpu().to(torch.bfloat16).contiguous().view(torch.int16)
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + rounded.numpy().tobytes())
    return f"sha256-bf16:{digest.hexdigest()[:16]}"


def revision_of(folder: Path, weights: str = WEIGHTS_FILE) -> str:
    """What identifies the weights of a folder: the SHA-256 of configuration and weights, shortened."""
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    with (folder / weights).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"sha256:{digest.hexdigest()[:16]}"
