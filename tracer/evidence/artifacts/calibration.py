"""Measure what evidence 2 is judged by: `python -m tracer calibrate artifacts --photographs DIR`.

Photographs that nothing was trained on, and the same photographs through bundled autoencoders, are scored as they are
and in every condition that has thresholds of its own. The detector looks at both in the same way, so all that differs
between them is the autoencoder.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from tracer.evidence import store
from tracer.evidence.artifacts import detection, null_distribution, spectrum
from tracer.evidence.artifacts.detection import Settings
from tracer.evidence.artifacts.network import Detector
from tracer.evidence.artifacts.null_distribution import CONDITIONS, LEVELS, SMALL, SOFT, WEBP, NullDistribution
from tracer.evidence.conditions import LOSSLESS
from tracer.image import perturbations, samples
from tracer.models import autoencoder, cache, registry
from tracer.models.autoencoder import Autoencoder

LARGEST = 768  # pixels a side: of larger photographs the middle is taken
FEWER = 3  # tries of each image in conditions other than lossless
WEBP_QUALITIES = (50, 65, 80, 95)
FACTORS, BLURS = (1.25, 1.5, 2.0), (0.8, 1.5)  # of softened images: enlarged so many times, or blurred so much

Photograph = tuple[str, np.ndarray]  # the name of its folder, and uint8 RGB


def calibrate(
    folders: Sequence[Path],
    count: int = 200,
    conditions: Sequence[str] = CONDITIONS,
    out: Path = store.FOLDER,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Score photographs and reconstructions, and store one file per condition in the folder `out`.

    Args:
        folders: of photographs; every folder with images inside is one kind of photograph.
        count: photographs per kind, at most; every n-th where there are more.
        conditions: of `null_distribution.CONDITIONS`.
        out: where to store.
        progress: told how many of how many photographs are done.

    Returns:
        The stored files.

    Raises:
        KeyError: unknown condition.
        ValueError: too few readable photographs.
        OSError: a folder cannot be read, or `out` not be written; found out before any work is done.
        ModelUnavailable: the detector or an autoencoder is not there.
    """
    for condition in conditions:
        if condition not in CONDITIONS:
            raise KeyError(f"no condition called {condition!r}; there are: {', '.join(CONDITIONS)}")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass
    detector, revision = detection.load(), detection.revision()
    found = photographs(folders, count)
    autoencoders = [cache.load(row) for row in registry.families("minis")]
    made = measure(found, detector, autoencoders, conditions, progress)
    return [null_distribution.save(replace(each, detector=revision), out) for each in made]


def photographs(folders: Sequence[Path], count: int) -> list[Photograph]:
    """The photographs that a crop of the usual size fits into, cut to the middle where they are very large.

    Raises:
        ValueError: fewer than the highest false-positive rate needs.
    """
    result = []
    for folder in folders:
        for inner in [folder, *sorted(each for each in folder.iterdir() if each.is_dir())]:
            kind = [middle(pixels, LARGEST) for pixels in samples.pictures(inner, 10**9)]
            kind = [pixels for pixels in kind if min(pixels.shape[:2]) >= Settings.side]
            places = np.unique(np.linspace(0, len(kind) - 1, min(count, len(kind))).astype(int)) if kind else ()
            result += [(inner.name, kind[place]) for place in places]
    needed = round(1 / LEVELS[-1]) - 1
    if len(result) < needed:
        raise ValueError(
            f"at least {needed} photographs of {Settings.side} pixels a side or more are needed, not {len(result)}"
        )
    return result


def middle(pixels: np.ndarray, side: int) -> np.ndarray:
    """The middle of an image, of at most `side` pixels a side."""
    top, left = (max(length - side, 0) // 2 for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def measure(
    found: Sequence[Photograph],
    detector: Detector,
    autoencoders: Sequence[Autoencoder],
    conditions: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[NullDistribution]:
    """Null distributions without the detector's name, one per condition.

    Args:
        found: the photographs; each is sent through one of the autoencoders, which take turns.
        detector: the network.
        autoencoders: whose reconstructions stand for what a latent model made.
        conditions: of `null_distribution.CONDITIONS`.
        progress: told how many of how many photographs are done.
    """
    collected = {condition: _Collected() for condition in conditions}
    for index, (_, photograph) in enumerate(found):
        decoded = autoencoder.reconstruct(photograph, autoencoders[index % len(autoencoders)])
        original = photograph[: decoded.shape[0], : decoded.shape[1]]  # both are cut to the latent grid
        for condition, each in collected.items():
            tries = detection.TRIES if condition == LOSSLESS else FEWER
            change = changed(condition, index // len(autoencoders))
            each.add((change(original), change(decoded)), detector, Settings(tries=tries))
        progress(index + 1, len(found))
    return [
        NullDistribution(
            detector="",
            settings=Settings().record(),
            condition=condition,
            photographs=each.tries[0],
            reconstructions=each.tries[1],
            small={str(side): each.small[side] for side in SMALL},
            kinds=[kind for kind, _ in found],
            makers=[autoencoders[index % len(autoencoders)].family for index in range(len(found))],
            sharpness=each.sharpness,
            images="given photographs, and each through one of the autoencoders in turn",
            date=datetime.date.today().isoformat(),
            spectrum=each.spectrum(),
            versions=store.versions(),
        )
        for condition, each in collected.items()
    ]


class _Collected:
    """What is known about photographs (first) and reconstructions (second) under one condition."""

    def __init__(self) -> None:
        self.tries: list[list[list[float]]] = [[], []]
        self.small: dict[int, list[list[float]]] = {side: [[], []] for side in SMALL}
        self.sharpness: list[list[float]] = [[], []]
        self.power: list[np.ndarray] = []
        self.peaks: list[np.ndarray] = []

    def add(self, pair: tuple[np.ndarray, np.ndarray], detector: Detector, settings: Settings) -> None:
        shown = spectrum.measure(pair[0])
        self.power.append(shown.power)
        self.peaks.append(shown.peaks)
        for place, pixels in enumerate(pair):
            self.tries[place].append([each.logit for each in detection.look(pixels, detector, settings)])
            self.sharpness[place].append(float(f"{detection.sharpness(pixels, settings)[1]:.4g}"))
            for side in SMALL:
                (only,) = detection.look(middle(pixels, side), detector, Settings())
                self.small[side][place].append(only.logit)

    def spectrum(self) -> dict[str, list[list[float]]]:
        return {
            name: np.percentile(values, (10, 50, 90), axis=0).round(2).tolist()
            for name, values in (("power", self.power), ("peaks", self.peaks))
        }


def changed(condition: str, index: int) -> Callable[[np.ndarray], np.ndarray]:
    """What is done to the images of a condition; what has several forms takes them in turn."""
    if condition.startswith("jpeg-"):
        quality = int(condition.removeprefix("jpeg-"))
        return lambda pixels: perturbations.jpeg(pixels, quality)
    if condition == WEBP:
        return lambda pixels: perturbations.webp(pixels, WEBP_QUALITIES[index % len(WEBP_QUALITIES)])
    if condition == SOFT:
        form = index % (len(FACTORS) + len(BLURS))
        if form < len(FACTORS):
            return lambda pixels: perturbations.scale(pixels, FACTORS[form])
        blur = ImageFilter.GaussianBlur(BLURS[form - len(FACTORS)])
        return lambda pixels: np.asarray(Image.fromarray(pixels).filter(blur))
    return lambda pixels: pixels
