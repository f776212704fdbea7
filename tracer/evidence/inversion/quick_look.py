"""A quick look: which family's full-size model may have drawn an image, by the four tiny autoencoders alone.

A tiny autoencoder shares its parent's latents, not its decoder, so it cannot reproduce what the parent drew, and no
threshold applies. But how much each of the four loses, in which wavelet band, and how much it loses the second time,
differs a little between the parents' pictures. A logistic regression on such numbers names a family more often than
chance, and is far from evidence: see `caution`, and `training/quick_look.py` for how it was fitted and tested.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer import assets
from tracer.evidence.verdict import QuickLook as Look
from tracer.image.windows import windows

if TYPE_CHECKING:
    from tracer.models.autoencoder import Autoencoder

TILE, TILES = 128, 2  # pixels, and how many; those with the most detail
FRAME = 8  # pixels at a tile's edge that are not measured: the autoencoder could not see beyond it
LEVELS = 3
STRIDE = 8  # of all four
SIZES = {"raw": 80, "relative": 80, "between": 80, "again": 80, "latents": 8}  # numbers per kind of features
FILE = assets.QUICK_LOOK
PHOTOGRAPH = "photograph"
TITLES = {
    "sd": "Stable Diffusion 1 or 2",
    "sdxl": "Stable Diffusion XL",
    "sd3": "Stable Diffusion 3",
    "flux1": "FLUX.1",
}
FLOOR = 1e-7  # mean square below which nothing is left but the rounding to 8 bit


@dataclass(frozen=True)
class Measured:
    """What the autoencoders lose on an image's tiles: mean squares per wavelet band, of images in [0, 1].

    Bands are three orientations (horizontal, vertical, diagonal) on three levels, finest first, and the rest; first of
    brightness, then of colour: 20 in all.

    Attributes:
        image: of the tiles themselves, (tiles, bands).
        lost: of tile minus reconstruction, (autoencoders, tiles, bands).
        again: of reconstruction minus its own reconstruction, likewise.
        latents: mean square of the latents of tile and of reconstruction, and of their difference,
            (autoencoders, tiles, 3).
    """

    image: np.ndarray
    lost: np.ndarray
    again: np.ndarray
    latents: np.ndarray


def measure(pixels: np.ndarray, autoencoders: list[Autoencoder]) -> Measured:
    """Send an image's tiles through each autoencoder twice.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size.
        autoencoders: the tiny ones, in the registry's order.
    """
    import torch

    from tracer.models.autoencoder import as_pixels

    boxes = [each.scored for each in windows(pixels, STRIDE, 0, TILE, 0, TILES)]
    tiles = np.stack([pixels[top:bottom, left:right] for top, left, bottom, right in boxes])
    images = torch.from_numpy(tiles.astype(np.float32) / 255).permute(0, 3, 1, 2)
    lost, again, latents = [], [], []
    with torch.no_grad():
        for each in autoencoders:
            first = each.encode(images.to(each.device))
            once = torch.from_numpy(as_pixels(each.decode(first)).astype(np.float32) / 255).permute(0, 3, 1, 2)
            second = each.encode(once.to(each.device))
            twice = each.decode(second).clamp(0, 1).cpu()
            lost.append(bands((images - once).numpy()))
            again.append(bands((once - twice).numpy()))
            latents.append([part.square().mean((1, 2, 3)).tolist() for part in (first, second, first - second)])
    return Measured(bands(images.numpy()), *map(np.array, (lost, again)), np.array(latents).swapaxes(1, 2))


def bands(images: np.ndarray) -> np.ndarray:
    """Mean squares per band of the Haar transform of brightness and of colour, (images, 20).

    Args:
        images: (images, 3, height, width), RGB; the outer `FRAME` pixels are left out.
    """
    red, green, blue = (images[:, channel, FRAME:-FRAME, FRAME:-FRAME] for channel in range(3))
    bright = (red + green + blue) / 3
    found = [_haar(bright), (_haar(red - green) + _haar(blue - (red + green) / 2)) / 2]
    return np.concatenate(found, axis=1)


def _haar(planes: np.ndarray) -> np.ndarray:
    """(images, height, width) to mean squares (images, 3 * LEVELS + 1)."""
    found = []
    for _ in range(LEVELS):
        high, wide = (length // 2 * 2 for length in planes.shape[1:])
        a, b, c, d = (planes[:, row:high:2, column:wide:2] for row in (0, 1) for column in (0, 1))
        found += [np.square(part / 2).mean((1, 2)) for part in (a + b - c - d, a - b + c - d, a - b - c + d)]
        planes = (a + b + c + d) / 2
    found.append(planes.var((1, 2)) + planes.mean((1, 2)) ** 2)
    return np.stack(found, axis=1)


def features(measured: Measured, names: tuple[str, ...]) -> np.ndarray:
    """The chosen kinds of features, as one row.

    Args:
        measured: of one image.
        names: of "raw" (what is lost), "relative" (against what there was to lose), "between" (against the mean of the
            four autoencoders), "again" (what the second reconstruction loses against the first) and "latents" (how the
            latents shrink and move by a reconstruction); logarithms, averaged over the tiles.
    """
    image, lost, again = (np.log(each + FLOOR) for each in (measured.image, measured.lost, measured.again))
    before, after, moved = np.moveaxis(np.log(measured.latents + 1e-6), -1, 0)
    kinds = {
        "raw": lost,
        "relative": lost - image,
        "between": lost - lost.mean(axis=0),
        "again": again - lost,
        "latents": np.stack([after - before, moved - before], axis=-1),
    }
    return np.concatenate([kinds[name].mean(axis=1).ravel() for name in names])


@functools.cache
def fitted() -> dict[str, Any]:
    """The shipped regression with its error rates (`training/quick_look.py` writes them)."""
    return json.loads(FILE.read_text())


def look(pixels: np.ndarray, autoencoders: list[Autoencoder], lossless: bool = True) -> Look:
    """Which class an image is most like.

    Args:
        pixels: uint8 RGB (height, width, 3), at native size.
        autoencoders: the tiny ones, in the registry's order.
        lossless: whether the file kept the pixels as they were; the regression saw no other generated pictures.
    """
    known = fitted()
    other = [each.family for each in autoencoders if known["weights"].get(each.family) != each.digest]
    if other or len(autoencoders) != len(known["weights"]):
        return Look("", f"No quick look: it was fitted with other weights of {', '.join(other) or 'the line-up'}.")
    if not lossless:
        return Look("", "No quick look: it was fitted with generated pictures from lossless files only.")
    return judge(probabilities(features(measure(pixels, autoencoders), tuple(known["features"])), known), known)


def probabilities(row: np.ndarray, known: dict[str, Any]) -> dict[str, float]:
    """The regression's probability of each class.

    Args:
        row: `features` of one image.
        known: as `fitted` returns it.
    """
    centred = (row - np.array(known["mean"])) / np.array(known["deviation"])
    logits = (centred @ np.array(known["coefficients"]) + np.array(known["intercept"])) / known["temperature"]
    raised = np.exp(logits - logits.max())
    return dict(zip(known["classes"], (raised / raised.sum()).tolist(), strict=True))


def judge(found: dict[str, float], known: dict[str, Any]) -> Look:
    """The likeliest class, if it is likely enough."""
    found = {name: round(value, 3) for name, value in found.items()}
    answer = max(found, key=found.__getitem__)
    if found[answer] < known["least"]:
        return Look("", "A quick look cannot tell what kind of picture this is.", caution(known), found)
    like = "photographs" if answer == PHOTOGRAPH else f"pictures by {TITLES[answer]}"
    sentence = f"A quick look: most like {like} (probability {found[answer]:.0%})."
    return Look(answer, sentence, caution(known), found)


def caution(known: dict[str, Any]) -> str:
    """How far a quick look may be trusted, in plain words."""
    rates, classes = known["left_out"], len(known["classes"])
    right, wrong = rates["balanced_accuracy"], 1 - rates["right_of_answered"]
    return (
        "This is a guess, not evidence, and plays no part in the verdict. "
        f"It was fitted with {known['images']} pictures from {len(known['sources'])} collections. When each collection "
        f"was left out in turn, it put {right:.0%} of pictures, each class counting alike, into the right one of "
        f"{classes} classes (chance {1 / classes:.0%}); it gave an answer for {rates['answered']:.0%} "
        f"of them, and {wrong:.0%} of those answers were wrong. It knows nothing of other models."
    )
