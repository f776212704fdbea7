"""Loading autoencoders: once each, frozen, from a folder of the package or from one given by its path."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from pathlib import Path

from tracer.lineup import Family

KINDS = ("AutoencoderKL", "VQModel", "AutoencoderTiny", "AutoencoderDC")
KINDS += ("AutoencoderKLFlux2", "AutoencoderKLQwenImage", "AutoencoderKLWan")
WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"

_loading = threading.Lock()


class ModelUnavailable(RuntimeError):
    """A model cannot be had here and now; the message is one sentence for the reader."""


def load(row: Family, device: str = "cpu"):
    """The autoencoder of a registry row, loaded on first use and kept.

    Raises:
        ModelUnavailable: its files are missing or damaged.
    """
    with _loading:
        return _load(row, device)


@functools.lru_cache(maxsize=8)
def _load(row: Family, device: str):
    if not row.bundled:
        raise ModelUnavailable(f"{row.title} is not part of this package")
    return from_folder(Path(row.source) / row.subfolder, row.id, device, row.scaling, row.shift)


def from_folder(folder: Path, name: str, device: str = "cpu", scaling: float | None = None, shift: float | None = None):
    """An autoencoder in diffusers layout: config.json and one safetensors file. Pickled weights are never read.

    Args:
        folder: where the two files are; a pipeline's folder with `vae/` or `movq/` inside will do too.
        name: what results call it.
        device: where it is to run.
        scaling, shift: override the configuration's own.

    Raises:
        ModelUnavailable: a file is missing, damaged, or of a class that is not supported.
    """
    import diffusers
    import torch

    from tracer.autoencoder import wrap

    if not folder.is_dir():
        raise ModelUnavailable(f"there is no folder {name}")
    for inside in ("vae", "movq"):
        if not (folder / "config.json").exists() and (folder / inside / "config.json").exists():
            folder = folder / inside
    kind = _kind_of(folder, name)
    try:
        model, loaded = getattr(diffusers, kind).from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            low_cpu_mem_usage=False,
            output_loading_info=True,
        )
    except Exception as error:  # diffusers, safetensors and json each raise their own kinds
        raise ModelUnavailable(f"the weights of {name} are damaged or do not fit their configuration") from error
    if any(loaded.values()):  # diffusers would fill missing tensors with random numbers and only warn
        raise ModelUnavailable(f"the weights of {name} are incomplete or do not fit their configuration")
    if model.config.get("in_channels", 3) != 3 or model.config.get("out_channels", 3) != 3:
        raise ModelUnavailable(f"{name} is no autoencoder of RGB images")
    return wrap(model, family=name, revision=revision_of(folder), scaling=scaling, shift=shift, device=device)


def _kind_of(folder: Path, name: str) -> str:
    try:
        kind = json.loads((folder / "config.json").read_text())["_class_name"]
    except FileNotFoundError:
        raise ModelUnavailable(f"{name} has no config.json, so it is no autoencoder in diffusers layout") from None
    except (OSError, json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
        raise ModelUnavailable(f"the config.json of {name} is no diffusers configuration") from None
    if kind not in KINDS:
        raise ModelUnavailable(f"{name} is a {str(kind)[:40]!r}; supported are {', '.join(KINDS)}")
    if not (folder / WEIGHTS_FILE).exists():
        raise ModelUnavailable(f"{name} has no {WEIGHTS_FILE}; other weight formats are not read")
    return kind


def revision_of(folder: Path) -> str:
    """What identifies the weights of a folder: the SHA-256 of configuration and weights, shortened."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    with (folder / WEIGHTS_FILE).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"sha256:{digest.hexdigest()[:16]}"
