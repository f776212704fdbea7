"""The benchmark's figures as PNG files; needs matplotlib, which nothing else here does."""

from __future__ import annotations

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


def matrices(found: dict[str, dict[str, dict[str, int]]], path: Path, none: str) -> str:
    """One confusion matrix per method, side by side; returns the file's name."""
    figure, axes = plt.subplots(1, len(found), figsize=(4.6 * len(found), 4.2), squeeze=False)
    for axis, (title, matrix) in zip(axes[0], found.items(), strict=True):
        columns = [*matrix, "undecided", "insufficient"]
        counts = [[row.get(each, 0) for each in columns] for row in matrix.values()]
        axis.imshow([[value / max(sum(row), 1) for value in row] for row in counts], cmap="Blues", vmin=0, vmax=1)
        for i, row in enumerate(counts):
            for j, value in enumerate(row):
                axis.text(j, i, value, ha="center", va="center", color="white" if value > sum(row) / 2 else "black")
        axis.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
        axis.set_yticks(range(len(matrix)), matrix)
        axis.set_title(title[:40], fontsize=9)
    return _saved(figure, path)


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
    for (name, values), marker in zip(curves.items(), "osd^", strict=False):
        axis.plot(places, values, marker=marker, label=name)
    axis.set_xlabel(title)
    axis.set_ylabel("share of images")
    axis.set_ylim(-0.03, 1.03)
    axis.legend()
    return _saved(figure, path)
