"""What the detector is to say "no" to: crops of photographs, renders, games and diagrams, with innocent pasts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from tracer.image import perturbations
from training import data, innocent, real

SIDE = 288  # pixels: a multiple of every stride
KINDS = {"cc-by": 0.45, "cc0": 0.18, "highres": 0.17}  # what is left is of `HARD`

# Collections of the half `choose` that are mistaken for decoded pictures: renders, games, diagrams and products. The
# others of that half are left for choosing.
HARD = {
    "SaschaWillems/Vulkan",
    "godotengine/godot-demo-projects",
    "donnemartin/system-design-primer",
    "magento/magento2-sample-data",
}


class Originals(IterableDataset):
    """Endless batches of crops, uint8 (count, 3, 288, 288), each with an innocent past.

    Everything is read into memory once; every worker process draws crops of its own.

    Args:
        photos: folder with cc-by/, cc0/ and highres/.
        art: folder with `generated/` and `real/`, of which the collections of `HARD` are taken; None for photographs
            alone.
        count: crops of a batch.
        split: of the photographs.
        seed: of everything.
    """

    def __init__(self, photos: Path, art: Path | None, count: int, split: str = "train", seed: int = 0):
        self.count, self.seed = count, seed
        self.groups = [data.photographs(photos, split, (kind,)) for kind in KINDS]
        self.shares = np.array([*KINDS.values(), 1 - sum(KINDS.values())])
        hard = [each.pixels() for each in real.pictures(art) if each.source in HARD] if art else []
        self.groups.append([pixels for pixels in hard if min(pixels.shape[:2]) >= SIDE])
        self.shares *= [bool(group) for group in self.groups]
        self.shares /= self.shares.sum()

    def __iter__(self) -> Iterator[torch.Tensor]:
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        if worker:
            torch.set_num_threads(1)
        while True:
            crops = np.stack([self.one(rng) for _ in range(self.count)])
            yield torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous()

    def one(self, rng: np.random.Generator) -> np.ndarray:
        """The next crop, uint8 (288, 288, 3)."""
        pictures = self.groups[rng.choice(len(self.groups), p=self.shares)]
        picture = pictures[rng.integers(len(pictures))]
        smallest = min((SIDE + 8) / min(picture.shape[:2]), 1)
        factor = rng.choice((1.0, rng.uniform(smallest, 1), rng.uniform(smallest, 1)))
        # More than the crop is taken first, so that no filter of its past sees the crop's edge.
        if factor < 1:
            filters = perturbations.FILTERS[1:]
            picture = perturbations.scale(picture, factor, filters[rng.integers(len(filters))])
        picture = _crop(picture, min(SIDE + 40, *picture.shape[:2]), rng)
        picture = _crop(innocent.history(np.ascontiguousarray(picture), rng), SIDE, rng)
        return np.rot90(picture[:, ::-1] if rng.random() < 0.5 else picture, rng.integers(4))


def _crop(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    top, left = (rng.integers(length - side + 1) for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]
