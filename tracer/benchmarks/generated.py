"""How far a threshold from reconstructed photographs is from one of images that the family's models drew.

Families too costly to sample are calibrated on photographs that went through their autoencoder. The minis can afford
both: what either threshold does to the other's images tells what that shortcut costs.
"""

from __future__ import annotations

import numpy as np

from tracer import inversion, lineup, weights
from tracer.benchmarks.core import Bench, rate, said, table
from tracer.calibration import Calibration
from tracer.settings import FAST

TITLE = "Calibrated on reconstructions or on drawings"
KINDS = ("reconstructions", "drawings")


def measure(bench: Bench) -> dict:
    """Both thresholds of each family, and how either judges the other's images."""
    count = bench.few(100, 3)
    rows: dict[str, dict[str, list]] = {}
    for row in lineup.families("minis"):
        model = weights.load(row)
        for index, photograph in enumerate(bench.pictures[:count]):

            def through(photograph: np.ndarray = photograph, model=model) -> list[float]:
                return list(inversion.scores(inversion.reconstruct(photograph, model), model, FAST))

            found = bench.kept(f"generated {row.id} {index} {photograph.shape}", through)
            rows.setdefault(row.id, {kind: [] for kind in KINDS})["reconstructions"].append(found)
    for family, name, drawn in bench.generated(count):
        model = weights.load(lineup.family(family))
        found = bench.kept(
            f"generated {name}", lambda drawn=drawn, model=model: list(inversion.scores(drawn, model, FAST))
        )
        rows[family]["drawings"].append(found)
    return {name: _compared(lineup.family(name), both) for name, both in rows.items()}


def _compared(row: lineup.Family, both: dict[str, list]) -> dict:
    model = weights.load(row)
    known = {kind: inversion.calibration_of(model, FAST, scores, kind) for kind, scores in both.items()}
    return {
        kind: {
            "n": each.count,
            "first": each.conformal(each.checkpoints[0]),
            "last": each.conformal(each.checkpoints[-1]),
            "median": float(np.median(each.at(each.checkpoints[-1]))),
            "ruled_out": _ruled_out(each, both[other]),
        }
        for (kind, each), other in zip(known.items(), reversed(KINDS), strict=True)
    }


def _ruled_out(known: Calibration, others: list) -> dict[str, float]:
    """How many images anywhere leave the corridor that another kind of images gave."""
    limits = np.array([known.corridor(step) for step in known.checkpoints])
    return rate(int((np.array(others) > limits).any(axis=1).sum()), len(others))


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    rows = []
    for name, found in results.items():
        made, drew = (found[kind] for kind in KINDS)
        limits = [f"{each['first']:.3g} / {each['last']:.3g}" for each in (made, drew)]
        rows.append([name, f"{made['n']} / {drew['n']}", *limits, said(made["ruled_out"]), said(drew["ruled_out"])])
    text = (
        "Conformal thresholds before any step and after the last one, from reconstructions of the photographs and from "
        "what the family's generators drew; then the drawings that leave the corridor (all looks together, an error "
        "of 1 %) of the reconstructions, and the reverse."
    )
    head = ["", "images", "threshold by reconstructions", "threshold by drawings"]
    head += ["drawings ruled out by reconstructions", "reconstructions ruled out by drawings"]
    return ["", text, *table(head, rows)]
