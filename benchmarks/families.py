"""Which family? Fast mode, double reconstruction alone and paper mode on the same images."""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.core import NONE, POOL, SIDE, Bench, as_picture, rate, said, summary, table, traced
from tracer.evidence import conformal
from tracer.evidence.inversion.settings import FAST, PAPER
from tracer.image import samples
from tracer.models import autoencoder, cache, registry

TITLE = "Which family"
WHOLE = 4  # large photographs whose whole frames double reconstruction is given


def measure(bench: Bench) -> dict:
    """Answers of all three methods, with seconds, steps and multiplications."""
    count, drawn = bench.few(min(len(bench.pictures), 100), 3), bench.few(10, 1)
    images = [*bench.images(count), *bench.generated(drawn)]
    results = {"Fast mode": _traces(bench, images, "fast")}
    results["Double reconstruction alone"] = _double(bench, images)
    if bench.paper_count and not bench.quick:
        results["Paper mode"] = _traces(bench, list(bench.images(bench.paper_count)), "paper")
    large = [each for each in samples.bundled_pictures() if max(each.shape) > FAST.whole]
    large = large[1:2] if bench.quick else large[:10]  # the second is the smallest
    some = Bench(large, bench.out, bench.quick, progress=bench.progress)
    large = list(some.images(len(large)))
    results["Fast mode on whole pictures of 451 to 1411 px"] = _traces(bench, large, "fast")
    few = [each for each in large if int(each[1].split("-")[0]) < bench.few(WHOLE, 1)]  # whole frames take minutes
    results["Double reconstruction alone on some of these pictures"] = _double(bench, few)
    for mine, other in (list(results)[:2], list(results)[-2:]):
        results[mine]["within"] = _within(results[mine].pop("each"), results[other].pop("each"))
    results.get("Paper mode", {}).pop("each", None)
    return results


def _within(fast: list[dict], double: list[dict]) -> dict:
    """Which images fast mode decided for all families in no more time than double reconstruction took, and the rest."""
    theirs = {(row["truth"], row["name"]): row["seconds"] for row in double}
    fast = [row for row in fast if (row["truth"], row["name"]) in theirs]
    times = [row["seconds"] / theirs[row["truth"], row["name"]] for row in fast]
    rest = [time for time in times if time > 1]
    return {
        "at_start": rate(sum(all(steps == 0 for steps, _, _ in row["evidence"].values()) for row in fast), len(fast)),
        "share": rate(len(times) - len(rest), len(times)),
        "median": float(np.median(times)),
        "mean": float(np.mean(times)),
        "rest_median": float(np.median(rest)) if rest else None,
        "rest_most": max(rest, default=None),
        "made_median": float(np.median([time for time, row in zip(times, fast, strict=True) if row["truth"] != NONE])),
    }


def _traces(bench: Bench, images: list, mode: str) -> dict:
    rows = []
    for truth, name, pixels in images:
        row = bench.kept(f"{mode} {truth} {name}", lambda pixels=pixels: traced(as_picture(pixels), mode))
        rows.append({**row, "truth": truth, "name": name, "pixels": pixels.shape[0] * pixels.shape[1]})
    steps = [steps for row in rows for steps, _, _ in row["evidence"].values()]
    own = [row["evidence"][row["truth"]] for row in rows if row["truth"] in row["evidence"]]
    ruled_out = rate(sum(belongs is False for _, belongs, _ in own), len(own))
    return {
        **summary(rows),
        "one_by_one": {name: _one_of(rows, name) for name in rows[0]["evidence"]},
        "ruled_out_anywhere": ruled_out,
        "median_steps": float(np.median(steps)),
        "decided_at_start": float(np.mean([step == 0 for step in steps])),
        "median_seconds": float(np.median([row["seconds"] for row in rows])),
        "median_gmac": float(np.median([_work(row, mode) for row in rows])) / 1e9,
        "each": rows,
    }


def _one_of(rows: list[dict], family: str) -> dict:
    """Of one family in the race: its own pictures that fit, and others' that do."""
    fits = [(row["evidence"][family][1] is True, row["truth"] == family) for row in rows]
    own, others = ([fit for fit, mine in fits if mine is which] for which in (True, False))
    return {"found": rate(sum(own), len(own)), "mistaken": rate(sum(others), len(others))}


def _work(row: dict, mode: str) -> float:
    """Multiplications of all families' first looks; what follows where none fits shows in the seconds only."""
    total = 0.0
    for name, (steps, _, _) in row["evidence"].items():
        family = registry.family(name)
        encoder, decoder = family.encoder_work, family.decoder_work
        pixels = row["pixels"]
        settings = FAST if mode == "fast" else PAPER
        if pixels > settings.whole**2:
            pixels = min(pixels, settings.tiles * (settings.tile + 2 * settings.margin) ** 2)
        step = encoder + decoder if mode == "fast" else 2 * decoder
        total += (2 * (encoder + decoder) + steps * step) * pixels * 1e6
    return total


