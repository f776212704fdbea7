"""How well a detector tells photographs from what autoencoders that it never saw make of them.

    python -m training.detector --minutes 22 --photos FOLDER --real FOLDER --leave-out taesd mini-movq --name trial
    python -m training.detector_left_out trial --leave-out taesd mini-movq --photos SORTED/test --weights FOLDER

The photographs, in a folder per kind, are test ones; each is scored as the app does it, by its ten tries. Nothing is
changed but that the autoencoder was passed: photographs are cut to the latent grid like their reconstructions.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from benchmarks.artifacts import area, interval
from tracer.evidence.artifacts import detection
from tracer.evidence.artifacts.detection import Settings
from tracer.evidence.artifacts.network import Architecture, Detector
from tracer.image import samples
from tracer.models.autoencoder import reconstruct
from training import common
from training.decoders import autoencoders


def score(pixels: np.ndarray, detector: Detector) -> float:
    """Mean logit of the tries."""
    *_, last = detection.look(pixels, detector, Settings())
    return last.score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", help="folder in training/runs/")
    parser.add_argument("--leave-out", nargs="+", required=True, metavar="AUTOENCODER", help="those left out of it")
    parser.add_argument("--photos", type=Path, required=True, help="a folder with a folder per kind of photograph")
    parser.add_argument("--weights", type=Path, required=True, help="a folder of autoencoders in diffusers layout")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    detector = Detector(Architecture())
    detector.load_state_dict(torch.load(common.RUNS / arguments.name / "detector.pt", weights_only=True))
    detector.eval().requires_grad_(False)
    photographs = {
        kind.name: list(samples.pictures(kind, 10**6)) for kind in sorted(arguments.photos.iterdir()) if kind.is_dir()
    }
    measured = {}
    for autoencoder in autoencoders(arguments.weights):
        if autoencoder.family not in arguments.leave_out:
            continue
        negative, positive, kinds = [], [], []
        for kind, pictures in photographs.items():
            for pixels in pictures:
                decoded = reconstruct(pixels, autoencoder)
                negative.append(score(np.ascontiguousarray(pixels[: decoded.shape[0], : decoded.shape[1]]), detector))
                positive.append(score(decoded, detector))
                kinds.append(kind)
        lists = {"all": np.ones(len(kinds), bool), **{kind: np.array(kinds) == kind for kind in photographs}}
        for kind, chosen in lists.items():
            pair = np.array(negative)[chosen], np.array(positive)[chosen]
            low, high = interval(*pair)
            reached = f"AUC {area(*pair):.4f} ({low:.4f} to {high:.4f})"
            print(f"{autoencoder.family}, {kind}: {chosen.sum()} photographs, {reached}")
            if kind == "all":
                row = {"photographs": int(chosen.sum()), "auc": area(*pair), "low": low, "high": high}
                measured[autoencoder.family] = row
    spent = torch.load(common.RUNS / arguments.name / "checkpoint.pt", weights_only=True)["spent"]
    text = json.dumps({"minutes": round(spent / 60), "autoencoders": measured}, indent=1)
    (common.RUNS / arguments.name / "left_out.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
