"""A small untrained detector and made-up scores, for tests of everything but its judgement."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from tracer.evidence.artifacts import detection, null_distribution
from tracer.evidence.artifacts.network import Architecture, Detector
from tracer.evidence.artifacts.null_distribution import CONDITIONS, LEVELS, SMALL, NullDistribution


def write(folder: Path, seed: int = 0) -> Path:
    """An untrained detector of four channels, in the package's layout."""
    torch.manual_seed(seed)
    architecture = Architecture(body="plain", inputs="both", width=4)
    model = Detector(architecture)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.half() for key, value in model.state_dict().items() if value.is_floating_point()}
    save_file(tensors, folder / detection.WEIGHTS)
    (folder / "config.json").write_text(json.dumps({"architecture": asdict(architecture)}))
    return folder


def made_up(
    condition: str = "lossless",
    detector: str = "",
    photographs: float = -4.0,
    reconstructions: float = 4.0,
    count: int = 199,
) -> NullDistribution:
    """Scores of `count` photographs and reconstructions, normally distributed around two values."""
    rng = np.random.default_rng(0)
    negative, positive = rng.normal(photographs, 1, count), rng.normal(reconstructions, 1, count)
    return NullDistribution(
        detector=detector,
        settings=detection.Settings().record(),
        condition=condition,
        photographs=[[value] * detection.TRIES for value in negative.tolist()],
        reconstructions=[[value] * detection.TRIES for value in positive.tolist()],
        small={str(side): [negative.tolist(), positive.tolist()] for side in SMALL},
        kinds=["made up"] * count,
        makers=["nobody"] * count,
        sharpness=[rng.uniform(0.5, 2, count).tolist(), rng.uniform(0.5, 2, count).tolist()],
        images="made up",
        date="2026-01-01",
        spectrum={"power": np.zeros((3, 32)).tolist(), "peaks": np.zeros((3, 4)).tolist()},
    )


def store(folder: Path, detector: str, **scores: float) -> None:
    """Made-up scores for every condition."""
    for condition in CONDITIONS:
        null_distribution.save(made_up(condition, detector, **scores), folder)


assert LEVELS == (0.001, 0.01, 0.05), "the counts above hold two of these levels"
