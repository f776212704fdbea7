"""The benchmark's figures as PNG files; needs matplotlib, which nothing else here does."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLOURS = ("#2f7fd1", "#b0b0b0", "#cf6a00", "#b00020")


def _saved(figure, path: Path) -> str:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path.name


def stacked(shares: dict[str, Sequence[float]], kinds: Sequence[str], path: Path) -> str:
    """Horizontal bars whose parts add up to 1; returns the file's name."""
    figure, axis = plt.subplots(figsize=(8, 0.32 * len(shares) + 1.4))
    for index, kind in enumerate(kinds):
        before = [sum(parts[:index]) for parts in shares.values()]
        axis.barh(
            list(shares), [parts[index] for parts in shares.values()], left=before, label=kind, color=COLOURS[index]
        )
    axis.invert_yaxis()
    axis.set_xlabel("share of the families' images")
    axis.legend(ncols=len(kinds), loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return _saved(figure, path)


def lines(places: Sequence[float], curves: dict[str, Sequence[float]], title: str, path: Path) -> str:
    """Shares against a number; returns the file's name."""
    figure, axis = plt.subplots(figsize=(6, 3.6))
    for (name, values), marker in zip(curves.items(), itertools.cycle("osd^v<>"), strict=False):
        axis.plot(places, values, marker=marker, label=name)
    axis.set_xlabel(title)
    axis.set_ylabel("share of images")
    axis.set_ylim(-0.03, 1.03)
    axis.legend()
    return _saved(figure, path)
