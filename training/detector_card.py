"""Write the detector's model card from what the benchmark measured: `python -m training.detector_card`.

    python -m training.detector_card --results benchmarks/results/results.json \
        --left-out training/runs/trial/left_out.json

The figures are those of the benchmark's section on artifacts (`python -m tracer benchmark --only artifacts`) and of
`python -m training.detector_left_out`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors import safe_open

from training import common

FOLDER = common.MINIS / "detector"
ANSWERS = ("autoencoder", "undecided", "none", "insufficient")

CARD = """---
license: apache-2.0
library_name: pytorch
tags: [latent-lineup, miniature]
---

# detector

Says whether an image went through the autoencoder of a latent generative model, whichever (the question of arXiv
2411.06441): {parameters:.2f} million parameters, {size:.1f} MB, 16 bit. Two parts vote. One measures *periodic marks*:
peaks of the spectrum at multiples of 1/8 cycle per pixel, crop by crop, in brightness and colour. The other, the first
five stages of EfficientNet-Lite0 with its stem at full resolution, sees *texture*, in the image and in what a blur
takes from it. It was trained on photographs against the same photographs sent through autoencoders. **No generated
image was ever trained or calibrated on.** One number was chosen with generated pictures, those of the half `choose`: a
logit for texture counts {share:g} times as much as one for marks.

"Marks" means that an autoencoder was involved: a photograph that was edited by a latent model is marked from edge to
edge. No marks is no proof of a photograph: generators that draw pixels directly leave none, and blur, resizing and
compression remove them.

## Figures

By `python -m tracer benchmark --only artifacts`, on {date}, commit {commit}: the mean logit of ten tries, as the app
asks, on collected pictures as they were found, of sources that nothing was trained, calibrated or chosen with. Rows of
a format have negatives that were compressed likewise. "Marked" is the app's own answer.

| pictures | images | AUC (95 % interval) | found at 5 % of {negatives} negatives | at 1 % | marked |
|---|---|---|---|---|---|
{table}

After a change, of {few} negatives and of lossless pictures by real models:

| change | AUC (95 % interval) | found at 5 % | at 1 % | marked | negatives marked |
|---|---|---|---|---|---|
{changed}

What the app answers about negatives, by category:

| category | marks found | undecided | no marks | insufficient |
|---|---|---|---|---|
{categories}

**Autoencoders that training never saw.** The first run for {minutes} minutes without {left}, then test
photographs against their reconstructions (`python -m training.detector_left_out`), both parts counted alike:

| autoencoder | photographs | AUC (95 % interval) |
|---|---|---|
{left_out}

## Known failures

- Families whose pictures were shrunk or sharpened after decoding, and screenshots in general, are mostly missed.
- Photographs that a phone denoised strongly, or that were enlarged, score higher than others; the answer is then open
  rather than wrong in most cases, and the thresholds for soft images are apart.
- Below 96 pixels a side, and where JPEG or blur left too little, there is no answer.
- It rests on few collections. Another camera or another website's processing may behave differently.

## Data

- 60 % of 1,000 photographs from Flickr under CC BY 2.0 (299 px), of 350 camera JPEGs of clothes under CC0, and 22 of 47
  native-size crops of sharp pictures (CC BY 4.0 and Unsplash licence); `training/splits/photographs.csv` names every
  one with its author, source and split. In the first run 8 % of the pairs were emoji drawings (licences in the
  autoencoders' cards); in the second a fifth were renders, games and diagrams of four collections
  (`training/originals.py` names them).
- Their reconstructions by TAESD, TAESDXL, TAESD3 and TAEF1 (Ollin Boer Bohan, MIT) and by the four bundled
  autoencoders, as they are and with decoders that were disturbed and trained again for a moment; in the second run
  also by the bundled surrogates and by two decoders of full size (`training/decoders.py`).
- The texture part started from EfficientNet-Lite0's ImageNet weights (Apache-2.0).

## Recipe

`python -m training.detector` makes pairs and trains: both classes share every crop, size, innocent history (blur,
resampling, denoising, sharpening, grain, camera pipelines, JPEG, WebP) and every later change: resizing, JPEG from 30
to 98 with any sampling, WebP, storing twice.

{runs}

The first run had milder histories (commit 29024b7), 16 pairs a step on one core, and 10,000 pairs for periodic marks;
the second 128 pairs a step on an H100, and kept the marks.
On held-out pairs of the present recipe: AUC {marks:.3f} for the marks alone, {texture:.3f} for texture alone.
[What else was tried](../../../../docs/artifacts.md#what-was-tried).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, required=True, help="the benchmark's results.json")
    parser.add_argument("--left-out", type=Path, required=True, help="what detector_left_out measured")
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text())
    section, left_out = results["sections"]["artifacts"], json.loads(arguments.left_out.read_text())
    found = section["results"]
    known = json.loads((FOLDER / "config.json").read_text())["training"]
    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        parameters = sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118 - it is no dictionary
    rows = {"all": found["overall"] | {"verdicts": found["verdicts"]["made"]}}
    for group in ("format", "family", "source"):
        rows |= {f"{group} {name}": figures for name, figures in found[f"by {group}"].items()}
    changed = {name: figures | {"verdicts": figures["made"]} for name, figures in found["changed"].items()}
    categories = {"all": found["verdicts"]["others"], **found["negatives"]}
    text = CARD.format(
        parameters=parameters / 1e6,
        size=(FOLDER / "model.safetensors").stat().st_size / 1e6,
        date=section["date"],
        commit=section["commit"],
        negatives=found["overall"]["negatives"],
        table="\n".join(f"| {name} | {figures['images']} | {_row(figures)} |" for name, figures in rows.items()),
        few=found["changed"]["as it is"]["negatives"],
        changed="\n".join(
            f"| {name} | {_row(figures)} | {_shares(figures['others'])[0]} |" for name, figures in changed.items()
        ),
        categories="\n".join(
            f"| {name} | {' | '.join(str(found[kind]['hits']) for kind in ANSWERS)} |"
            for name, found in categories.items()
        ),
        minutes=left_out["minutes"],
        left=" and ".join(left_out["autoencoders"]),
        left_out="\n".join(
            f"| {name} | {each['photographs']} | {each['auc']:.4f} ({each['low']:.4f} to {each['high']:.4f}) |"
            for name, each in left_out["autoencoders"].items()
        ),
        runs="\n".join(_runs(known)),
        share=known["texture_share"],
        **known["auc_on_held_pairs"],
    )
    (FOLDER / "README.md").write_text(text)


def _runs(known: dict) -> list[str]:
    """What each run trained, the first one first; a run starts from ImageNet's weights or from an earlier one's."""
    start = known.get("started_from", "ImageNet")
    earlier = _runs(start) if isinstance(start, dict) else []
    steps, minutes = known["texture_steps"], known["texture_minutes"]
    return [*earlier, f"{len(earlier) + 1}. {steps:,} steps for texture, {minutes:.1f} minutes"]


def _row(figures: dict) -> str:
    auc, tpr = figures["auc"], figures["tpr"]
    found = " | ".join(f"{tpr[level]['rate']:.0%}" for level in ("0.05", "0.01"))
    marked = _shares(figures["verdicts"])[0]
    return f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}) | {found} | {marked}"


def _shares(verdicts: dict) -> list[str]:
    return [f"{verdicts[kind]['rate']:.0%}" for kind in ANSWERS]


if __name__ == "__main__":
    main()
