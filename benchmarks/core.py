"""What the benchmark's sections share: test images, answers that survive a cut, intervals."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

import tracer
from tracer import api
from tracer.evidence import store
from tracer.image import intake, samples
from tracer.image.intake import Picture
from tracer.models import autoencoder, cache, registry

NONE = "none of them"
POOL = 120  # scikit-image tiles that a section may calibrate on; never tested on
SIDE = 128
SEED = 31_000  # of the first drawing; no rule was settled with these drawings


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927)."""
    if not count:
        return 0.0, 1.0
    found = binomtest(hits, count).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def rate(hits: int, count: int) -> dict[str, float]:
    """A share with its interval, as results store it."""
    low, high = wilson(hits, count)
    return {"hits": hits, "of": count, "rate": hits / count if count else 0.0, "low": low, "high": high}


def said(figure: dict[str, float]) -> str:
    """A rate as a table shows it."""
    return f"{figure['hits']} of {figure['of']} ({figure['low']:.1%} to {figure['high']:.1%})"


@dataclass
class Bench:
    """One run of the benchmark.

    Attributes:
        pictures: test photographs, uint8 RGB.
        out: folder of the results.
        quick: whether small counts do.
        paper_count: photographs in paper mode.
        progress: told a line of text now and then.
        drawn: folder of drawings that no model made, or None.
        native: folder of photographs at native size, in a folder per kind, or None.
        made: folder of real generators' pictures with a table SOURCES.csv (file, autoencoder_family, model,
            repository), or None.
    """

    pictures: list[np.ndarray]
    out: Path
    quick: bool = False
    paper_count: int = 6
    progress: Callable[[str], None] = lambda line: None
    drawn: Path | None = None
    native: Path | None = None
    made: Path | None = None
    _known: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file = self.out / "answers.jsonl"
        self._key = code_key()
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                try:
                    row = json.loads(line)
                    self._known[row["key"]] = row["value"]
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a run that was cut off

    def kept(self, name: str, work: Callable[[], Any], key: str | None = None) -> Any:
        """The JSON value of `work`, from an earlier run where code, thresholds and test images were the same.

        Args:
            name: what is answered about which image.
            work: finds the answer.
            key: `code_key` of what the answer rests on; the whole package if None.
        """
        key = f"{key or self._key} {name}"
        if key not in self._known:
            self._known[key] = value = work()
            with self.file.open("a") as file:
                file.write(json.dumps({"key": key, "value": value}) + "\n")
            self.progress(name)
        return self._known[key]

    def drawings(self) -> dict[str, list[np.ndarray]]:
        """Drawings that no model made, under that name; nothing without their folder."""
        return {"drawings": list(samples.pictures(self.drawn, 10**6))} if self.drawn else {}

    def few(self, full: int, quick: int) -> int:
        """A count that depends on how much time there is."""
        return quick if self.quick else full

    def images(self, count: int) -> Iterator[tuple[str, str, np.ndarray]]:
        """(true family or `NONE`, name, uint8 image): photographs as they are and through each bundled family."""
        for index, photograph in enumerate(self.pictures[:count]):
            yield NONE, f"{index}-{digest(photograph)}", photograph
        for row in registry.families("minis"):
            model = cache.load(row)
            for index, photograph in enumerate(self.pictures[:count]):
                yield row.id, f"{index}-{digest(photograph)}", autoencoder.reconstruct(photograph, model)

    def generated(self, count: int) -> Iterator[tuple[str, str, np.ndarray]]:
        """The same of what the bundled generators draw, `count` pictures each."""
        from tracer.models import generators

        for row in registry.GENERATORS.values():
            if row.bundled:
                prompts = row.prompts()
                for index in range(count):
                    prompt = prompts[index * len(prompts) // count]
                    (drawn,) = generators.generate(row.id, prompt, [SEED + index])
                    yield row.family, f"{row.id}-{index}-{digest(drawn)}", drawn


def digest(pixels: np.ndarray) -> str:
    """Ten hexadecimal digits that stand for an image in the names of answers."""
    return hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()[:10]


def code_key(modules: tuple[str, ...] = ("*",), thresholds: str = "*") -> str:
    """What an answer rests on: the package's code, and the thresholds, which name weights and settings.

    Args:
        modules: names or patterns of the package's modules.
        thresholds: pattern of the stored calibrations' names.
    """
    digest, package = hashlib.sha256(), Path(tracer.__file__).parent
    code = sorted({file for name in modules for file in package.glob(f"**/{name}.py")})
    for source in (*code, *sorted(store.FOLDER.glob(f"{thresholds}.json"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def traced(source: Picture | bytes, mode: str = "fast") -> dict[str, Any]:
    """One answer, as JSON values: kind, families, seconds, and per family its steps and score."""
    began = time.perf_counter()
    trace = api.trace(source, mode=mode)
    return {
        "kind": trace.verdict.kind,
        "families": list(trace.verdict.families),
        "seconds": round(time.perf_counter() - began, 3),
        "evidence": {each.family: [each.steps, each.belongs, float(f"{each.score:.4g}")] for each in trace.evidence},
    }


def as_picture(pixels: np.ndarray) -> Picture:
    """Pixels as a lossless file would bring them."""
    return intake.from_array(pixels, "")


def answer_of(row: dict[str, Any]) -> str:
    """The column of the confusion matrix that an answer belongs in."""
    if row["kind"] == "family":
        return row["families"][0]
    return {"none": NONE}.get(row["kind"], row["kind"])


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Confusion matrix and rates of answers that carry their "truth"."""
    matrix: dict[str, Counter] = {}
    for row in rows:
        matrix.setdefault(row["truth"], Counter())[answer_of(row)] += 1
    belonging = [row for row in rows if row["truth"] != NONE]
    photographs = [row for row in rows if row["truth"] == NONE]
    return {
        "matrix": {truth: dict(counts) for truth, counts in matrix.items()},
        "right_family": {
            truth: rate(matrix[truth][truth], sum(matrix[truth].values())) for truth in matrix if truth != NONE
        },
        "wrong_family": rate(
            sum(row["kind"] == "family" and answer_of(row) != row["truth"] for row in belonging), len(belonging)
        ),
        "photograph_named": rate(sum(row["kind"] == "family" for row in photographs), len(photographs)),
    }


def table(head: list[str], rows: list[list[object]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["", *("| " + " | ".join(map(str, line)) + " |" for line in lines)]
