"""What this machine can do: memory, accelerator, and how fast it computes."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tracer.models.errors import ModelUnavailable
from tracer.models.registry import Family, Generator

_CGROUP = Path("/sys/fs/cgroup")


def memory() -> tuple[int, int]:
    """Bytes of memory in all, and those that can be had now; a container's limit counts where it is lower."""
    found = psutil.virtual_memory()
    total, available = found.total, found.available
    try:
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        total, available = min(total, limit), min(available, limit - used)
    except (OSError, ValueError):  # no limit, or no such file
        pass
    return total, max(available, 0)


def give_back_memory() -> None:
    """Return freed memory to the system, which glibc would keep; nothing where there is another library."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def budget() -> int:
    """Bytes that loaded models may take together: $LATENT_LINEUP_MEMORY in GB, else half of the memory."""
    chosen = os.environ.get("LATENT_LINEUP_MEMORY")
    return int(float(chosen) * 1e9) if chosen else memory()[0] // 2


def bytes_of(row: Family | Generator) -> int:
    """Memory of a row's weights. Everything is loaded in 32 bit, so that scores are those that were calibrated."""
    return int(row.parameters * 1e6 * 4)


def check_fits(row: Family | Generator, spare: int = 0) -> None:
    """Compare a row with this machine's memory.

    Args:
        row: the family or generator.
        spare: bytes that other models would give back.

    Raises:
        ModelUnavailable: it is too large.
    """
    needed, (_, available), most = bytes_of(row), memory(), budget()
    # While it is read, a model is in memory twice: as the file's tensors and as its own.
    if needed > most or 2 * needed > available + spare:
        has = f"this machine has {available / 1e9:.1f} GB free, of which models may take {most / 1e9:.1f} GB"
        raise ModelUnavailable(f"{row.title} takes {needed / 1e9:.1f} GB, twice that while it loads; {has}", "memory")


@functools.cache
def device() -> str:
    """Where models run: "cuda" where torch finds one, which ZeroGPU makes it do even outside a call; else "cpu"."""
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    torch.backends.cudnn.allow_tf32 = False  # its 10 bits would shift scores against thresholds measured with 23
    return "cuda"


def zero_gpu() -> bool:
    """Whether this is a Space whose GPU is only there during decorated calls (spaces 0.51, config.py)."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


@functools.cache
def speed() -> float:
    """Multiplications per second of a convolution forward and backward, measured once in a fraction of a second."""
    import torch

    side, channels = 96, 64
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1, device=device()).requires_grad_(False)
    best = float("inf")
    with torch.enable_grad():
        for _ in range(4):  # the first one warms up
            images = torch.ones(1, channels, side, side, device=device(), requires_grad=True)
            began = time.perf_counter()
            layer(images).sum().backward()
            _ = images.grad.sum().item()  # waits for an accelerator
            best = min(best, time.perf_counter() - began)
    return 2 * side**2 * channels**2 * 9 / best


def drawing_seconds(rows: Sequence[Generator], count: int) -> float:
    """How long some models will take to draw, from the counted work and the measured speed.

    Args:
        rows: the models.
        count: drawings of each.
    """
    return count * sum(row.work for row in rows) * 1e12 / speed()
