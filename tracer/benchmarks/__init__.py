"""The benchmark's sections. A new one is a module and one line here.

A section has `TITLE`, `measure(bench) -> dict` of JSON values, `page(results) -> list` of Markdown lines, and may have
`plots(results, folder) -> list` of the PNG files it wrote.
"""

from __future__ import annotations

import importlib
from types import ModuleType

SECTIONS = {
    "families": "tracer.benchmarks.families",
    "thresholds": "tracer.benchmarks.thresholds",
    "start": "tracer.benchmarks.start",
    "grid": "tracer.benchmarks.grid",
    "robustness": "tracer.benchmarks.robustness",
    "attacker": "tracer.benchmarks.attacker",
    "artifacts": "tracer.benchmarks.artifacts",
    "regeneration": "tracer.benchmarks.regeneration",
    "generated": "tracer.benchmarks.generated",
    "speed": "tracer.benchmarks.speed",
    "page": "tracer.benchmarks.page",
    "memory": "tracer.benchmarks.memory",
}


def section(name: str) -> ModuleType:
    """A section's module.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in SECTIONS:
        raise KeyError(f"no section called {name!r}; there are: {', '.join(SECTIONS)}")
    return importlib.import_module(SECTIONS[name])
