"""Batches for the detector from the bank: originals beside reconstructions, all that can differ made to differ."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from scipy import ndimage

from training import web
from training.detector_bank import shards

SIDES = (96, 128)  # pixels a side of what the network sees; one for all pictures of a batch
SHARES = (0.7, 0.3)
WHOLE = 160  # pixels a side of what periodic marks are measured over
HELD = 2  # shards of the bank that the network's parts are not trained on


class Pairs:
    """Endless batches of the bank.

    Args:
        leave_out: autoencoders whose reconstructions are not shown.
        limit: use only the first so many pictures.
        held: the first two shards, which are left for judging the network's parts, instead of the others.
    """

    def __init__(self, leave_out: Collection[str] = (), limit: int | None = None, held: bool = False):
        loaded = list(shards())
        if len(loaded) <= HELD:
            raise FileNotFoundError("the bank is too small: run python -m training.detector_bank first")
        loaded = loaded[:HELD] if held else loaded[HELD:]
        self.originals = np.concatenate([shard[0] for shard in loaded])[:limit]
        self.copies = np.concatenate([shard[1] for shard in loaded])[:limit]
        names = np.concatenate([shard[2] for shard in loaded])[:limit]
        self.makers = np.vectorize(lambda name: name.split("/")[0])(names)
        unknown = set(leave_out) - set(self.makers.flat)
        if unknown:
            raise KeyError(f"no such autoencoder in the bank: {', '.join(sorted(unknown))}")
        self.allowed = np.argwhere(~np.isin(self.makers, list(leave_out)))

    def batch(self, pairs: int, rng: np.random.Generator, whole: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Images float32 (2 * pairs, 3, side, side) in [0, 1] and labels: 0 for an original, 1 for what was decoded.

        The side is 160 where `whole`; otherwise one of `SIDES`.
        """
        side = WHOLE if whole else int(rng.choice(SIDES, p=SHARES))
        images = [each for _ in range(pairs) for each in self.pair(rng, side)]
        stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
        return stacked, torch.tensor([0.0, 1.0]).repeat(pairs)

    def pair(self, rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
        """An original and what an autoencoder made of it, uint8 (side, side, 3) each, after the same history."""
        picture, column = self.allowed[rng.integers(len(self.allowed))]
        original, copy = self.originals[picture], self.copies[picture, column]
        history = web.plan(rng, (side + 9) / original.shape[0])
        step = 8 if rng.random() < 0.5 else 1  # half of them keep the phase that the decoder drew them in
        original, copy = _same_crop((original, copy), min(history.needed(side), original.shape[0]), rng, step)
        copy = closer(original, copy, rng)
        place = rng.random()
        if place < 0.25:  # an original as soft as what was decoded, so that softness itself says nothing
            original = with_spectrum(original, copy)
        elif place < 0.35:
            copy = with_spectrum(copy, original)
        return _same_crop((web.along(original, history), web.along(copy, history)), side, rng)


def closer(original: np.ndarray, copy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A reconstruction brought nearer to its original, as a larger autoencoder's would be.

    A blend, or only what is finer than some size taken from the reconstruction (a good decoder is right about
    everything coarse, and draws the finest detail all the same), or both.
    """
    place = rng.random()
    if place < 0.15:
        return copy
    error = copy.astype(np.float32) - original
    if place < 0.75:
        error -= ndimage.gaussian_filter(error, (*[rng.uniform(0.8, 4)] * 2, 0)) * rng.uniform(0.8, 1)
    if place > 0.6:
        error *= rng.uniform(0.35, 1)
    return np.rint(original + error).clip(0, 255).astype(np.uint8)


def with_spectrum(picture: np.ndarray, model: np.ndarray) -> np.ndarray:
    """A picture filtered, the same in all directions, so that it is as sharp at every frequency as another one.

    Args:
        picture: uint8 (side, side, 3), what is filtered.
        model: of the same shape, whose energy per ring of frequencies it takes on.
    """
    side = picture.shape[0]
    window = np.hanning(side)[:, None] * np.hanning(side)
    rings, count = _rings(side)
    energies = []
    for each in (picture, model):
        grey = each.astype(np.float32).mean(axis=2)
        power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2
        energies.append(np.bincount(rings.ravel(), power.ravel(), count) + 1e-3 * power.size)
    gain = ndimage.gaussian_filter1d(np.sqrt(energies[1] / energies[0]).clip(0.2, 3), 1)
    gain[: side // 20] = 1  # what is coarse is colour and brightness, not sharpness
    # Mirrored at its edges, so that opposite edges do not leak into each other.
    padded = np.pad(picture.astype(np.float32), ((side // 2, side // 2), (side // 2, side // 2), (0, 0)), "symmetric")
    rings, _ = _rings(padded.shape[0])
    curve = np.interp(rings * (side / padded.shape[0]), np.arange(count), gain)
    filtered = np.fft.irfft2(np.fft.rfft2(padded, axes=(0, 1)) * curve[..., None], s=padded.shape[:2], axes=(0, 1))
    inner = slice(side // 2, side // 2 + side)
    return np.rint(filtered[inner, inner]).clip(0, 255).astype(np.uint8)


_RINGS: dict[int, tuple[np.ndarray, int]] = {}


def _rings(side: int) -> tuple[np.ndarray, int]:
    """The ring of each frequency of `rfft2`, in steps of one cycle per picture, and the number of rings."""
    if side not in _RINGS:
        radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)) * side
        rings = np.rint(radius).astype(int)
        _RINGS[side] = rings, int(rings.max()) + 1
    return _RINGS[side]


def _same_crop(
    pair: tuple[np.ndarray, np.ndarray], side: int, rng: np.random.Generator, step: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    top, left = (rng.integers((length - side) // step + 1) * step for length in pair[0].shape[:2])
    return tuple(each[top : top + side, left : left + side] for each in pair)
