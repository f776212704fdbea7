"""Every published figure of ours, from one command: `python -m tracer benchmark --photographs FOLDER --out DIR`.

Images are made here, from photographs that no autoencoder was trained or calibrated on: each family decodes the latents
of every photograph, and the photographs themselves belong to none. Answers are written one line at a time, so that a
run that is cut off goes on where it was.
"""

from __future__ import annotations

import datetime
import hashlib
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

from tracer import api, belonging, calibration, intake, inversion, lineup, weights
from tracer.settings import FAST

NONE = "none of them"


def interval(hits: int, count: int) -> tuple[float, float]:
    """Exact (Clopper-Pearson) 95 % interval of a share."""
    from scipy import stats

    found = stats.binomtest(hits, count).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def images(photographs: list[np.ndarray]) -> list[tuple[str, int, np.ndarray]]:
    """(true family or `NONE`, index, uint8 image) for every photograph and every mini family."""
    result = [(NONE, index, photograph) for index, photograph in enumerate(photographs)]
    for row in lineup.families("minis"):
        made = inversion.reconstructions(weights.load(row), photographs)
        result += [(row.id, index, image) for index, image in enumerate(made)]
    return result


def answers(photographs: list[np.ndarray], mode: str, file: Path, progress: Callable[[str], None]) -> list[dict]:
    """Trace every image in a mode; resume from `file` (JSON lines) where image, thresholds and code are the same."""
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    key = _key(mode)
    known = {(row["truth"], row["sha256"]): row for row in rows if row["key"] == key}
    result = []
    todo = images(photographs)
    with file.open("a") as out:
        for count, (truth, index, pixels) in enumerate(todo):
            picture = intake.from_array(pixels, "")
            if (truth, picture.sha256) not in known:
                began = time.perf_counter()
                trace = api.trace(picture, mode=mode)
                row = {
                    "key": key,
                    "truth": truth,
                    "index": index,
                    "sha256": picture.sha256,
                    "kind": trace.verdict.kind,
                    "families": list(trace.verdict.families),
                    "seconds": round(time.perf_counter() - began, 3),
                    "evidence": [asdict(evidence) for evidence in trace.evidence],
                }
                known[truth, picture.sha256] = row
                out.write(json.dumps(row) + "\n")
                out.flush()
                progress(f"{mode}: {count + 1} of {len(todo)}")
            result.append(known[truth, picture.sha256])
    return result


def _key(mode: str) -> str:
    """What an answer rests on: the package's code, and the thresholds, which name weights and settings."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    for row in lineup.families("minis"):
        digest.update(calibration.path_of(row.id, mode).read_bytes())
    return digest.hexdigest()[:16]


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


def markdown(results: dict) -> str:
    """The results as a page."""
    lines = [
        "# Benchmark",
        "",
        f"Made by `python -m tracer benchmark` on {results['date']}, version {results['versions']['tracer']}, "
        f"commit {results['commit']}, torch {results['versions']['torch']}, {results['threads']} threads, with "
        f"{results['photographs']}. Each picture is shown as it is and decoded by each family from the latent of its "
        "own encoder; neither training nor calibration saw any of them.",
    ]
    for title, found in results["parts"].items():
        columns = [*found["matrix"], "undecided", "insufficient"]
        lines += ["", f"## {title}", "", "| made by | " + " | ".join(columns) + " |"]
        lines += ["|---" * (len(columns) + 1) + "|"]
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
    lines += ["", f"A warm trace of a 128 px image in fast mode takes {results['warm_seconds']:.2f} s (median)."]
    if results["server_start_seconds"]:
        lines[-1] += f" The page answers its first request {results['server_start_seconds']:.1f} s after it is started."
    return "\n".join(lines) + "\n"


def run(
    photographs: Path | None,
    out: Path,
    count: int,
    paper_count: int,
    progress: Callable[[str], None] = lambda line: None,
) -> dict:
    """Run the benchmark and write `results.json` and `README.md` to `out`.

    Args:
        photographs: folder of test photographs; None: tiles of the pictures that scikit-image bundles.
        out: folder for the results; answers already there are kept as long as they would be the same.
        count: photographs in fast mode.
        paper_count: photographs in paper mode, which takes about a hundred times as long; 0 leaves it out.
        progress: called with a line of text.

    Raises:
        ValueError: the folder has fewer than two readable images.
    """
    import torch

    pictures = list(belonging.pictures(photographs, count)) if photographs else []
    if photographs and len(pictures) < 2:
        raise ValueError("the folder of photographs has fewer than two readable images")
    pictures = pictures or calibration.bundled_photographs(count, belonging.SIDE)
    large = [picture for picture in calibration.bundled_pictures() if max(picture.shape) > FAST.whole]
    out.mkdir(parents=True, exist_ok=True)
    parts = {"Fast mode": summary(answers(pictures, "fast", out / "fast.jsonl", progress))}
    parts[f"Fast mode on {len(large)} pictures of 451 to 1411 px, read on tiles"] = summary(
        answers(large, "fast", out / "fast.jsonl", progress)
    )
    if paper_count:
        parts["Paper mode"] = summary(answers(pictures[:paper_count], "paper", out / "paper.jsonl", progress))
    described = (
        f"{len(pictures)} photographs from a folder" if photographs else f"{len(pictures)} tiles of scikit-image"
    )
    results = {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "versions": calibration.versions(),
        "threads": torch.get_num_threads(),
        "photographs": described,
        "parts": parts,
        "warm_seconds": warm_seconds(pictures),
        "server_start_seconds": server_start(),
    }
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "README.md").write_text(markdown(results))
    return results
