"""The grid test, line-up by change: who is named rightly, who wrongly, and what is named that nobody made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import tables
from benchmarks.core import Bench, as_picture, code_key, rate
from benchmarks.lineups import Asked, lineups
from benchmarks.pictures import AS_IT_IS, Sample, shown
from tracer.evidence.inversion import inspection, trace

TITLE = "The grid test"
Row = dict
# What an answer rests on: these files, the null distribution and the line-up's weights.
CODE = (
    *(
        f"tracer/evidence/inversion/{name}.py"
        for name in ("contrast", "grid", "neutral", "views", "decision", "search", "inspection", "trace")
    ),
    "tracer/models/autoencoder.py",
    "tracer/models/catalogue/*.toml",
    "tracer/image/perturbations.py",
    "tracer/image/windows.py",
    "benchmarks/pictures.py",
    "benchmarks/lattices.py",
)
KINDS = ("right", "open", "none", "wrong")

page = tables.grid


def key_of(asked: Asked, *more: str) -> str:
    """What the answers of a line-up rest on; `more` files are a section's own."""
    return f"{code_key(*CODE, *more, thresholds='null.*')} {asked.name} {asked.weights}"


def answered(asked: Asked, sample: Sample, change: str, search: bool = True) -> Row:
    """One answer, as JSON values: verdict, families, windows, where the grid was found, scores, seconds."""
    picture = as_picture(sample.made(change))
    began = time.perf_counter()
    outcome = trace.grid_test(picture.pixels, asked.suspects, asked.together, search=search)
    looked = outcome.inspection.looked
    return {
        "verdict": outcome.verdict.kind,
        "families": list(outcome.verdict.families),
        "windows": looked.windows if looked else 0,
        "of": len(looked.view.plan.places) if looked else 0,
        "offset": list(looked.view.offset) if looked else [0, 0],
        "size": list(looked.view.size) if looked and looked.view.size else None,
        "scores": {each.family: [each.score, each.contrast] for each in outcome.evidence},
        "seconds": round(time.perf_counter() - began, 3),
    }


def ask(bench: Bench, asked: Asked) -> list[Row]:
    """Every answer of a line-up, each with what is true of its picture."""
    key, rows = key_of(asked) + ("" if bench.search else " on the grid alone"), []
    pictures = bench.by_lot(shown(bench, asked))
    if bench.until:
        pictures.sort(key=lambda each: urgency(*each))
    for sample, change in pictures:

        def work(sample: Sample = sample, change: str = change) -> Row:
            return answered(asked, sample, change, bench.search)

        found = bench.kept_in_time(f"grid {change}: {sample.name}", work, key)
        if found is None:
            continue
        about = {name: getattr(sample, name) for name in ("name", "kind", "makers", "source", "format")}
        rows.append({**about, "change": change, **found, "answer": _answer(found, sample.makers)})
    return rows


def urgency(sample: Sample, change: str) -> int:
    """Which pictures come first where time may run out: own ones as they are, then changed ones and lattices."""
    if sample.makers:
        return 0 if change == AS_IT_IS else 1
    return 1 if sample.kind.startswith("lattice") else 2


def _answer(found: Row, makers: Sequence[str]) -> str:
    """One of `KINDS`; of a picture that nobody made, "wrong" is that somebody is named."""
    if found["verdict"] == "family":
        return "right" if found["families"][0] in makers else "wrong"
    return "none" if found["verdict"] == "none" else "open"


def measure(bench: Bench) -> dict:
    """Results by line-up."""
    results = {}
    for asked in lineups(bench):
        rows = ask(bench, asked)
        results[asked.name] = summary(rows) | {"answers": [len(rows), len(shown(bench, asked))]}
    return results


def summary(rows: Sequence[Row]) -> dict:
    """All tables of a line-up's answers."""
    own = [row for row in rows if row["makers"]]
    others = [row for row in rows if not row["makers"]]
    plain = [row for row in own if row["change"] == AS_IT_IS]
    collected = [row for row in own if row["source"]]
    return {
        "own": _nested(own, lambda row: (row["kind"], row["change"])),
        "families": _nested(plain, lambda row: (row["makers"][0],)),
        "all own, by change": _nested(own, lambda row: (row["change"],)),
        "negatives": _nested(others, lambda row: (row["kind"], row["change"])),
        "all negatives, by change": _nested(others, lambda row: (row["change"],)),
        "collected": _nested(collected, lambda row: (row["kind"], row["source"], row["format"], row["change"])),
        "misnamed": [
            {name: row[name] for name in ("name", "kind", "change", "families")}
            for row in rows
            if row["answer"] == "wrong"
        ],
        "windows": {
            kind: _curve([row for row in plain if row["kind"] == kind and row["format"] in ("", "untouched")])
            for kind in dict.fromkeys(row["kind"] for row in plain)
        },
        "seconds": {
            "own": _median(row["seconds"] for row in plain),
            "negatives": _median(row["seconds"] for row in others if row["change"] == AS_IT_IS),
        },
    }


def _nested(rows: Iterable[Row], key: Callable[[Row], tuple]) -> list[dict]:
    """Shares of each answer, one entry a group, in the order in which groups first come."""
    groups: dict[tuple, list[str]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row["answer"])
    return [
        {"of": list(group), **{kind: rate(answers.count(kind), len(answers)) for kind in KINDS}}
        for group, answers in groups.items()
    ]


def _curve(rows: Sequence[Row]) -> dict:
    """Named rightly by so many windows on the grid that is looked at first.

    Windows come in one after another until the answer is decided, so a picture that was named after k windows is named
    wherever at least k may be inspected.
    """
    if not rows:
        return {}
    most = max(min(inspection.FURTHER, max(row["of"] for row in rows)), 1)

    def within(count: int, some: Sequence[Row]) -> dict:
        right = [row for row in some if row["answer"] == "right" and row["offset"] == [0, 0] and not row["size"]]
        return rate(sum(row["windows"] <= count for row in right), len(some))

    return {
        "windows at hand": _median(row["of"] for row in rows),
        "named": {str(n): within(n, rows) for n in range(1, most + 1)},
        # Of pictures that hold so many windows, so that no share falls behind for want of windows.
        "where there are as many": {
            str(n): within(n, [row for row in rows if row["of"] >= n]) for n in range(1, most + 1)
        },
    }


def _median(values: Iterable[float]) -> float:
    values = list(values)
    return float(np.median(values)) if values else 0.0


def plots(results: dict, folder: Path) -> list[str]:
    """Stacked bars by change for every line-up, and the curves over windows."""
    from benchmarks.plots import lines, stacked

    made = []
    for name, found in results.items():
        shares = {each["of"][0]: [each[kind]["rate"] for kind in KINDS] for each in found["all own, by change"]}
        if shares:
            made.append(stacked(shares, KINDS, folder / f"grid-{name}.png"))
        curves = {kind: curve["named"] for kind, curve in found["windows"].items() if len(curve.get("named", ())) > 1}
        if curves:
            longest = max(map(len, curves.values()))
            padded = {
                kind: [each["rate"] for each in named.values()] + [float("nan")] * (longest - len(named))
                for kind, named in curves.items()
            }
            made.append(lines(range(1, longest + 1), padded, "windows", folder / f"windows-{name}.png"))
    return made
