"""Batches for the detector: originals beside what autoencoders made of them, all that can differ made to differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from training import web
from training.decoders import Source, reconstruct
from training.originals import SIDE

MARGIN = 16  # a decoder pads its picture's edge, so the edge of what it draws is cut off
INNER = SIDE - 2 * MARGIN
SIDES, SHARES = (96, 128, 160), (0.25, 0.5, 0.25)  # pixels a side of what the network sees; one for a batch


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        images: (2 * pairs, 3, side, side) in [0, 1]; the originals first, then what was decoded, in the same order.
        labels: (2 * pairs,), 0 for an original and 1 for what was decoded.
    """

    images: torch.Tensor
    labels: torch.Tensor


class Pairs:
    """Endless batches. Decoding costs most, so a decoded picture is shown a few times, every time with another history.

    Args:
        originals: batches of uint8 (count, 3, 288, 288).
        sources: the autoencoders.
        device: where they are.
        kept: pairs that are kept to be drawn from; the oldest are replaced.
        seed: of everything.
    """

    def __init__(self, originals: Iterator[torch.Tensor], sources: list[Source], device: str, kept: int, seed: int = 0):
        self.stream, self.sources, self.device, self.seed = originals, sources, device, seed
        self.pool = torch.zeros(2, kept, 3, INNER, INNER, dtype=torch.uint8, device=device)
        self.added = 0

    def add(self, rng: np.random.Generator) -> None:
        """Decode one more batch of originals, by one of the sources; no variant of them more often than another."""
        variants = sorted({each.variant for each in self.sources})
        variant = variants[rng.integers(len(variants))]
        source = [each for each in self.sources if each.variant == variant]
        source = source[rng.integers(len(source))]
        originals = next(self.stream).to(self.device)
        part = 16 if variant == "full" else len(originals)  # memory
        decoded = torch.cat([reconstruct(source, each, rng) for each in originals.split(part)])
        inner = slice(MARGIN, -MARGIN)
        places = (torch.arange(len(originals)) + self.added) % self.pool.shape[1]
        self.pool[:, places] = torch.stack([originals, decoded])[..., inner, inner]
        self.added += len(originals)

    def draw(self, pairs: int, rng: np.random.Generator, side: int) -> Batch:
        """A batch of pairs that share a history but not the strength of its compression."""
        torch.manual_seed(int(rng.integers(2**31)))
        chosen = torch.from_numpy(rng.integers(min(self.added, self.pool.shape[1]), size=pairs)).to(self.device)
        history = web.plan(rng, (side + 9) / INNER)
        length = min(history.needed(side), INNER)
        step = 8 if rng.random() < 0.5 else 1  # half of them keep the phase that the decoder drew them in
        top, left = (int(rng.integers((INNER - length) // step + 1)) * step for _ in range(2))
        original, decoded = self.pool[:, chosen, :, top : top + length, left : left + length].float()
        decoded = closer(original, decoded, rng)
        place = rng.random()
        if place < 0.25:  # an original as soft as what was decoded, so that softness itself says nothing
            original = with_spectrum(original, decoded)
        elif place < 0.35:
            decoded = with_spectrum(decoded, original)
        both = web.along(torch.cat([original, decoded]), history)
        images = []
        corners = [[int(rng.integers(whole - side + 1)) for whole in both.shape[2:]] for _ in range(pairs)]
        for picture, (down, right) in zip(both, corners * 2, strict=True):
            images.append(picture[:, down : down + side, right : right + side])
        labels = torch.tensor([0.0, 1.0]).repeat_interleave(pairs)
        return Batch(torch.stack(images) / 255, labels.to(self.device))

    def batch(self, pairs: int, rng: np.random.Generator, parts: int = 4) -> Batch:
        """A batch of `pairs` pairs with `parts` histories."""
        side = int(rng.choice(SIDES, p=SHARES))
        drawn = [self.draw(pairs // parts, rng, side) for _ in range(parts)]
        images = [torch.cat([each.images.chunk(2)[half] for each in drawn]) for half in range(2)]
        labels = [torch.cat([each.labels.chunk(2)[half] for each in drawn]) for half in range(2)]
        return Batch(torch.cat(images), torch.cat(labels))


def closer(original: torch.Tensor, decoded: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Reconstructions brought nearer to their originals, as a larger autoencoder's would be.

    Blends, or only what is finer than some size taken from the reconstructions (a good decoder is right about
    everything coarse, and draws the finest detail all the same), or both.
    """
    place = rng.random()
    if place < 0.15:
        return decoded
    error = decoded - original
    if place < 0.75:
        error = error - web.blurred(error, rng.uniform(0.8, 4)) * rng.uniform(0.8, 1)
    if place > 0.6:
        error = error * rng.uniform(0.35, 1)
    return web.rounded(original + error)


def with_spectrum(pictures: torch.Tensor, models: torch.Tensor) -> torch.Tensor:
    """Pictures filtered, the same in all directions, so that each is as sharp at every frequency as its model.

    Args:
        pictures: (n, 3, side, side), what is filtered.
        models: of the same shape, whose energy per ring of frequencies they take on.
    """
    side, device = pictures.shape[-1], pictures.device
    rings, count = _rings(side, device)
    window = torch.hann_window(side, periodic=False, device=device)
    energies = []
    for each in (pictures, models):
        grey = each.mean(dim=1)
        grey = (grey - grey.mean(dim=(1, 2), keepdim=True)) * (window[:, None] * window)
        power = torch.fft.rfft2(grey).abs().square().flatten(1)
        sums = torch.zeros(len(each), count, device=device).index_add_(1, rings.flatten(), power)
        energies.append(sums + 1e-3 * power.shape[1])
    gain = (energies[1] / energies[0]).sqrt().clamp(0.2, 3)
    gain = web.blurred(gain[:, None, None].expand(-1, 1, 8, -1), 1)[:, 0, 4]
    gain[:, : side // 20] = 1  # what is coarse is colour and brightness, not sharpness
    # Mirrored at its edges, so that opposite edges do not leak into each other.
    half = side // 2
    mirrored = torch.nn.functional.pad(pictures, (half,) * 4, mode="reflect")
    larger, _ = _rings(mirrored.shape[-1], device)
    place = larger * (side / mirrored.shape[-1])
    low = place.long().clamp(max=count - 2)
    curve = torch.lerp(gain[:, low], gain[:, low + 1], (place - low).clamp(0, 1))
    filtered = torch.fft.irfft2(torch.fft.rfft2(mirrored) * curve[:, None], s=mirrored.shape[2:])
    return web.rounded(filtered[..., half : half + side, half : half + side])


def _rings(side: int, device: torch.device) -> tuple[torch.Tensor, int]:
    """The ring of each frequency of `rfft2`, in steps of one cycle per picture, and the number of rings."""
    down = torch.fft.fftfreq(side, device=device)[:, None]
    rings = (torch.hypot(down, torch.fft.rfftfreq(side, device=device)) * side).round().long()
    return rings, int(rings.max()) + 1
