"""Pairs for the detector, made once: photographs with innocent pasts, and the same pixels through autoencoders.

    python -m training.detector_bank --pictures 4000 --photos FOLDER --weights FOLDER

Each shard in `training/cache/detector/` holds 100 pictures, `ORIGINALS` uint8 (100, 160, 160, 3), and four
reconstructions of each, (100, 4, 160, 160, 3), with the names of the autoencoders that made them. A run that is
cut off goes on with the next shard. Only training photographs, and drawings that no autoencoder was tested on, enter.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from tracer.image import perturbations
from tracer.models import checkpoint, registry
from tracer.models.autoencoder import Autoencoder
from training import common, data, innocent

BANK = data.CACHE / "detector"
SIDE, MARGIN = 160, 16  # a decoder pads its picture's edge, so the edge of what it draws is cut off
SHARD, COPIES = 100, 4
DRAWN = 0.08
KINDS = {"cc-by": 0.5, "cc0": 0.25, "highres": 0.17}  # what is left is drawings


@dataclass(frozen=True)
class Source:
    """An autoencoder, as it is or with its decoder disturbed and trained again for a moment.

    Attributes:
        name: of the autoencoder, which leaving one out goes by.
        variant: "own", or "tuned-1" and so on.
        autoencoder: with the common interface.
    """

    name: str
    variant: str
    autoencoder: Autoencoder


def autoencoders(folder: Path) -> list[Autoencoder]:
    """Every bundled autoencoder and every one in a folder of diffusers layouts, in the order of their names."""
    found = {}
    for parent in (common.MINIS, folder):
        for path in sorted(parent.iterdir()):
            if (path / registry.WEIGHTS).exists() or (path / "vae").is_dir():
                found[path.name] = path
    return [_in_32_bit(checkpoint.from_folder(path, name)) for name, path in sorted(found.items())]


def _in_32_bit(autoencoder: Autoencoder) -> Autoencoder:
    autoencoder.model.float()
    return autoencoder


def tuned(autoencoder: Autoencoder, pictures: list[np.ndarray], seed: int, steps: int = 40) -> Autoencoder:
    """The autoencoder with noise on its decoder's weights, trained again for a few steps from a random layer on.

    It still draws what it is given, but its finest traces are another decoder's.

    Args:
        autoencoder: what to start from; not changed.
        pictures: uint8 RGB crops to train on.
        seed: of noise, layers and crops.
        steps: of training.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = copy.deepcopy(autoencoder.model)
    decoder = [p for name, p in model.named_parameters() if name.startswith(("decoder", "post_quant_conv"))]
    decoder = decoder[int(rng.integers(len(decoder) // 2)) :]
    noise = float(np.exp(rng.uniform(np.log(0.03), np.log(0.25))))
    for parameter in decoder:
        parameter.data += noise * parameter.std(unbiased=False) * torch.randn_like(parameter)
        parameter.requires_grad_(True)
    changed = replace(autoencoder, model=model)
    optimiser = torch.optim.Adam(decoder, lr=1e-3)
    for _ in range(steps):
        crops = []
        for index in rng.integers(len(pictures), size=4):
            top, left = rng.integers(SIDE - 64, size=2)
            crops.append(pictures[index][top : top + 64, left : left + 64])
        images = _tensor(np.stack(crops))
        with common.autocast():
            with torch.no_grad():
                latents = autoencoder.encode(images)
            drawn = changed.decode(latents)
        optimiser.zero_grad()
        ((drawn - images).abs().mean() + 2 * (drawn - images).square().mean()).backward()
        optimiser.step()
    model.eval().requires_grad_(False)
    return changed


def sources(folder: Path, pictures: list[np.ndarray], variants: int = 2) -> list[Source]:
    """All autoencoders, each as it is and `variants` times tuned; the tuned ones are cached."""
    result = []
    for place, autoencoder in enumerate(autoencoders(folder)):
        result.append(Source(autoencoder.family, "own", autoencoder))
        for variant in range(1, variants + 1):
            file = BANK / f"{autoencoder.family}-{variant}.pt"
            if file.exists():
                changed = replace(autoencoder, model=copy.deepcopy(autoencoder.model))
                changed.model.load_state_dict(torch.load(file, weights_only=True))
            else:
                changed = tuned(autoencoder, pictures, seed=100 * variant + place)
                torch.save(changed.model.state_dict(), file)
            result.append(Source(autoencoder.family, f"tuned-{variant}", changed))
    return result


@torch.no_grad()
def reconstruct(autoencoder: Autoencoder, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures through an autoencoder, with the variety that generators have.

    Half of the time in 16 bit. The latents are the mean, a little or clearly disturbed cell by cell, or disturbed in
    patches; sometimes the picture goes through twice, as when one is edited.

    Args:
        autoencoder: which.
        pictures: uint8 (n, side, side, 3).
        rng: of all choices.
    """
    torch.manual_seed(int(rng.integers(2**31)))
    drawn = _tensor(pictures)
    with torch.autocast("cpu", torch.bfloat16, enabled=common.PRECISION is torch.bfloat16 and rng.random() < 0.7):
        for _ in range(2 if rng.random() < 0.15 else 1):
            latents = autoencoder.encode(drawn).float()
            kind, noise = rng.random(), torch.randn_like(latents)
            if kind < 0.35:
                latents = latents + noise * latents.std() * rng.uniform(0.01, 0.12)
            elif kind < 0.5:
                noise = torch.nn.functional.avg_pool2d(noise, 3, 1, 1) * 3
                latents = latents + noise * latents.std() * rng.uniform(0.03, 0.2)
            drawn = autoencoder.decode(latents).float().clamp(0, 1)
    return (drawn.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)


def _tensor(pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


class Pictures:
    """Endless random square crops of photographs and drawings, each with an innocent past.

    Args:
        photos: folder with cc-by/, cc0/ and highres/.
        split: which photographs.
        side: crop side in pixels.
    """

    def __init__(self, photos: Path, split: str, side: int):
        self.side = side
        self.photographs = {kind: data.photographs(photos, split, (kind,)) for kind in KINDS}
        self.drawings = [data.drawings(name) for name in data.SETS]

    def one(self, rng: np.random.Generator) -> np.ndarray:
        """The next crop, uint8 (side, side, 3)."""
        place = rng.random()
        for kind, share in KINDS.items():
            if place < share:
                return self._photograph(self.photographs[kind], rng)
            place -= share
        return self._drawing(rng)

    def _photograph(self, photographs: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        picture = photographs[rng.integers(len(photographs))]
        smallest = (self.side + 8) / min(picture.shape[:2])
        factor = rng.choice((1.0, rng.uniform(smallest, 1), rng.uniform(smallest, 1)))
        # More than the crop is taken first, so that no filter of its past sees the crop's edge.
        if factor < 1:
            picture = perturbations.scale(
                picture, factor, perturbations.FILTERS[rng.integers(1, len(perturbations.FILTERS))]
            )
        picture = _crop(picture, min(self.side + 40, *picture.shape[:2]), rng)
        return self._finished(picture, rng)

    def _drawing(self, rng: np.random.Generator) -> np.ndarray:
        sheet = []
        while len(sheet) < 4:
            group = self.drawings[rng.integers(len(self.drawings))]
            index = int(rng.integers(len(group.names)))
            if not data.drawing_held_out(group.set_name, group.names[index], "autoencoder"):
                sheet.append(group.on(index, rng.random(3, dtype=np.float32)))
        sheet = np.vstack([np.hstack(sheet[:2]), np.hstack(sheet[2:])])
        return self._finished((_crop(sheet, self.side + 40, rng) * 255).round().astype(np.uint8), rng)

    def _finished(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        picture = _crop(innocent.history(np.ascontiguousarray(picture), rng), self.side, rng)
        return np.rot90(picture[:, ::-1] if rng.random() < 0.5 else picture, rng.integers(4))


def _crop(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    top, left = (rng.integers(length - side + 1) for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def build(photos: Path, folder: Path, pictures: int, seed: int = 0) -> None:
    """Write the shards that are still missing."""
    BANK.mkdir(parents=True, exist_ok=True)
    stream = Pictures(photos, "train", SIDE + 2 * MARGIN)
    rng = np.random.default_rng((seed, 0))
    available = sources(folder, [stream.one(rng) for _ in range(64)])
    own = [index for index, source in enumerate(available) if source.variant == "own"]
    for number in range(pictures // SHARD):
        file = BANK / f"{number:04}.npz"
        if file.exists():
            continue
        rng = np.random.default_rng((seed, 1 + number))
        originals = np.stack([stream.one(rng) for _ in range(SHARD)])
        makers = np.stack([_makers(available, own, rng) for _ in range(SHARD)])
        copies = np.empty((SHARD, COPIES, SIDE, SIDE, 3), np.uint8)
        for index, source in enumerate(available):
            rows, columns = np.nonzero(makers == index)
            for part in np.array_split(np.arange(len(rows)), -(-len(rows) // 4)):
                drawn = reconstruct(source.autoencoder, originals[rows[part]], rng)
                copies[rows[part], columns[part]] = drawn[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        names = np.array([f"{source.name}/{source.variant}" for source in available])[makers]
        new = file.with_suffix(".new.npz")
        np.savez(new, originals=originals[:, MARGIN:-MARGIN, MARGIN:-MARGIN], copies=copies, makers=names)
        new.replace(file)
        print(f"shard {number + 1} of {pictures // SHARD}", flush=True)


def _makers(available: list[Source], own: list[int], rng: np.random.Generator) -> np.ndarray:
    """Which sources draw one picture: half of them autoencoders as they are, all of them different."""
    others = [index for index in range(len(available)) if index not in own]
    chosen = (rng.choice(own, COPIES // 2, replace=False), rng.choice(others, COPIES - COPIES // 2, replace=False))
    return np.concatenate(chosen)


def shards() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Originals, copies and makers of every finished shard."""
    for file in sorted(BANK.glob("[0-9]*[0-9].npz")):
        with np.load(file) as shard:
            yield shard["originals"], shard["copies"], shard["makers"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--weights", type=Path, required=True, help="a folder of autoencoders in diffusers layout")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    build(arguments.photos, arguments.weights, arguments.pictures)


if __name__ == "__main__":
    main()
