"""What can be used here and now, and why the rest cannot: what the page and the command line list."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tracer.models import device, hub
from tracer.models.errors import ModelUnavailable
from tracer.models.registry import Family, Generator, Repository

PATIENCE = 5  # seconds to wait for the Hub's answer about a file
AT_ONCE = 8  # questions to the Hub at a time
_MISSING = "its files are not here"

Status = Literal["bundled", "cached", "download", "gated", "gone", "missing", "unreachable"]


@dataclass(frozen=True)
class Availability:
    """Whether one family can be inspected, or one generator can draw.

    Attributes:
        family: registry id.
        status: "bundled" and "cached" are on this machine, "download" is to be had from the Hub; the others are not to
            be had, or not without a login ("gated").
        reason: why the family cannot be inspected, as a sentence; "" where it can.
        megabytes: size of the download; 0 where it is not known.
    """

    family: str
    status: Status
    reason: str = ""
    megabytes: float = 0.0


def check(rows: list[Family], patience: float = PATIENCE) -> list[Availability]:
    """Look at every row; those that are not on this machine are asked for at the Hub, several at a time.

    Args:
        rows: families of the registry.
        patience: seconds to wait for each of the Hub's answers.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda row: _checked(row, patience), rows))


def _checked(row: Family, patience: float) -> Availability:
    if row.bundled:
        there = (Path(row.source) / row.subfolder / hub.WEIGHTS).exists()
        return Availability(row.id, "bundled") if there else Availability(row.id, "missing", _MISSING)
    obstacle = _obstacle(row)
    return _from_hub(row, (row.repository,), obstacle, patience)


def _from_hub(
    row: Family | Generator, repositories: Sequence[Repository], obstacle: str, patience: float
) -> Availability:
    """What is here of some repositories, and whether the rest is to be had."""
    away = [each for each in repositories if not hub.cached(each)]
    if not away:
        return Availability(row.id, "cached", obstacle, row.megabytes)
    try:
        size = sum(remote.size for each in away for remote in hub.listing(each, patience)) / 1e6
    except ModelUnavailable as error:
        status = error.kind if error.kind in ("gated", "gone", "missing") else "unreachable"
        return Availability(row.id, status, str(error), row.megabytes)
    return Availability(row.id, "download", obstacle, round(size, 1))


def _obstacle(row: Family) -> str:
    """What keeps a family from being inspected even if it is downloaded; "" where nothing does."""
    try:
        device.check_fits(row)
    except ModelUnavailable as error:
        return str(error)
    return ""


def check_generators(rows: list[Generator], patience: float = PATIENCE) -> list[Availability]:
    """The same for models that draw; a full-size one needs no threshold, since nothing is decided with it.

    Args:
        rows: generators of the registry.
        patience: seconds to wait for each of the Hub's answers.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda row: _drawing(row, patience), rows))


def _drawing(row: Generator, patience: float) -> Availability:
    if row.bundled:
        return Availability(row.id, "bundled") if row.present else Availability(row.id, "missing", _MISSING)
    from tracer.models import pipelines

    try:
        pipelines.check(row)
        obstacle = ""
    except ModelUnavailable as error:
        obstacle = str(error)
    return _from_hub(row, row.repositories, obstacle, patience)
