"""The benchmark's sections. A new one is a module and one line here.

A section has `TITLE`, `measure(bench) -> dict` of JSON values, `page(results) -> list` of Markdown lines, and may have
`plots(results, folder) -> list` of the PNG files it wrote.
"""

from __future__ import annotations

import importlib
from types import ModuleType

SECTIONS = {
    "families": "benchmarks.families",
    "thresholds": "benchmarks.thresholds",
    "start": "benchmarks.start",
    "grid": "benchmarks.grid",
    "robustness": "benchmarks.robustness",
    "attacker": "benchmarks.attacker",
    "artifacts": "benchmarks.artifacts",
    "regeneration": "benchmarks.regeneration",
    "generated": "benchmarks.generated",
    "speed": "benchmarks.speed",
    "page": "benchmarks.page",
    "memory": "benchmarks.memory",
}


def section(name: str) -> ModuleType:
    """A section's module.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in SECTIONS:
        raise KeyError(f"no section called {name!r}; there are: {', '.join(SECTIONS)}")
    return importlib.import_module(SECTIONS[name])
