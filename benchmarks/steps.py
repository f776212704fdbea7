"""Would further steps widen the contrast? The grid test with refined latents, for stand-ins and their models' pictures.

The grid test asks an autoencoder once, D(E(x)). Its latents can be refined before that: by the gradient-free iteration
(`grid.Reconstruction.refinements`), or by descending as LatentTracer does (Adam on the squared error, at a constant
rate), on the grid and beside it alike. Steps pay where they move a family's own pictures away from those of others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.artifacts import area
from benchmarks.core import Bench, as_picture, table, thin
from benchmarks.grid import key_of
from benchmarks.lineups import Asked, lineups
from benchmarks.pictures import Sample, collected, photographs, reconstructions
from tracer.evidence.inversion import grid
from tracer.evidence.inversion.contrast import PLAIN, Reading
from tracer.evidence.inversion.settings import PAPER
from tracer.evidence.inversion.trace import Suspect
from tracer.evidence.inversion.views import View, contrast_of
from tracer.models.autoencoder import Autoencoder

TITLE = "Steps before the contrast is read"
WINDOWS = 1  # with the most detail
OWN, REAL, OTHERS = "its reconstructions", "its models' pictures", "others' pictures"


@dataclass(frozen=True)
class Descended:
    """An autoencoder whose latents go down the gradient of the squared error: a `grid.Code`."""

    autoencoder: Autoencoder
    steps: int
    reading: Reading = PLAIN

    @property
    def stride(self) -> int:
        """Pixels per latent cell and side."""
        return self.autoencoder.stride

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        """See `grid.Code`."""
        with torch.inference_mode(False), torch.enable_grad():
            images = images.to(self.autoencoder.device).clone()
            latents = self.autoencoder.encode(images).detach().clone().requires_grad_()
            optimiser = torch.optim.Adam([latents], lr=PAPER.rate)
            for _ in range(self.steps):
                optimiser.zero_grad()
                # A sum, so that a picture's steps do not depend on those beside it.
                (self.autoencoder.decode(latents).clamp(0, 1) - images).square().sum().backward()
                optimiser.step()
        return self.autoencoder.decode(latents.detach()).to(images.device)


WAYS: dict[str, Callable[[Suspect], grid.Code]] = {
    "one pass": lambda each: grid.Reconstruction(each.load(), 0, each.reading),
    "1 refinement": lambda each: grid.Reconstruction(each.load(), 1, each.reading),
    "4 refinements": lambda each: grid.Reconstruction(each.load(), 4, each.reading),
    "5 gradient steps": lambda each: Descended(each.load(), 5, each.reading),
}


def pictures(bench: Bench, asked: Asked, suspect: Suspect) -> dict[str, list[Sample]]:
    """A suspect's own pictures, those of the models that it speaks for, and others'; none of them changed."""
    few = max(bench.count // 4, 2)
    photos = photographs(bench, 2 * few, asked.native)
    own = [each for each in reconstructions(asked, photos[:few]) if suspect.name in each.makers]
    real = [each for each in collected(asked, bench.data) if each.format == "untouched"] if bench.data else []
    made = [each for each in real if suspect.name in each.makers]
    others = [each for each in real if suspect.name not in each.makers]
    return {OWN: own, REAL: thin(made, 2 * few), OTHERS: [*photos, *thin(others, 2 * few)]}


def contrast(pixels: np.ndarray, code: grid.Code) -> float | None:
    """Mean contrast of the windows with the most detail; None where the picture is too small."""
    plan = grid.layout(pixels, code.stride)
    places = list(plan.places[:WINDOWS])
    return contrast_of(View(pixels, plan), code, places, 0).mean if places else None


def measure(bench: Bench) -> dict:
    """Results by line-up, family and way."""
    return {asked.name: _of(bench, asked) for asked in lineups(bench)}


def _of(bench: Bench, asked: Asked) -> dict:
    key = key_of(asked, "benchmarks/steps.py")
    questions = [
        (suspect, kind, sample)
        for suspect in asked.suspects
        for kind, found in pictures(bench, asked, suspect).items()
        for sample in found
    ]
    found: dict[str, dict[str, list[dict]]] = {}
    for suspect, kind, sample in bench.by_lot(questions):

        def work(suspect: Suspect = suspect, sample: Sample = sample) -> dict:
            pixels = as_picture(sample.file or sample.pixels()).pixels
            return {way: contrast(pixels, code(suspect)) for way, code in WAYS.items()}

        answer = bench.kept_in_time(f"steps {suspect.name}: {sample.name}", work, key)
        if answer and None not in answer.values():
            found.setdefault(suspect.name, {}).setdefault(kind, []).append(answer)
    return {name: {way: _summary(rows, way) for way in WAYS} for name, rows in found.items()}


def _summary(rows: dict[str, list[dict]], way: str) -> dict:
    """Median contrast of each kind, and how often a picture of it answers more than others' do."""
    values = {kind: [each[way] for each in found] for kind, found in rows.items()}
    others = values.get(OTHERS, [])
    return {
        kind: {
            "pictures": len(some),
            "median": float(np.median(some)),
            "area": area(-np.array(others), -np.array(some)) if kind != OTHERS and others else None,
        }
        for kind, some in values.items()
    }


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    lines = [
        "",
        "Median contrast of the window with the most detail, and in brackets the area under the curve against others' "
        "pictures. Refinements are z ← z + E(x) − E(D(z)); gradient steps are Adam's on the squared error, on the "  # noqa: RUF001
        "grid and beside.",
    ]
    for lineup, families in results.items():
        rows = [
            [name, way, *(_shown(found.get(kind)) for kind in (OWN, REAL, OTHERS))]
            for name, ways in families.items()
            for way, found in ways.items()
        ]
        lines += ["", f"### Line-up {lineup}", *table(["family", "steps", OWN, REAL, OTHERS], rows)]
    return lines


def _shown(found: dict | None) -> str:
    if not found:
        return "-"
    area = "" if found["area"] is None else f" ({found['area']:.2f})"
    return f"{found['median']:.3f}{area} of {found['pictures']}"
