"""Every published figure of ours, from one command: `python -m tracer benchmark --photographs FOLDER --out DIR`.

Images are made here, from photographs that no autoencoder was trained or calibrated on: each family decodes the latents
of every photograph, the generators draw, and the photographs themselves belong to none. What was measured is written
down at once, so that a run that is cut off goes on where it was. The sections are in `benchmarks/`.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import benchmarks
from benchmarks.core import POOL, SIDE, Bench
from tracer import api
from tracer.evidence import store
from tracer.image import intake, samples


def warm_seconds(photographs: list[np.ndarray], repeats: int = 10) -> float:
    """Median seconds of a fast trace over all bundled families once their weights are in memory."""
    pictures = [intake.from_array(pixels, "") for pixels in photographs[: repeats + 1]]
    times = []
    for picture in pictures:
        began = time.perf_counter()
        api.trace(picture)
        times.append(time.perf_counter() - began)
    return float(np.median(times[1:]))


def commit() -> str:
    """The commit that is checked out, with a mark where files differ from it; "unknown" outside a checkout."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],  # noqa: S607 - whatever git there is
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def markdown(results: dict, plots: dict[str, list[str]] | None = None) -> str:
    """The results as a page."""
    lines = [
        "# Benchmark",
        "",
        f"Made by `python -m tracer benchmark` on {results['date']}, version {results['versions']['tracer']}, "
        f"commit {results['commit']}, torch {results['versions']['torch']}, {results['threads']} threads, with "
        f"{results['photographs']}"
        + (", the small counts of `--quick`" if results["quick"] else "")
        + ". Each picture is shown as it is and decoded by each family from the latent of its own encoder, and the "
        "generators draw more; neither training nor calibration saw any of them. Intervals are Wilson's, of 95 %.",
    ]
    for name, found in results["sections"].items():
        module = benchmarks.section(name)
        about = f"Measured on {found['date']} at commit {found['commit']}."  # how long depends on what was kept
        lines += ["", f"## {module.TITLE}", "", about, *module.page(found["results"])]
        for file in (plots or {}).get(name, []):
            lines += ["", f"![{module.TITLE}]({file})"]
    lines += [
        "",
        f"A warm trace of a photograph of {SIDE} px, which fits nothing, so that every search is made, takes "
        f"{results['warm_seconds']:.2f} s (median).",
    ]
    return "\n".join(lines) + "\n"


def drawn(results: dict, out: Path, progress: Callable[[str], None]) -> dict[str, list[str]]:
    """The plots of every section that has some, by section; none where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        progress("no plots: matplotlib is not installed")
        return {}
    found = {name: benchmarks.section(name) for name in results["sections"]}
    return {
        name: module.plots(results["sections"][name]["results"], out)
        for name, module in found.items()
        if hasattr(module, "plots")
    }


def run(
    photographs: Path | None,
    out: Path,
    count: int = 200,
    paper_count: int = 6,
    quick: bool = False,
    only: list[str] | None = None,
    progress: Callable[[str], None] = lambda line: None,
    **folders: Path | None,
) -> dict:
    """Run the benchmark and write `results.json`, plots and `README.md` to `out`.

    Args:
        photographs: folder of test photographs, taken in shuffled order (seed 0), so that the few that a section
            uses are of all kinds, and the last first: earlier versions were measured on the first ones, and rules were
            changed because of failures there. None: tiles of the pictures that scikit-image bundles.
        out: folder for the results; answers already there are kept as long as they would be the same.
        count: photographs at most; sections that repeat themselves use fewer.
        paper_count: photographs in paper mode, which takes about a hundred times as long; 0 leaves it out.
        quick: small counts, no paper mode.
        only: sections to measure; the others stay as `out` has them.
        progress: called with a line of text.
        folders: of what single sections need: `drawn`, `native` and `made` of `Bench`.

    Raises:
        KeyError: there is no section of that name.
        ValueError: the folder has fewer than two readable images.
    """
    import torch

    names = list(only or benchmarks.SECTIONS)
    for name in names:
        benchmarks.section(name)
    pictures = list(samples.pictures(photographs, 10**6, seed=0))[::-1][:count] if photographs else []
    if photographs and len(pictures) < 2:
        raise ValueError("the folder of photographs has fewer than two readable images")
    # The first of scikit-image's tiles are what sections calibrate on.
    pictures = pictures or samples.bundled_photographs(POOL + min(count, 40), SIDE)[POOL:]
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(pictures, out, quick, paper_count, progress, **folders)
    today, here = datetime.date.today().isoformat(), commit()
    sections = _earlier(out) if only else {}
    for name in names:
        began = time.perf_counter()
        results = benchmarks.section(name).measure(bench)
        seconds = round(time.perf_counter() - began, 1)
        sections[name] = {"date": today, "commit": here, "seconds": seconds, "results": results}
    described = (
        f"{len(pictures)} photographs from a folder, in shuffled order, the last first"
        if photographs
        else f"{len(pictures)} tiles of scikit-image"
    )
    results = {
        "date": today,
        "commit": here,
        "versions": store.versions(),
        "threads": torch.get_num_threads(),
        "photographs": described,
        "quick": quick,
        "sections": {name: sections[name] for name in benchmarks.SECTIONS if name in sections},
        "warm_seconds": warm_seconds(pictures, 3 if quick else 10),
    }
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "README.md").write_text(markdown(results, drawn(results, out, progress)))
    return results


def _earlier(out: Path) -> dict:
    """The sections of an earlier run in a folder."""
    try:
        return json.loads((out / "results.json").read_text())["sections"]
    except (OSError, ValueError, KeyError):
        return {}
