"""The benchmark's sections. A new one is a module and one line here.

A section has `TITLE`, `measure(bench) -> dict` of JSON values, `page(results) -> list` of Markdown lines, and may have
`plots(results, folder) -> list` of the PNG files it wrote. Where it asks line-ups, its results are by line-up.
"""

from __future__ import annotations

import importlib
from types import ModuleType

SECTIONS = {
    "grid": "benchmarks.grid",
    "methods": "benchmarks.methods",
    "localisation": "benchmarks.localisation",
    "steps": "benchmarks.steps",
    "start": "benchmarks.start",
    "artifacts": "benchmarks.artifacts",
    "regeneration": "benchmarks.regeneration",
    "speed": "benchmarks.speed",
    "page": "benchmarks.page",
    "cases": "benchmarks.cases",
    "memory": "benchmarks.memory",
}
BY_LINEUP = ("grid", "methods", "localisation", "steps")


def section(name: str) -> ModuleType:
    """A section's module.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in SECTIONS:
        raise KeyError(f"no section called {name!r}; there are: {', '.join(SECTIONS)}")
    return importlib.import_module(SECTIONS[name])
