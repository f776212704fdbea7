"""Every published figure of ours, from one command: `python -m tracer benchmark --photographs FOLDER --out DIR`.

Images are made here, from photographs that no autoencoder was trained or calibrated on: each family decodes the latents
of every photograph, and the photographs themselves belong to none. Answers are written one line at a time, so that a
run that is cut off goes on where it was.
"""

from __future__ import annotations

import datetime
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tracer import __version__, api, calibration, intake, lineup
from tracer.evidence import Trace

NONE = "none of them"


def interval(hits: int, count: int) -> tuple[float, float]:
    """Exact (Clopper-Pearson) 95 % interval of a share."""
    from scipy import stats

    found = stats.binomtest(hits, count).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def images(photographs: list[np.ndarray]) -> list[tuple[str, int, np.ndarray]]:
    """(true family or `NONE`, index, uint8 image) for every photograph and every mini family."""
    from tracer import inversion, weights

    result = [(NONE, index, photograph) for index, photograph in enumerate(photographs)]
    for row in lineup.families("minis"):
        model = weights.load(row)
        made = inversion.reconstructions(model, photographs)
        result += [(row.id, index, image) for index, image in enumerate(made)]
    return result


def answers(photographs: list[np.ndarray], mode: str, file: Path, progress: Callable[[str], None]) -> list[dict]:
    """Trace every image in a mode, resuming from `file` (JSON lines)."""
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    done = {(row["truth"], row["index"]) for row in rows}
    todo = [item for item in images(photographs) if item[:2] not in done]
    with file.open("a") as out:
        for count, (truth, index, pixels) in enumerate(todo):
            began = time.perf_counter()
            trace: Trace = api.trace(intake.from_array(pixels, ""), mode=mode)
            row = {
                "truth": truth,
                "index": index,
                "kind": trace.verdict.kind,
                "families": list(trace.verdict.families),
                "seconds": round(time.perf_counter() - began, 3),
                "evidence": [asdict(evidence) for evidence in trace.evidence],
            }
            rows.append(row)
            out.write(json.dumps(row) + "\n")
            out.flush()
            progress(f"{mode}: {count + 1} of {len(todo)}")
    return rows


def answer_of(row: dict) -> str:
    """The column of the confusion matrix that an answer belongs in."""
    if row["kind"] == "family":
        return row["families"][0]
    return {"none": NONE}.get(row["kind"], row["kind"])


def summary(rows: list[dict]) -> dict:
    """Confusion matrix, rates with intervals, steps and seconds of one mode."""
    matrix: dict[str, Counter] = {}
    for row in rows:
        matrix.setdefault(row["truth"], Counter())[answer_of(row)] += 1
    belonging = [row for row in rows if row["truth"] != NONE]
    photographs = [row for row in rows if row["truth"] == NONE]

    def rate(hits: int, count: int) -> dict:
        low, high = interval(hits, count)
        return {"hits": hits, "of": count, "rate": hits / count, "low": low, "high": high}

    steps = [evidence["steps"] for row in rows for evidence in row["evidence"]]
    return {
        "matrix": {truth: dict(counts) for truth, counts in matrix.items()},
        "right_family": {
            truth: rate(matrix[truth][truth], sum(matrix[truth].values())) for truth in matrix if truth != NONE
        },
        "wrong_family": rate(
            sum(row["kind"] == "family" and answer_of(row) != row["truth"] for row in belonging), len(belonging)
        ),
        "photograph_named": rate(sum(row["kind"] == "family" for row in photographs), len(photographs)),
        "median_steps": float(np.median(steps)),
        "median_seconds": float(np.median([row["seconds"] for row in rows])),
    }


def warm_seconds(photographs: list[np.ndarray], repeats: int = 10) -> float:
    """Median seconds of a fast trace over all bundled families once their weights are in memory."""
    pictures = [intake.from_array(pixels, "") for pixels in photographs[: repeats + 1]]
    times = []
    for picture in pictures:
        began = time.perf_counter()
        api.trace(picture)
        times.append(time.perf_counter() - began)
    return float(np.median(times[1:]))


