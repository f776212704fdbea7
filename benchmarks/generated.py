"""How far a threshold from reconstructed photographs is from one of images that the family's models drew.

Families too costly to sample are calibrated on photographs that went through their autoencoder. The minis can afford
both: what either threshold does to the other's images tells what that shortcut costs.
"""

from __future__ import annotations

import numpy as np

from benchmarks.core import Bench, answer_of, as_picture, rate, said, table, traced
from tracer.evidence.inversion import calibration, optimization
from tracer.evidence.inversion.calibration import Calibration
from tracer.evidence.inversion.settings import FAST
from tracer.models import cache, registry

TITLE = "Calibrated on reconstructions or on drawings"
KINDS = ("reconstructions", "drawings")


def measure(bench: Bench) -> dict:
    """The stored threshold of each family, one from its drawings, what either does to the other's images, verdicts."""
    drawings: dict[str, list] = {}
    answers: dict[str, list] = {}
    for family, name, drawn in bench.generated(bench.few(40, 3)):
        model = cache.load(registry.family(family))
        found = bench.kept(
            f"generated {name}", lambda drawn=drawn, model=model: list(optimization.scores(drawn, model, FAST))
        )
        drawings.setdefault(family, []).append(found)
        answer = bench.kept(f"fast {family} {name}", lambda drawn=drawn: traced(as_picture(drawn)))
        answers.setdefault(family, []).append(answer)
    return {name: _compared(registry.family(name), scores, answers[name]) for name, scores in drawings.items()}


def _compared(row: registry.Family, scores: list, answers: list) -> dict:
    model = cache.load(row)
    known = {
        "reconstructions": calibration.stored(row.id, FAST.record(), model.digest),
        "drawings": optimization.calibration_of(model, FAST, scores, "drawings"),
    }
    found = {}
    for kind, other in zip(KINDS, reversed(KINDS), strict=True):
        each, theirs = known[kind], known[other].scores
        last = each.checkpoints[-1]
        found[kind] = {
            "n": each.count,
            "median": float(np.median(each.at(last))),
            "first": each.corridor(each.checkpoints[0]),
            "last": each.corridor(last),
            "ruled_out": _ruled_out(each, theirs),
            "missed": each.missed(),
        }
    said_of = [answer_of(each) for each in answers]
    named = [each["kind"] == "family" for each in answers]
    found["drawings named"] = rate(said_of.count(row.id), len(answers))
    found["drawings misnamed"] = rate(sum(named) - said_of.count(row.id), len(answers))
    found["drawings refused"] = rate(sum(each["evidence"][row.id][1] is False for each in answers), len(answers))
    return found


def _ruled_out(known: Calibration, others) -> dict[str, float]:
    """How many images anywhere leave the corridor that another kind of images gave."""
    limits = np.array([known.corridor(step) for step in known.checkpoints])
    return rate(int((np.array(others) > limits).any(axis=1).sum()), len(others))


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    rows = []
    for name, found in results.items():
        made, drew = (found[kind] for kind in KINDS)
        both = [" / ".join(f"{each[key]:.3g}" for each in (made, drew)) for key in ("median", "first", "last")]
        rows.append([name, f"{made['n']} / {drew['n']}", *both, said(made["ruled_out"]), said(drew["ruled_out"])])
        rows[-1] += [said(found[f"drawings {what}"]) for what in ("named", "misnamed", "refused")]
    text = (
        "Each pair is reconstructions of photographs (the stored threshold) / what the family's generators drew. "
        "Limits are those outside of which an image is ruled out, all looks together. Then how many drawings leave the "
        "limits of the reconstructions, and the reverse. The whole procedure rules out only what also scores no better "
        "than images by others, which were measured with the reconstructions; the last columns are its answers, with "
        "all families asked."
    )
    head = ["", "images", "median score", "limit at the start", "limit at the end"]
    head += ["drawings outside the reconstructions' limits", "reconstructions outside the drawings' limits"]
    head += ["drawings named", "drawings given a wrong name", "own family ruled out"]
    return ["", text, *table(head, rows)]
