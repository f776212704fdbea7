"""What several recipes share: schedule, averaging, 16-bit arithmetic, checkpoints and logs."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from training import data

RUNS = data.HERE / "runs"
MINIS = data.HERE.parent / "tracer" / "assets" / "minis"
# Where the CPU has no 16-bit arithmetic it is emulated, many times slower.
PRECISION = torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32


def device_at_hand() -> str:
    """An accelerator's name for torch if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def clock_of(device: str) -> Callable[[], float]:
    """What minutes are counted in: the processor's time, or the wall's where an accelerator does the work."""
    return time.process_time if device == "cpu" else time.monotonic


def autocast(device: str = "cpu", wanted: bool = True) -> contextlib.AbstractContextManager:
    """bfloat16 arithmetic where it is wanted, and the CPU, or the accelerator, has it."""
    if device != "cpu":
        return torch.autocast(device, torch.bfloat16, enabled=wanted)
    return torch.autocast("cpu", PRECISION, enabled=wanted and PRECISION is torch.bfloat16)


def average(averaged: torch.Tensor, current: torch.Tensor, count: int | torch.Tensor) -> torch.Tensor:
    """Exponential average that forgets its start: the decay grows to 0.998 with the number of steps."""
    if not averaged.is_floating_point() or current.isinf().any():  # counters of batch normalisation; attention masks
        return current
    return torch.lerp(current, averaged, min(0.998, (1 + float(count)) / (10 + float(count))))


def run(
    name: str,
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    minutes: float,
    loss: Callable[[int], torch.Tensor],
    judge: Callable[[torch.nn.Module], Mapping[str, float]],
    every: int = 200,
    clock: Callable[[], float] = time.process_time,
) -> torch.nn.Module:
    """Train until `minutes` of this process's CPU time have been spent in all runs together; resumes by itself.

    CPU time instead of the wall's, so that a busy machine does not shorten the training. The learning rate warms up
    for 100 steps and falls with the share of the minutes spent. A checkpoint is written every minute.

    Args:
        name: folder in `training/runs/` for `checkpoint.pt` and `log.jsonl`.
        model: what `loss` trains.
        optimiser: over `model`; the rates it comes with are the peaks.
        minutes: CPU minutes in all.
        loss: the loss of the step whose number it gets; the number also seeds the batch, so that a resumed run goes on.
        judge: validation figures of the averaged weights; its own time is not counted.
        every: steps between validations.
        clock: seconds, of whatever the minutes are counted in; with an accelerator the wall's.

    Returns:
        The averaged weights, as a copy of `model`.
    """
    torch.set_num_threads(1)  # CPU minutes of several threads would count waiting for each other
    folder = RUNS / name
    folder.mkdir(parents=True, exist_ok=True)
    averaged = torch.optim.swa_utils.AveragedModel(model, avg_fn=average, use_buffers=True)
    peaks = [group["lr"] for group in optimiser.param_groups]
    step, spent, losses = 0, 0.0, []
    if (folder / "checkpoint.pt").exists():
        state = torch.load(folder / "checkpoint.pt", weights_only=True, map_location="cpu")
        for part, key in ((model, "model"), (averaged, "averaged"), (optimiser, "optimiser")):
            part.load_state_dict(state[key])
        step, spent = state["step"], state["spent"]
    last, saved = clock(), spent
    while spent < minutes * 60:
        share = spent / (minutes * 60)
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * min(1, (step + 1) / 100) * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
        model.train()
        value = loss(step)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        averaged.update_parameters(model)
        losses.append(value.item())
        step += 1
        now = clock()
        spent, last = spent + now - last, now
        if step % every == 0 or spent >= minutes * 60:
            figures = {key: round(number, 4) for key, number in judge(averaged.module.eval()).items()}
            mean = sum(losses) / len(losses)
            row = dict(step=step, minutes=round(spent / 60, 2), loss=round(mean, 4), **figures)
            losses.clear()
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            print(row, flush=True)
        if spent - saved >= 60 or spent >= minutes * 60:
            save(folder / "checkpoint.pt", model, averaged, optimiser, step, spent)
            saved = spent
        last = clock()
    return averaged.module.eval()


def save(path: Path, model, averaged, optimiser, step: int, spent: float) -> None:
    """Replace a checkpoint in one move, so that a run that is killed here leaves the old one whole."""
    new = path.with_suffix(".new")
    torch.save(
        dict(
            model=model.state_dict(),
            averaged=averaged.state_dict(),
            optimiser=optimiser.state_dict(),
            step=step,
            spent=spent,
        ),
        new,
    )
    os.replace(new, path)


def last_average(name: str, model: torch.nn.Module) -> torch.nn.Module:
    """`model` with the averaged weights of its last checkpoint."""
    state = torch.load(RUNS / name / "checkpoint.pt", weights_only=True)["averaged"]
    model.load_state_dict({key.removeprefix("module."): value for key, value in state.items() if key != "n_averaged"})
    return model.eval()


def readable(folder: Path) -> None:
    """Let everybody read the weights in `folder`: the writer makes them readable to their owner alone."""
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
