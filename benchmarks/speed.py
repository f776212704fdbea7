"""Speed against the reference settings, with Stable Diffusion's full-size autoencoder and random weights.

Reference: whole frame, 32 bit, 100 gradient steps. A few of them are timed and multiplied, which the table says; where
a frame's gradient does not fit into memory, it takes at least a smaller frame's time, times the pixels. Double
reconstruction is of the whole frame. The grid test is decided after two windows, the fewest that name a family, or
after four; a picture's windows have the same size whatever its own. Each size runs in a process of its own, so that
its peak memory can be told.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time

import numpy as np

from benchmarks.core import Bench, table
from benchmarks.process import peak
from tracer.models import device

TITLE = "Speed against the reference settings"
SIZES = (256, 512, 1024)
QUICK = (128,)
WINDOWS = (2, 4)  # after which the grid test is decided
TIMED = 2  # reference steps that are timed
STEPS = 100
DTYPES = ("bfloat16", "float32")
# Bytes that a gradient step keeps per pixel of the frame, measured at 256 px; a larger frame is not begun without them.
STEP_BYTES = 30_000


def full_size():
    """An autoencoder shaped like Stable Diffusion's, with random weights, in the interface of the rest."""
    import torch
    from diffusers import AutoencoderKL

    from tracer.models.autoencoder import Autoencoder

    torch.manual_seed(0)
    channels = (128, 256, 512, 512)
    model = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=channels,
        layers_per_block=2,
        latent_channels=4,
    )
    model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return Autoencoder(model, 8, 0.18215, 0.0, "random", "random")


def inspected(pixels: np.ndarray, model, most: int) -> int:
    """The grid test of one family on so many windows, neutral codes included; returns how many there were."""
    from tracer.evidence.inversion import grid, inspection

    code = grid.Reconstruction(model)
    lineup = inspection.Lineup({"sd": lambda: code}, {"sd": model.stride}, math.inf, most=most, search=False)
    return inspection.inspect(pixels, lineup).windows


def one(side: int) -> dict[str, dict]:
    """Seconds and peak memory of one size, by data type of the weights; run in a process of its own.

    What takes less memory comes first, since a process only tells the most that it ever had.
    """
    import torch

    from tracer.evidence.inversion.settings import PAPER

    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    image = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    results: dict[str, dict] = {}
    for dtype in DTYPES:
        model = full_size()
        model.model.to(getattr(torch, dtype))
        with torch.inference_mode():
            model.decode(model.encode(image[..., :64, :64]))  # warms up
        times = {}
        for most in WINDOWS:
            began = time.perf_counter()
            windows = inspected(pixels, model, most)
            times[str(most)] = {"seconds": time.perf_counter() - began, "windows": windows}
        results[dtype] = {"grid": times, "grid_mb": peak()}
    found = results["float32"]  # its model is the one at hand
    began = time.perf_counter()
    with torch.inference_mode():
        model.decode(model.encode(model.decode(model.encode(image))))
    found |= {"double": time.perf_counter() - began, "double_mb": peak()}
    if side**2 * STEP_BYTES < device.memory()[1]:
        latents = model.encode(image).detach().clone().requires_grad_(True)
        optimiser = torch.optim.Adam([latents], lr=PAPER.rate)
        began = time.perf_counter()
        for _ in range(TIMED):
            optimiser.zero_grad()
            (model.decode(latents).clamp(0, 1) - image).square().mean().backward()
            optimiser.step()
        found |= {"reference": (time.perf_counter() - began) / TIMED * STEPS, "reference_mb": peak()}
    return results


def measure(bench: Bench) -> dict:
    """Every size; --quick: a small one."""
    results = {}
    for side in QUICK if bench.quick else SIZES:
        code = f"import json; from benchmarks import speed; print(json.dumps(speed.one({side})))"

        def run(code: str = code) -> dict:
            done = subprocess.run(  # noqa: S603 - our own code
                [sys.executable, "-c", code], capture_output=True, text=True, check=False
            )
            lines = done.stdout.strip().splitlines()
            return (
                json.loads(lines[-1]) if done.returncode == 0 and lines else {each: {"failed": True} for each in DTYPES}
            )

        found = bench.kept(f"speed {side}", run)
        results |= {f"{side} px, {dtype}": found[dtype] for dtype in reversed(DTYPES)}
    return results


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    text = (
        f"Stable Diffusion's shape, random weights. Of the reference's {STEPS} steps, {TIMED} are timed and "
        "multiplied; where its gradient does not fit into memory, a smaller frame's time is multiplied by the pixels, "
        "which is less than it would take (attention grows faster). How many times faster the grid test is: decided "
        f"after {' / '.join(map(str, WINDOWS))} windows, or all where the frame holds fewer. Reference and double "
        "reconstruction are in 32 bit. Memory is the process's peak in MiB after the grid test, double reconstruction "
        "and the reference."
    )
    head = ["frame, weights", *(f"grid test, {count} window{'s' * (count > 1)}" for count in WINDOWS)]
    head += ["double reconstruction", "reference", "reference / grid test", "double / grid test", "peak MiB"]
    rows = [[name, *_row(results, name, found)] for name, found in results.items()]
    return ["", text, *table(head, rows)]


def _row(results: dict, name: str, found: dict) -> list[str]:
    if found.get("failed"):
        return ["did not run"] * 7
    double = results[f"{name.split(',')[0]}, float32"].get("double")
    reference, least = reference_of(results, int(name.split()[0]))
    times = [each["seconds"] for each in found["grid"].values()]
    return [
        *(f"{each['seconds']:.2f} s ({each['windows']})" for each in found["grid"].values()),
        f"{double:.1f} s" if double else "-",
        f"{least}{reference:.0f} s" if reference else "not enough memory",
        " / ".join(f"{least}{reference / each:.0f}" for each in times) if reference else "-",
        " / ".join(f"{double / each:.1f}" for each in times) if double else "-",
        " / ".join(f"{found[key]:.0f}" for key in ("grid_mb", "double_mb", "reference_mb") if key in found),
    ]


def reference_of(results: dict, side: int) -> tuple[float | None, str]:
    """Seconds of the reference at a size, and "at least " where they follow from a smaller frame's by the pixels."""
    for known in sorted((each for each in (*QUICK, *SIZES) if each <= side), reverse=True):
        found = results.get(f"{known} px, float32", {})
        if "reference" in found:
            return found["reference"] * (side / known) ** 2, "" if known == side else "at least "
    return None, ""
