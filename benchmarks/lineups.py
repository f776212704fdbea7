"""Which autoencoders are asked, and whose pictures each of them speaks for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.core import Bench
from tracer.evidence.inversion import calibration, trace
from tracer.evidence.inversion.trace import Suspect
from tracer.models import checkpoint, device, registry
from tracer.models.progress import SILENT
from tracer.models.registry import Family

# Families of the collected pictures, by what a stand-in's row says it stands for, and by the rows of full size.
STANDS_FOR = {
    "sd": "Stable Diffusion 1",
    "sdxl": "Stable Diffusion XL",
    "sd3": "Stable Diffusion 3",
    "flux1": "FLUX.1",
}
FULL_SIZE = {
    "sd": ("sd1", "sd-ft-ema", "sd-ft-mse", "sd2"),
    "kandinsky": ("kandinsky2", "kandinsky3"),
    "qwen": ("qwen-image",),
    "qwen-wan": ("qwen-image", "wan21"),
    **{name: (name,) for name in ("sdxl", "sd3", "flux1", "flux2")},
}


@dataclass(frozen=True)
class Asked:
    """A line-up, loaded.

    Attributes:
        name: the line-up's.
        suspects: its autoencoders.
        speaks_for: for a family of the collected pictures, the suspects that are right about it.
        weights: what identifies the suspects' weights.
        native: px a side of pictures that they are given as their own.
    """

    name: str
    suspects: tuple[Suspect, ...]
    speaks_for: dict[str, tuple[str, ...]]
    weights: str
    native: int

    @property
    def together(self) -> bool:
        """Whether all fit into memory at once."""
        return self.name != "full"

    @property
    def surrogates(self) -> bool:
        """Whether they were trained to answer for real models, and are no good for drawing."""
        return all(each.kind == calibration.KINDS[1] for each in self.suspects)

    def makers(self, family: str) -> tuple[str, ...]:
        """The suspects that are right about pictures of a family; none where nobody asked speaks for it."""
        return self.speaks_for.get(family, ())


def speaks_for(row: Family) -> list[str]:
    """The families of the collected pictures that a row is right about."""
    if row.lineup == "minis":  # built alike, but with latents of their own
        return []
    if row.lineup == "full":
        return [family for family, rows in FULL_SIZE.items() if row.id in rows]
    return [family for family, title in STANDS_FOR.items() if row.stands_for.startswith(title)]


def lineups(bench: Bench) -> list[Asked]:
    """The run's line-ups; one whose weights cannot all be had is left out, and the run told."""
    found = []
    for name in bench.lineups:
        rows = registry.families(name)
        here = {row.id: own for row in rows if (own := _given(row, bench.weights))}
        suspects, failed = trace.fetch([row for row in rows if row.id not in here], SILENT)
        if failed or not rows:
            reason = next(iter(failed.values()), "it has no rows")
            bench.progress(f"line-up {name} is left out: {reason}")
            continue
        loaded = {each.name: each for each in suspects} | here
        found.append(
            Asked(
                name=name,
                suspects=tuple(loaded[row.id] for row in rows),
                speaks_for={
                    family: tuple(row.id for row in rows if family in speaks_for(row))
                    for family in (*STANDS_FOR, *FULL_SIZE)
                },
                weights=_digest([loaded[row.id] for row in rows]),
                native=128 if name == "minis" else 256,
            )
        )
    return found


def _digest(suspects: Iterable[Suspect]) -> str:
    """Ten hexadecimal digits that stand for the weights of all."""
    return hashlib.sha256(" ".join(each.load().weights_digest for each in suspects).encode()).hexdigest()[:10]


def _given(row: Family, folder: Path | None) -> Suspect | None:
    """A row whose weights are in a folder of autoencoders."""
    if folder is None or row.bundled:
        return None
    place = folder / str(row.source).rsplit("/", 1)[-1]
    if not place.is_dir():
        return None
    model = checkpoint.from_folder(place, row.id, device.device(), row.scaling, row.shift)
    return replace(Suspect.of(row), load=lambda: model)
