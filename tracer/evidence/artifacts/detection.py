"""Evidence 2, autoencoder artifacts: did the image go through any latent model's autoencoder?

A small network (`network.py`) looks for the marks that a decoder leaves, after "Detecting AutoEncoder is Enough to
Catch LDM Generated Images", arXiv 2411.06441. It was trained on photographs against the same photographs through
autoencoders, never on a generated image, and needs no line-up. It looks at crops of native pixels, the tries; the score
is the mean of their logits, and stored scores of photographs that nothing was trained on (`null_distribution.py`) say
what a score means.
"""

from __future__ import annotations

import functools
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tracer.evidence.store import Record
from tracer.models import cache
from tracer.models.checkpoint import digest_of
from tracer.models.errors import ModelUnavailable
from tracer.models.progress import SILENT, Progress
from tracer.models.registry import MINIS

if TYPE_CHECKING:
    import torch

    from tracer.evidence.artifacts.network import Detector
    from tracer.image.windows import Box

FOLDER = MINIS / "detector"
WEIGHTS = "model.safetensors"
TRIES, MOST_TRIES = 10, 100
GRID = 8  # pixels: crops begin on it, so that a map and a try see the same pixels in the same phase


@dataclass(frozen=True)
class Settings:
    """How an image is looked at.

    Attributes:
        tries: number of crops; fewer where an image has fewer different ones.
        side: of a crop in pixels; a smaller image is taken whole. Never resized.
        placing: "spread": evenly, the same places every time; "random".
        seed: of random places.
    """

    tries: int = TRIES
    side: int = 160
    placing: Literal["spread", "random"] = "spread"
    seed: int = 0

    def record(self) -> Record:
        """What a threshold depends on. Not on the number of tries: it is worked out for any."""
        return {"side": self.side, "grid": GRID}


@dataclass(frozen=True)
class Try:
    """One crop's answer.

    Attributes:
        index: from 0.
        box: top, left, bottom, right in pixels.
        logit: of this crop.
        score: mean logit of this crop and those before it.
        seconds: since the first one began.
    """

    index: int
    box: Box
    logit: float
    score: float
    seconds: float


def revision(folder: Path | None = None) -> str:
    """What identifies the detector, without loading it.

    Raises:
        ModelUnavailable: a file is missing.
    """
    folder = folder or FOLDER
    for file in ("config.json", WEIGHTS):
        if not (folder / file).is_file():
            raise ModelUnavailable(f"the detector is not part of this package: {file} is missing")
    return _revision(folder, tuple((folder / file).stat().st_mtime_ns for file in ("config.json", WEIGHTS)))


@functools.lru_cache(maxsize=4)
def _revision(folder: Path, changed: tuple[int, ...]) -> str:
    return digest_of(folder, WEIGHTS)


def load(folder: Path | None = None) -> Detector:
    """The detector: loaded on first use, frozen, float32, on the CPU, where a try takes a fraction of a second.

    Raises:
        ModelUnavailable: its files are missing or damaged. Pickled weights are never read.
    """
    folder = folder or FOLDER
    return cache.MODELS.get(("detector", folder, revision(folder)), lambda: _read(folder))


def _read(folder: Path) -> Detector:
    import torch
    from safetensors.torch import load_file

    from tracer.evidence.artifacts.network import Architecture, Detector

    try:
        model = Detector(Architecture(**json.loads((folder / "config.json").read_text())["architecture"]))
        missing, unexpected = model.load_state_dict(load_file(folder / WEIGHTS), strict=False)  # into float32
        damaged = [name for name in missing if not name.endswith("num_batches_tracked")] + unexpected
        finite = all(bool(values.isfinite().all()) for values in model.state_dict().values())
    except Exception as error:  # torch, safetensors and json each raise their own kinds
        raise ModelUnavailable("the files of the detector are damaged or do not fit each other") from error
    if damaged or not finite:
        raise ModelUnavailable("the weights of the detector are incomplete or damaged")
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def count(height: int, width: int, settings: Settings) -> int:
    """How many different crops there are to look at, `settings.tries` at most."""
    return min(settings.tries, math.prod(_places(height, width, settings)))