def server_start() -> float | None:
    """Seconds from starting `app.py` to its first answered request, or None where the package stands alone."""
    app = Path(__file__).parent.parent / "app.py"
    if not app.exists():
        return None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    server = subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, str(app)],
        env={**os.environ, "GRADIO_SERVER_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while server.poll() is None and time.perf_counter() - began < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                    return time.perf_counter() - began
            except OSError:
                time.sleep(0.1)
    finally:
        server.terminate()
        server.wait()
    return None


def markdown(results: dict) -> str:
    """The results as a page."""
    lines = [
        "# Benchmark",
        "",
        f"Made by `python -m tracer benchmark` on {results['date']}, version {results['versions']['tracer']}, "
        f"commit {results['commit']}, torch {results['versions']['torch']}, {results['threads']} threads. "
        "Belonging images are test photographs decoded by each family; neither training nor calibration saw them.",
    ]
    for mode, found in results["modes"].items():
        columns = [*found["matrix"], "undecided", "insufficient"]
        lines += [
            "",
            f"## {mode} mode",
            "",
            "| made by | " + " | ".join(columns) + " |",
            "|---" * (len(columns) + 1) + "|",
        ]
        lines += [
            f"| {truth} | " + " | ".join(str(counts.get(column, 0)) for column in columns) + " |"
            for truth, counts in found["matrix"].items()
        ]
        lines += ["", "| figure | rate | 95 % interval | images |", "|---|---|---|---|"]
        named = {f"right family, {truth}": figure for truth, figure in found["right_family"].items()}
        named |= {"wrong family": found["wrong_family"], "photograph called made": found["photograph_named"]}
        lines += [
            f"| {name} | {figure['rate']:.1%} | {figure['low']:.1%} to {figure['high']:.1%} | {figure['of']} |"
            for name, figure in named.items()
        ]
        lines += [
            "",
            f"Median {found['median_seconds']:.2f} s per image over all bundled families, "
            f"{found['median_steps']:.0f} gradient steps per family.",
        ]
    lines += ["", f"A warm trace of one image in fast mode takes {results['warm_seconds']:.2f} s (median of 10)."]
    if results["server_start_seconds"]:
        lines[-1] += f" The page answers its first request {results['server_start_seconds']:.1f} s after it is started."
    return "\n".join(lines) + "\n"


def run(
    photographs: Path, out: Path, count: int, paper_count: int, progress: Callable[[str], None] = lambda line: None
) -> dict:
    """Run the benchmark and write `results.json` and `README.md` to `out`.

    Args:
        photographs: folder of test photographs, of 64 px a side or more.
        out: folder for the results; answers already there are kept.
        count: photographs in fast mode.
        paper_count: photographs in paper mode, which takes about a hundred times as long.
        progress: called with a line of text.

    Raises:
        ValueError: the folder has no readable image.
    """
    import torch

    pictures = list(api.pictures(photographs, count))
    if not pictures:
        raise ValueError("the folder of photographs has no readable image")
    out.mkdir(parents=True, exist_ok=True)
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whatever git there is
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        check=False,
    )
    results = {
        "date": datetime.date.today().isoformat(),
        "commit": revision.stdout.strip() or "unknown",
        "versions": calibration.versions() | {"tracer": __version__},
        "threads": torch.get_num_threads(),
        "warm_seconds": warm_seconds(pictures),
        "server_start_seconds": server_start(),
        "modes": {},
    }
    for mode, number in (("fast", count), ("paper", paper_count)):
        if number:
            results["modes"][mode] = summary(answers(pictures[:number], mode, out / f"{mode}.jsonl", progress))
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "README.md").write_text(markdown(results))
    return results
