"""Pictures to measure with: those that scikit-image bundles, and those of a folder."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tracer.image import intake


def bundled_pictures() -> list[np.ndarray]:
    """The photographs that scikit-image bundles (public domain or CC0), whole: uint8 RGB."""
    from skimage import data

    pictures = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.retina(), data.hubble_deep_field()]
    return pictures + [
        np.stack([grey] * 3, axis=-1) for grey in (data.camera(), data.brick(), data.grass(), data.gravel())
    ]


def bundled_photographs(count: int, side: int) -> list[np.ndarray]:
    """Tiles of `bundled_pictures`, the same ones every time.

    Args:
        count: number of tiles.
        side: their side in pixels.

    Returns:
        uint8 RGB arrays (side, side, 3), spread evenly over the pictures, at native resolution.
    """
    pictures, rng = bundled_pictures(), np.random.default_rng(0)
    tiles = []
    for index in range(count):
        picture = pictures[index % len(pictures)]
        top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
        tiles.append(np.ascontiguousarray(picture[top : top + side, left : left + side]))
    return tiles


def pictures(folder: Path, count: int, seed: int | None = None) -> Iterator[np.ndarray]:
    """The first `count` readable images of a folder, by name, or in an order shuffled with `seed`.

    Raises:
        OSError: the folder cannot be read.
    """
    found, paths = 0, sorted(folder.iterdir())
    if seed is not None:
        random.Random(seed).shuffle(paths)  # noqa: S311 - no secret
    for path in paths:
        if found == count:
            return
        try:
            picture = intake.read(path)
        except intake.IntakeError:
            continue
        found += 1
        yield picture.pixels
