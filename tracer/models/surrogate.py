"""A bundled stand-in for a real model's autoencoder: a tiny autoencoder, trained on to answer the grid test.

The architecture is that of TAESD (https://github.com/madebyollin/taesd). The weights are kept in 8 bit, a scale for
every output channel, so that four of them take 10 MB; inside they are ordinary 32-bit weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny

from tracer.models.folder import SCALE
from tracer.models.registry import CONFIG, WEIGHTS


class Surrogate(AutoencoderTiny):
    """A tiny autoencoder whose files hold 8-bit weights."""

    @classmethod
    def from_pretrained(cls, folder: Path | str, output_loading_info: bool = False, **_: Any):
        """Read a folder that `save_small` wrote.

        Args:
            folder: where the two files are.
            output_loading_info: also return which tensors are missing, as diffusers does.

        Raises:
            OSError, ValueError, KeyError: a file is missing or damaged.
            RuntimeError: the weights do not fit the configuration.
        """
        from safetensors.torch import load_file

        model = cls.from_config(json.loads((Path(folder) / CONFIG).read_text()))
        stored = load_file(Path(folder) / WEIGHTS)
        weights = {}
        for name, tensor in stored.items():
            if name.endswith(SCALE):
                continue
            scale = stored.get(name + SCALE)
            weights[name] = tensor.float() if scale is None else tensor.float() * _beside(scale.float(), tensor)
        missing = model.load_state_dict(weights, strict=False)
        info = {"missing_keys": missing.missing_keys, "unexpected_keys": missing.unexpected_keys}
        return (model, info) if output_loading_info else model

    def save_small(self, folder: Path) -> None:
        """Write configuration and weights; the weights of convolutions in 8 bit, the rest in 16."""
        from safetensors.torch import save_file

        self.save_config(folder)
        settings = json.loads((folder / CONFIG).read_text())
        settings.pop("_name_or_path", None)  # a path of the machine that it was trained on
        (folder / CONFIG).write_text(json.dumps(settings, indent=2) + "\n")
        small = {}
        for name, tensor in self.state_dict().items():
            if tensor.dim() < 2:
                small[name] = tensor.half().contiguous()
                continue
            scale = (tensor.abs().flatten(1).amax(dim=1) / 127).clamp(min=1e-8).half().float()
            small[name] = (tensor / _beside(scale, tensor)).round().clamp(-127, 127).to(torch.int8).contiguous()
            small[name + SCALE] = scale.half()
        save_file(small, folder / WEIGHTS)


def _beside(scale: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """Scales shaped so that they apply along the first axis."""
    return scale.reshape(-1, *[1] * (tensor.dim() - 1))
