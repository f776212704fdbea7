"""Reading an autoencoder's folder in diffusers layout, and telling its weights from others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracer.models import device as machine
from tracer.models import folder as folders
from tracer.models.errors import ModelUnavailable
from tracer.models.registry import CONFIG, WEIGHTS

_INSIDE = ("vae", "movq", "vqvae")  # where a pipeline's folder has its autoencoder


def from_folder(
    folder: Path,
    name: str,
    device: str = "cpu",
    scaling: float | None = None,
    shift: float | None = None,
    hub_commit: str | None = None,
):
    """An autoencoder in diffusers layout: config.json and one safetensors file. Pickled weights are never read.

    Args:
        folder: where the two files are; a pipeline's folder with `vae/`, `movq/` or `vqvae/` inside will do too.
        name: what results call it.
        device: where it is to run.
        scaling, shift: override the configuration's own.
        hub_commit: of the repository that the files are from. With one, the weights are known by `rounded_digest`,
            since a repository's copy may have more digits than the one calibrated here; without, by `digest_of`.

    Raises:
        ModelUnavailable: a file is missing, damaged, too large, or of a class that is not supported.
    """
    from tracer.models.autoencoder import in_fastest_dtype, wrap

    if not folder.is_dir():
        raise ModelUnavailable(f"there is no folder {name}")
    for inside in _INSIDE:
        if not (folder / CONFIG).exists() and (folder / inside / CONFIG).exists():
            folder = folder / inside
    model = _loaded(folder, name)
    digest = rounded_digest(model) if hub_commit else digest_of(folder)
    units = {"scaling": scaling, "shift": shift}
    try:
        _check_shape(model.config, name)
        wrapped = wrap(model, family=name, hub_commit=hub_commit, weights_digest=digest, device=device, **units)
        if machine.zero_gpu():  # which only pretends to have its GPU before a call, so that nothing can be tried out
            return wrapped
        folders.check_works(wrapped, name)
        return in_fastest_dtype(wrapped)
    except ModelUnavailable:
        raise
    except Exception as error:  # a configuration may name anything, and diffusers keeps all of it
        raise ModelUnavailable(f"{name} cannot be used as its configuration says") from error


def _loaded(folder: Path, name: str):
    """The diffusers model of a folder, in 32 bits on the CPU, with every tensor from the file."""
    import torch

    config = folders.config(folder, name)
    try:
        with quiet():
            folders.check_weights(folder, config, name)
            model, missing = folders.class_of(config).from_pretrained(
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
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' progress bars and remarks out of standard error, which is for our own lines."""
    import diffusers
    from transformers.utils import logging

    levels = diffusers.logging.get_verbosity(), logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    diffusers.logging.set_verbosity_error()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        diffusers.logging.set_verbosity(levels[0])
        logging.set_verbosity(levels[1])
        if bars:
            logging.enable_progress_bar()


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


def digest_of(folder: Path, weights: str = WEIGHTS) -> str:
    """What identifies the weights of a folder: the SHA-256 of configuration and weights, shortened."""
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    with (folder / weights).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"sha256:{digest.hexdigest()[:16]}"
