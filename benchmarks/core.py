"""What the benchmark's sections share: answers that survive a cut, and shares with their intervals."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy.stats import binomtest

from tracer.evidence import store
from tracer.image import intake, samples
from tracer.image.intake import Picture

ROOT = Path(__file__).parents[1]
SIDE = 128  # px a side of the minis' pictures
MATCHED = 0.01  # share of negatives that methods are compared at
LOT = 1  # seed of the order in which pictures come where time may run out

Item = TypeVar("Item")


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


def thin(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of them, evenly spread."""
    return [items[index * len(items) // count] for index in range(count)] if len(items) > count else list(items)


def edge(negatives: np.ndarray, level: float) -> float:
    """The score that at most a share `level` of the negatives exceeds."""
    return float(np.sort(negatives)[len(negatives) - 1 - int(len(negatives) * level)])


@dataclass
class Bench:
    """One run of the benchmark.

    Attributes:
        out: folder of the results.
        data: folder with generated/, real/ and photos/ inside, or None; see `pictures`.
        drawn: folder of drawings that no model made, or None.
        weights: folder of autoencoders in diffusers layout, by the last part of their Hub repositories' names, which
            are taken instead of downloads; or None.
        lineups: which line-ups are asked.
        count: pictures of a kind at most; what repeats itself under many changes uses a fifth.
        quick: whether small counts do.
        progress: told a line of text now and then.
        search: whether shifted grids and other sizes are looked for, which takes most of the time.
        until: value of `time.monotonic` from which `kept_in_time` does no more work; or None.
    """

    out: Path
    data: Path | None = None
    drawn: Path | None = None
    weights: Path | None = None
    lineups: Collection[str] = ("minis",)
    count: int = 100
    quick: bool = False
    progress: Callable[[str], None] = lambda line: None
    search: bool = True
    until: float | None = None
    _known: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file = self.out / "answers.jsonl"
        self.count = min(self.count, 2) if self.quick else self.count
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                try:
                    row = json.loads(line)
                    self._known[row["key"]] = row["value"]
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a run that was cut off

    @cached_property
    def _whole(self) -> str:
        return code_key("tracer/**/*.py", thresholds="*")

    def kept(self, name: str, work: Callable[[], Any], key: str | None = None) -> Any:
        """The JSON value of `work`, from an earlier run where what it rests on was the same.

        Args:
            name: what is answered about which image.
            work: finds the answer.
            key: `code_key` of what the answer rests on; the whole package if None.
        """
        key = f"{key or self._whole} {name}"
        if key not in self._known:
            self._known[key] = value = work()
            with self.file.open("a") as file:
                file.write(json.dumps({"key": key, "value": value}) + "\n")
            self.progress(name)
        return self._known[key]

    def kept_in_time(self, name: str, work: Callable[[], Any], key: str) -> Any:
        """As `kept`, but None where it would be work and the time is up."""
        late = self.until is not None and time.monotonic() > self.until
        return None if late and f"{key} {name}" not in self._known else self.kept(name, work, key)

    def by_lot(self, items: Sequence[Item]) -> list[Item]:
        """The items as they are, or mixed where time may run out: then every kind is left out alike."""
        order = np.random.default_rng(LOT).permutation(len(items)) if self.until else range(len(items))
        return [items[place] for place in order]

    def drawings(self) -> dict[str, list[np.ndarray]]:
        """Drawings that no model made, under that name; nothing without their folder."""
        return {"drawings": list(samples.pictures(self.drawn, 10**6))} if self.drawn else {}

    def few(self, full: int, quick: int) -> int:
        """A count that depends on how much time there is."""
        return quick if self.quick else full


def code_key(*code: str, thresholds: str = "") -> str:
    """What an answer rests on, as sixteen hexadecimal digits.

    Args:
        code: patterns of files, from the checkout's top.
        thresholds: pattern of the stored calibrations' names.
    """
    digest = hashlib.sha256()
    files = {file for pattern in code for file in ROOT.glob(pattern)}
    for file in (*sorted(files), *sorted(store.FOLDER.glob(f"{thresholds}.json"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def as_picture(image: np.ndarray | bytes | Path) -> Picture:
    """A file, its bytes, or pixels as a lossless file would bring them."""
    return intake.from_array(image, "") if isinstance(image, np.ndarray) else intake.read(image)


def table(head: list[str], rows: list[list[object]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["", *("| " + " | ".join(map(str, line)) + " |" for line in lines)]