def ratio(pixels: np.ndarray, model) -> float:
    """Loss of the first over that of the second reconstruction (double reconstruction, arXiv 2507.18988)."""
    first = autoencoder.reconstruct(pixels, model).astype(np.float32)
    second = autoencoder.reconstruct(first.astype(np.uint8), model).astype(np.float32)
    height, width = first.shape[:2]
    return float(((pixels[:height, :width] - first) ** 2).mean() / max(((first - second) ** 2).mean(), 1e-6))


@torch.no_grad()
def _double(bench: Bench, images: list) -> dict:
    """The published ratio alone, with a conformal threshold from scikit-image's tiles."""
    limits, tiles = {}, samples.bundled_photographs(POOL, SIDE)[: bench.few(POOL, 20)]
    for family in registry.families("minis"):
        model = cache.load(family)
        scores = bench.kept(
            f"double limits {family.id} {len(tiles)}",
            lambda model=model: [ratio(autoencoder.reconstruct(tile, model), model) for tile in tiles],
        )
        limits[family.id] = conformal.conformal_threshold(np.array(scores), max(0.01, 1 / (len(scores) + 1)))
    rows = []
    for truth, name, pixels in images:

        def all_ratios(pixels: np.ndarray = pixels) -> dict:
            began = time.perf_counter()
            found = {family.id: ratio(pixels, cache.load(family)) for family in registry.families("minis")}
            return {"ratios": found, "seconds": time.perf_counter() - began}

        row = bench.kept(f"double {truth} {name}", all_ratios)
        fits = [name for name, value in row["ratios"].items() if value <= limits[name]]
        kind = ("none", "family", "undecided")[min(len(fits), 2)]
        rows.append({"truth": truth, "name": name, "kind": kind, "families": fits, **row})
    work = sum(2 * (row.encoder_work + row.decoder_work) for row in registry.families("minis"))
    pixels = float(np.median([image.shape[0] * image.shape[1] for _, _, image in images]))
    return {
        **summary(rows),
        "median_steps": 0.0,
        "median_seconds": float(np.median([row["seconds"] for row in rows])),
        "median_gmac": work * pixels / 1e3,
        "one_by_one": {name: _one_by_one(rows, name, limit) for name, limit in limits.items()},
        "each": rows,
    }


def _one_by_one(rows: list[dict], family: str, limit: float) -> dict:
    """The published question, asked of one family alone: its own pictures found, others' taken for its own."""
    own = [row["ratios"][family] <= limit for row in rows if row["truth"] == family]
    others = [row["ratios"][family] <= limit for row in rows if row["truth"] != family]
    return {"found": rate(sum(own), len(own)), "mistaken": rate(sum(others), len(others))}


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    lines = []
    for title, found in results.items():
        columns = [*found["matrix"], "undecided", "insufficient"]
        lines += ["", f"### {title}"]
        matrix = [[truth, *(counts.get(each, 0) for each in columns)] for truth, counts in found["matrix"].items()]
        lines += table(["made by", *columns], matrix)
        named = {f"right family, {truth}": figure for truth, figure in found["right_family"].items()}
        named |= {"wrong family": found["wrong_family"], "photograph called made": found["photograph_named"]}
        if "ruled_out_anywhere" in found:
            named["own family ruled out anywhere on the path"] = found["ruled_out_anywhere"]
        lines += table(["figure", "images (95 % interval)"], [[name, said(each)] for name, each in named.items()])
        alone = [
            [name, said(each["found"]), said(each["mistaken"])] for name, each in found.get("one_by_one", {}).items()
        ]
        lines += table(["each family's own answer", "own pictures found", "others' taken for its own"], alone)
    rows = [
        [
            title,
            f"{each['median_seconds']:.2f}",
            f"{each['median_steps']:.0f}",
            f"{each['median_gmac']:.1f}",
            f"{each['decided_at_start']:.1%}" if "decided_at_start" in each else "-",
        ]
        for title, each in results.items()
    ]
    head = [
        "median per image, all families",
        "seconds",
        "steps per family",
        "GMAC of the first look",
        "first looks decided at the start",
    ]
    lines += table(head, rows)
    costs = {title: each["within"] for title, each in results.items() if "within" in each}
    lines += ["", "Time of a whole trace, searches included, against double reconstruction of the same whole picture:"]
    head = ["", "first looks decided at the start for all families", "images that take no longer", "median", "mean"]
    head += ["median of pictures that a family made", "the images that take longer: median, most"]
    return lines + table(
        head,
        [
            [
                title,
                said(each["at_start"]),
                said(each["share"]),
                *(f"{each[key]:.2f} times" for key in ("median", "mean", "made_median")),
                f"{each['rest_median']:.1f}, {each['rest_most']:.1f} times" if each["rest_median"] else "-",
            ]
            for title, each in costs.items()
        ],
    )


def plots(results: dict, folder) -> list[str]:
    """A confusion matrix per method."""
    from benchmarks.plots import matrices

    return [matrices({title: each["matrix"] for title, each in results.items()}, folder / "families.png", NONE)]