def _places(height: int, width: int, settings: Settings) -> tuple[int, int]:
    """Rows and columns of the grid on which crops begin."""
    return tuple((side - min(settings.side, side)) // GRID + 1 for side in (height, width))


def boxes(height: int, width: int, settings: Settings) -> list[Box]:
    """Where to look, all different, on the image's 8-pixel grid; the first so many of more tries are the same.

    Places are spread by Halton's sequence, which fills the image evenly however many there are.
    """
    high, wide = min(settings.side, height), min(settings.side, width)
    rows, columns = _places(height, width, settings)
    number = count(height, width, settings)
    if settings.placing == "random":
        drawn = np.random.default_rng(settings.seed).choice(rows * columns, number, replace=False)
        places = [divmod(int(place), columns) for place in drawn]
    else:
        places = _spread(rows, columns, number)
    return [(row * GRID, column * GRID, row * GRID + high, column * GRID + wide) for row, column in places]


def _spread(rows: int, columns: int, number: int) -> list[tuple[int, int]]:
    from scipy.stats import qmc  # a slow import that opening the page does not need

    sequence = qmc.Halton(d=2, scramble=False).fast_forward(1)  # its first point is the corner
    places: dict[tuple[int, int], None] = {}
    while len(places) < number:
        places |= {(int(down * rows), int(across * columns)): None for across, down in sequence.random(number)}
    return list(places)[:number]


def look(pixels: np.ndarray, detector: Detector, settings: Settings, progress: Progress = SILENT) -> list[Try]:
    """Try after try; at least one, however early it is stopped.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size.
        detector: the network.
        settings: how.
        progress: told every `Try`, and asked after each whether to go on.
    """
    import torch

    began, total, tries = time.perf_counter(), 0.0, []
    for index, box in enumerate(boxes(*pixels.shape[:2], settings)):
        with torch.inference_mode():
            logit = detector(tensor(pixels, box)).item()
        total += logit
        seconds = round(time.perf_counter() - began, 3)
        tries.append(Try(index, box, round(logit, 4), round(total / (index + 1), 4), seconds))
        progress.emit(tries[-1])
        if progress.stop():
            break
    return tries


def tensor(pixels: np.ndarray, box: Box) -> torch.Tensor:
    """A crop as the network takes it: float (1, 3, height, width) in [0, 1]."""
    import torch

    top, left, bottom, right = box
    crop = pixels[top:bottom, left:right].copy()  # torch wants an array that it may write to
    return torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255


def sharpness(pixels: np.ndarray, settings: Settings = Settings()) -> tuple[float, float]:
    """How much fine detail there is, in the crops of the tries.

    Returns:
        The mean square of the finest octave (grey in [0, 1] minus its 3 x 3 binomial blur), and its ratio to that of
        the next octave, which hardly depends on what is in a picture: about 0.5 to 2 for a sharp one, below 0.2 for
        one that was enlarged or blurred.
    """
    fine = coarse = 0.0
    for top, left, bottom, right in boxes(*pixels.shape[:2], settings):
        grey = pixels[top:bottom, left:right].mean(axis=2) / 255
        blurred = _binomial(grey)
        half = blurred[::2, ::2]
        fine += float(((grey[1:-1, 1:-1] - blurred) ** 2).mean())
        coarse += float(((half[1:-1, 1:-1] - _binomial(half)) ** 2).mean())
    count = len(boxes(*pixels.shape[:2], settings))
    return fine / count, fine / max(coarse, 1e-12)


def _binomial(grey: np.ndarray) -> np.ndarray:
    for _ in range(2):
        grey = (grey[:-2] + 2 * grey[1:-1] + grey[2:]).T / 4
    return grey
