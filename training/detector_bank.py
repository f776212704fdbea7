"""Pairs for the detector, made once: photographs with innocent pasts, and the same pixels through autoencoders.

    python -m training.detector_bank --pictures 3000 --photos FOLDER --real FOLDER --weights FOLDER

Each shard in `training/cache/detector/` holds 100 pictures, `originals` uint8 (100, 192, 192, 3), and two
reconstructions of each, (100, 2, 192, 192, 3), with the names of the autoencoders that made them. A run that is
cut off goes on with the next shard. Only training photographs, and the renders, games, diagrams and products of
`HARD`, enter.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from tracer.image import perturbations
from tracer.models import checkpoint, registry
from tracer.models.autoencoder import Autoencoder
from training import common, data, innocent, real

BANK = data.CACHE / "detector"
SIDE, MARGIN = 192, 16  # a decoder pads its picture's edge, so the edge of what it draws is cut off
SHARD, COPIES = 100, 2
KINDS = {"cc-by": 0.45, "cc0": 0.18, "highres": 0.17}  # what is left is of `HARD`

# Collections of the half `choose` that are mistaken for decoded pictures: renders, games, diagrams and products. The
# others of that half are left for choosing.
HARD = {
    "SaschaWillems/Vulkan",
    "godotengine/godot-demo-projects",
    "donnemartin/system-design-primer",
    "magento/magento2-sample-data",
}
SURROGATES = {"sd": "taesd", "sdxl": "taesdxl", "sd3": "taesd3", "flux1": "taef1"}  # and what they were trained on from


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


def surrogates() -> list[tuple[str, Autoencoder]]:
    """The bundled surrogates, each with the name of the tiny autoencoder that it began as."""
    parent = common.MINIS.parent / "surrogates"
    return [(name, _in_32_bit(checkpoint.from_folder(parent / path, path))) for path, name in SURROGATES.items()]


def tuned(autoencoder: Autoencoder, pictures: list[np.ndarray], seed: int, steps: int = 25) -> Autoencoder:
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


def sources(folder: Path, pictures: list[np.ndarray], variants: int = 1) -> list[Source]:
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
    return result + [Source(name, "surrogate", autoencoder) for name, autoencoder in surrogates()]


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
    """Endless random square crops of photographs and art, each with an innocent past.

    Args:
        photos: folder with cc-by/, cc0/ and highres/.
        art: folder with `generated/` and `real/`, of which the collections of `HARD` are taken.
        side: crop side in pixels.
    """

    def __init__(self, photos: Path, art: Path, side: int):
        self.side = side
        self.photographs = {kind: data.photographs(photos, "train", (kind,)) for kind in KINDS}
        hard = [each.pixels() for each in real.pictures(art) if each.source in HARD]
        self.art = [pixels for pixels in hard if min(pixels.shape[:2]) >= side]

    def one(self, rng: np.random.Generator) -> np.ndarray:
        """The next crop, uint8 (side, side, 3)."""
        place = rng.random()
        for kind, share in KINDS.items():
            if place < share:
                return self._photograph(self.photographs[kind], rng)
            place -= share
        return self._photograph(self.art, rng)

    def _photograph(self, photographs: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        picture = photographs[rng.integers(len(photographs))]
        smallest = min((self.side + 8) / min(picture.shape[:2]), 1)
        factor = rng.choice((1.0, rng.uniform(smallest, 1), rng.uniform(smallest, 1)))
        # More than the crop is taken first, so that no filter of its past sees the crop's edge.
        if factor < 1:
            picture = perturbations.scale(
                picture, factor, perturbations.FILTERS[rng.integers(1, len(perturbations.FILTERS))]
            )
        picture = _crop(picture, min(self.side + 40, *picture.shape[:2]), rng)
        return self._finished(picture, rng)

    def _finished(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        picture = _crop(innocent.history(np.ascontiguousarray(picture), rng), self.side, rng)
        return np.rot90(picture[:, ::-1] if rng.random() < 0.5 else picture, rng.integers(4))


def _crop(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    top, left = (rng.integers(length - side + 1) for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


class Maker:
    """Makes shards; one for every worker process.

    Args:
        photos, art: see `Pictures`.
        folder: of autoencoders in diffusers layout.
        seed: of everything.
    """

    def __init__(self, photos: Path, art: Path, folder: Path, seed: int = 0):
        torch.set_num_threads(1)
        self.seed = seed
        self.stream = Pictures(photos, art, SIDE + 2 * MARGIN)
        rng = np.random.default_rng((seed, 0))
        self.available = sources(folder, [self.stream.one(rng) for _ in range(64)])

    def write(self, number: int) -> None:
        """Write one shard, unless it is there."""
        file = BANK / f"{number:04}.npz"
        if file.exists():
            return
        rng = np.random.default_rng((self.seed, 1 + number))
        originals = np.stack([self.stream.one(rng) for _ in range(SHARD)])
        makers = np.stack([_makers(self.available, rng) for _ in range(SHARD)])
        copies = np.empty((SHARD, COPIES, SIDE, SIDE, 3), np.uint8)
        for index, source in enumerate(self.available):
            rows, columns = np.nonzero(makers == index)
            for part in np.array_split(np.arange(len(rows)), -(-len(rows) // 4)):
                drawn = reconstruct(source.autoencoder, originals[rows[part]], rng)
                copies[rows[part], columns[part]] = drawn[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        names = np.array([f"{source.name}/{source.variant}" for source in self.available])[makers]
        new = file.with_suffix(".new.npz")
        np.savez(new, originals=originals[:, MARGIN:-MARGIN, MARGIN:-MARGIN], copies=copies, makers=names)
        new.replace(file)


def build(photos: Path, art: Path, folder: Path, pictures: int, workers: int) -> None:
    """Write the shards that are still missing, in so many processes."""
    BANK.mkdir(parents=True, exist_ok=True)
    Maker(photos, art, folder)  # tunes what is not there yet, once
    numbers = range(pictures // SHARD)
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (photos, art, folder)) as pool:
        for number, _ in enumerate(pool.map(_write, numbers), 1):
            print(f"shard {number} of {len(numbers)}", flush=True)


_MAKER: list[Maker] = []  # of this process


def _begin(photos: Path, art: Path, folder: Path) -> None:
    _MAKER.append(Maker(photos, art, folder))


def _write(number: int) -> None:
    _MAKER[0].write(number)


def _makers(available: list[Source], rng: np.random.Generator) -> np.ndarray:
    """Which sources draw one picture: half of them autoencoders as they are, all of them different."""
    own = [index for index, source in enumerate(available) if source.variant == "own"]
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
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    parser.add_argument("--weights", type=Path, required=True, help="a folder of autoencoders in diffusers layout")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    build(arguments.photos, arguments.real, arguments.weights, arguments.pictures, arguments.workers)


if __name__ == "__main__":
    main()
