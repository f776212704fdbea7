"""A folder in diffusers layout, from whoever made it: checked before anything is built, so that nothing is too large.

Everything that does not fit is a `ModelUnavailable` with one sentence for the reader.
"""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer.models.errors import ModelUnavailable
from tracer.models.registry import CONFIG, WEIGHTS

if TYPE_CHECKING:
    from tracer.models.autoencoder import Autoencoder

# Supported classes and the module of each. A class has diffusers' ModelMixin and ConfigMixin, `encode` and `decode` as
# diffusers' autoencoders have them, and a configuration that tells its stride (`autoencoder.total_stride`).
CLASSES = {
    **dict.fromkeys(("AutoencoderKL", "VQModel", "AutoencoderTiny", "AutoencoderDC"), "diffusers"),
    **dict.fromkeys(("AutoencoderKLFlux2", "AutoencoderKLQwenImage", "AutoencoderKLWan"), "diffusers"),
    "Surrogate": "tracer.models.surrogate",
}
FLOATS = ("F64", "F32", "F16", "BF16")
SCALE = ".scale"  # ending of the name of an 8-bit tensor's scales, which surrogates are kept with
LARGEST_CONFIG = 2**20  # bytes
MOST_PARAMETERS = 2**30  # of one autoencoder; the largest known ones have a quarter of it
# Of the numbers and lists that say how much there is to build; the largest known ones are 3 and 6.
MOST_LAYERS = 16
LARGEST_STRIDE = 128  # pixels
DEEPEST = 4  # lists inside each other; the known ones have two
MOST_OF_ONE = 2**17  # of any other whole number or list: channels, codebook entries, pixels a side


def config(folder: Path, name: str) -> dict[str, Any]:
    """The configuration of an autoencoder that can be built here.

    Raises:
        ModelUnavailable: it is missing, no diffusers configuration, of another class, or says something impossible.
    """
    path = folder / CONFIG
    if not path.exists():
        raise ModelUnavailable(f"{name} has no config.json, so it is no autoencoder in diffusers layout")
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_CONFIG:  # a pipe would never end
            raise ValueError
        found = json.loads(path.read_text())
        kind = found["_class_name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ModelUnavailable(f"the config.json of {name} is no diffusers configuration") from None
    if not isinstance(kind, str) or kind not in CLASSES:
        raise ModelUnavailable(f"{name} is a {str(kind)[:40]!r}; supported are {', '.join(CLASSES)}")
    if (folder / f"{WEIGHTS}.index.json").exists():  # diffusers would read the files that it names instead
        raise ModelUnavailable(f"{name} has its weights in several files, which are not read")
    if not (folder / WEIGHTS).is_file():
        raise ModelUnavailable(f"{name} has no {WEIGHTS}; other weight formats are not read")
    for key, value in found.items():
        if not _is_buildable(key, value):
            raise ModelUnavailable(f"the config.json of {name} asks for more than is built here: {key[:40]!r}")
    _check_units(found, name)
    return found


def class_of(found: dict[str, Any]) -> type:
    """The class that a checked configuration names."""
    kind = found["_class_name"]
    return getattr(importlib.import_module(CLASSES[kind]), kind)


def _is_buildable(key: str, value: Any, depth: int = 0) -> bool:
    most = MOST_LAYERS if "layers" in key or "blocks" in key else MOST_OF_ONE
    if isinstance(value, list):
        longest = MOST_OF_ONE if key.startswith("latents_") else MOST_LAYERS
        right = depth < DEEPEST and len(value) <= longest
        return right and all(_is_buildable(key, each, depth + 1) for each in value)
    if isinstance(value, int):
        return abs(value) <= most
    return not isinstance(value, float) or math.isfinite(value)


def _check_units(found: dict[str, Any], name: str) -> None:
    """What latents are shifted and scaled by: numbers, or as many numbers as there are channels."""

    def number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

    scaling, shift = (found.get(key) for key in ("scaling_factor", "shift_factor"))
    mean, deviation = (found.get(key) for key in ("latents_mean", "latents_std"))
    right = scaling is None or (number(scaling) and scaling > 0)
    right &= shift is None or number(shift)
    if mean is not None or deviation is not None:
        lists = isinstance(mean, list) and isinstance(deviation, list) and len(mean) == len(deviation)
        right &= lists and all(map(number, mean)) and all(number(each) and each > 0 for each in deviation)
    if not right:
        raise ModelUnavailable(f"the config.json of {name} does not scale latents by finite, positive numbers")


def check_weights(folder: Path, found: dict[str, Any], name: str) -> None:
    """Compare what the weights' file says it holds with what the configuration builds, without memory for either.

    Raises:
        ModelUnavailable: they do not fit, are no floating-point numbers, or are too many.
    """
    import safetensors
    import torch

    with torch.device("meta"):
        model = class_of(found).from_config(found)
    expected = model.state_dict()
    if sum(tensor.numel() for tensor in expected.values()) > MOST_PARAMETERS:
        raise ModelUnavailable(f"{name} has more than {MOST_PARAMETERS // 10**6} million parameters")
    with safetensors.safe_open(folder / WEIGHTS, "pt") as file:
        keys = set(file.keys())
        for key in keys:
            part = file.get_slice(key)
            fits = key in expected and part.get_shape() == list(expected[key].shape)
            right = FLOATS + ("I8",) * (key + SCALE in keys)
            if fits and expected[key].is_floating_point() and part.get_dtype() not in right:
                raise ModelUnavailable(f"the weights of {name} are no floating-point numbers")


def check_works(autoencoder: Autoencoder, name: str) -> None:
    """Send one small square through.

    Raises:
        ModelUnavailable: what comes back is no image of the same size, or a weight is no finite number.
    """
    import torch

    weights = autoencoder.model.state_dict().values()
    try:
        square = torch.zeros(1, 3, *2 * [2 * min(autoencoder.stride, LARGEST_STRIDE)])
        with torch.no_grad():
            back = autoencoder.decode(autoencoder.encode(square))
        works = back.shape == square.shape and bool(back.isfinite().all())
    except (RuntimeError, ValueError, TypeError, IndexError):  # what torch and diffusers raise where shapes do not fit
        works = False
    if not (works and all(each.isfinite().all() for each in weights)):
        raise ModelUnavailable(
            f"{name} does not give back an image: its weights are not finite, or its parts do not fit"
        )
