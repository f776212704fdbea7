"""Every published figure of ours, from one command: `python -m tracer benchmark --data FOLDER --out DIR`.

What was measured is written down at once, and each section's results when it ends, so that a run that is cut off goes
on where it was, and a long one can be made in pieces: by section, by line-up, on several machines (lines of
`answers.jsonl` may be joined). The sections are in `benchmarks/`, the pictures in `benchmarks/pictures.py`.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import benchmarks
from benchmarks import tables
from benchmarks.core import Bench
from tracer.evidence import store
from tracer.models import registry

FORMAT = 2  # of results.json; sections of others are measured again
LINEUPS = ("minis", "real", "tiny")  # those that run on any machine


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
        f"{results['pictures']}"
        + (", the small counts of `--quick`" if results["quick"] else "")
        + ". Nothing was trained, calibrated or chosen with any of them. Intervals are Wilson's, of 95 %.",
        *tables.headline(results["sections"]),
    ]
    for name, found in results["sections"].items():
        module = benchmarks.section(name)
        about = f"Measured on {found['date']} at commit {found['commit']}."  # how long depends on what was kept
        lines += ["", f"## {module.TITLE}", "", about, *module.page(found["results"])]
        for file in (plots or {}).get(name, []):
            lines += ["", f"![{module.TITLE}]({file})"]
    return "\n".join(lines) + "\n"


def plotted(results: dict, out: Path, progress: Callable[[str], None]) -> dict[str, list[str]]:
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


PICTURES = "test photographs and the collected pictures' half `report`"


def run(
    out: Path,
    data: Path | None = None,
    drawn: Path | None = None,
    weights: Path | None = None,
    lineups: Sequence[str] = (),
    count: int = 100,
    quick: bool = False,
    only: Sequence[str] = (),
    progress: Callable[[str], None] = lambda line: None,
    search: bool = True,
    minutes: float | None = None,
) -> dict:
    """Run the benchmark and write `results.json`, plots and `README.md` to `out`.

    Args:
        out: folder for the results; answers already there are kept as long as they would be the same.
        data, drawn, weights, count, quick, progress, search: see `Bench`.
        lineups: which line-ups are asked; by default `LINEUPS`. What `out` has of others stays.
        only: sections to measure; the others stay as `out` has them.
        minutes: after which line-ups are shown no more pictures; the tables say how many they saw.

    Raises:
        KeyError: there is no section, or no line-up, of that name.
        OSError: a folder cannot be read.
    """
    import torch

    names = list(only or benchmarks.SECTIONS)
    asked = list(lineups or (each for each in LINEUPS if each in registry.LINEUPS))
    _check(names, asked, [folder for folder in (data, drawn, weights) if folder])
    out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * minutes if minutes else None
    bench = Bench(out, data, drawn, weights, asked, count, quick, progress, search, until)
    today, here = datetime.date.today().isoformat(), commit()
    sections = _earlier(out)
    for name in names:
        began = time.perf_counter()
        measured = benchmarks.section(name).measure(bench)
        if name in benchmarks.BY_LINEUP:
            measured = sections.get(name, {}).get("results", {}) | measured
        seconds = round(time.perf_counter() - began, 1)
        sections[name] = {"date": today, "commit": here, "seconds": seconds, "results": measured}
        results = {
            "format": FORMAT,
            "date": today,
            "commit": here,
            "versions": store.versions(),
            "threads": torch.get_num_threads(),
            "pictures": PICTURES if data else "scikit-image's tiles",
            "quick": quick,
            "sections": {name: sections[name] for name in benchmarks.SECTIONS if name in sections},
        }
        (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (out / "README.md").write_text(markdown(results, plotted(results, out, progress)))
    return results


def _check(sections: Sequence[str], lineups: Sequence[str], folders: Sequence[Path]) -> None:
    """Complain about what is not there before hours of work: see `run`."""
    for name in sections:
        benchmarks.section(name)
    for name in lineups:
        registry.families(name)
    for folder in folders:
        next(folder.iterdir(), None)


def _earlier(out: Path) -> dict:
    """The sections of an earlier run in a folder."""
    try:
        found = json.loads((out / "results.json").read_text())
        return found["sections"] if found.get("format") == FORMAT else {}
    except (OSError, ValueError, KeyError):
        return {}
