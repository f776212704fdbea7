"""Pictures by real models, and of the kinds that are mistaken for them, with their split by source.

`REAL` is a folder with `generated/` and `real/` inside, each with a `SOURCES.csv`: the first has pictures by
generators alone, the second also photographs and art. What was trained on them, or chosen with them, used the half
called `choose`; figures come from the half `report`. A collection is in one half alone. Two collections of SD3.5
pictures by one author are in different halves: there are hardly any others.

    python -m training.real REAL      # writes training/splits/real.csv
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.data import SPLITS, fraction

NAMED = ("sd", "sdxl", "sd3", "flux1")  # families with a stand-in
# Generators' collections are too few for chance, so they were dealt out by hand, before anything was trained.
CHOOSE = {
    "comfyanonymous/ComfyUI_examples",
    "EnragedAntelope/Artists-SD35L",
    "Zeqiang-Lai/t2i-cmp",
    "lllyasviel/IC-Light",
    "ltdrdata/ComfyUI-extension-tutorials",
    "Extraltodeus/ComfyUI-AutomaticCFG",
    "Comfy-Org/example_workflows",
    "Comfy-Org/docs",
    "ml-explore/mlx-examples",
    "balazik/ComfyUI-PuLID-Flux",
    "jpe90/Stable-Diffusion-3.5-Diffusers",
}
REPORT = {
    "leejet/stable-diffusion.cpp",
    "SeargeDP/SeargeSDXL",
    "EnragedAntelope/Styles-SD35L",
    "brycedrennan/imaginAIry",
    "AUTOMATIC1111/stable-diffusion-webui-feature-showcase",
    "ivon852/stable-diffusion-webui-manuals",
    "CompVis/stable-diffusion",
    "Mikubill/sd-webui-controlnet",
    "Kwai-Kolors/Kolors",
    "XLabs-AI/x-flux",
    "bytedance/USO",
    "black-forest-labs/flux",
    "buzzbing/comfyui-workflows",
    "vladmandic/automatic",
    "Mugiwara555343/image-generator-node-linux",
    "buuta-buta-butaata/SD35-with-Snapdragon-X-Elite-NPU",
    "Lukeyfish/sd3.5_diffusion_illusion",
}
# Screenshots of node editors, filed under the family of the picture that they show a part of: no decoder drew them.
EDITORS = {
    *("sd_03", "sd_04", "sd_06", "sd_07", "sd_12", "sd_17", "sd_18", "sd_19", "sd_20", "sd_21", "sd_22"),
    "sdxl_03",
}


@dataclass(frozen=True)
class Found:
    """One picture.

    Attributes:
        path: its file.
        family: "sd", "sdxl", "sd3", "flux1", another model's family, or the category of a photograph or art.
        generated: whether a model made it.
        untouched: whether its pixels are those that the decoder wrote: "yes", "no" or "unknown".
        source: its collection.
        split: "choose" or "report".
    """

    path: Path
    family: str
    generated: bool
    untouched: str
    source: str
    split: str

    def pixels(self) -> np.ndarray:
        """Uint8 RGB (height, width, 3)."""
        return np.asarray(Image.open(self.path).convert("RGB"))


def split_of(source: str) -> str:
    """`choose` or `report` for a collection."""
    if source in CHOOSE:
        return "choose"
    if source in REPORT:
        return "report"
    return "choose" if fraction(f"real/{source}") < 0.5 else "report"


def trained_on(picture: Found) -> bool:
    """Whether the surrogates learn from a picture of the half `choose` that their model did not make."""
    return fraction(f"trained/{picture.path.name}") < 0.5


def pictures(folder: Path) -> list[Found]:
    """All pictures of both halves, in the order of the lists."""
    found = []
    for row in _rows(folder / "generated"):
        family, source = row["autoencoder_family"], row["repository"]
        path = folder / "generated" / row["file"]
        if path.name.removesuffix("_comfyui_examples.png") in EDITORS:
            found.append(Found(path, "interface", False, "", source, split_of(source)))
        else:
            found.append(Found(path, family, True, "yes", source, split_of(source)))
    for row in _rows(folder / "real"):
        path, made = folder / "real" / row["file"], row["file"].startswith("generated/")
        untouched = row["untouched since the decoder"]
        found.append(Found(path, row["family"], made, untouched, row["repository"], split_of(row["repository"])))
    return found


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "SOURCES.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    with (SPLITS / "real.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "family", "untouched", "source", "split"])
        for each in pictures(arguments.folder):
            name = each.path.relative_to(arguments.folder)
            writer.writerow([name, each.family, each.untouched, each.source, each.split])


if __name__ == "__main__":
    main()
