"""The tree shows the flow, and nothing imports against it, not even inside a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

KINDS = ("inversion", "artifacts", "regeneration")
BASE = {"assets", "image", "models"}
EVIDENCE = {f"evidence.{kind}" for kind in KINDS}
JOINT = BASE | {"evidence"} | EVIDENCE
# What each part may import beside itself; `tracer` itself holds the version, and lends names lazily.
ALLOWED = {
    "root": set(),
    "assets": set(),
    "image": {"assets"},
    "models": {"assets"},
    "evidence": BASE,
    **dict.fromkeys(EVIDENCE, BASE | {"evidence"}),
    "verdict": JOINT,
    "api": JOINT | {"verdict"},
    "reports": JOINT | {"verdict", "api"},
    "ui": JOINT | {"verdict", "api", "reports"},
    "cli": JOINT | {"verdict", "api", "reports"},
    "__main__": {"cli"},
    "benchmarks": JOINT | {"verdict", "api", "reports", "ui"},
}
# Imports against the order, each with its reason.
KNOWN = {
    ("tracer.cli.benchmark", "benchmarks.run"): "the command line starts the benchmark where there is a checkout",
}
# What makes a document, which leaves the house, and a part of a figure in plotly's own form.
LOOSE = {"document", "spoken", "axis"}
MOST = 12  # entries of the package
MODULE, FUNCTION = 320, 60  # lines of the longest ones


def modules() -> dict[str, Path]:
    """Every module by name."""
    paths = [path for folder in ("tracer", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = modules()


def imports(path: Path, typing: bool = True) -> Iterator[str]:
    """The modules that a file imports, lazily or not; those for type checkers alone only with `typing`."""
    tree = ast.parse(path.read_text())
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            skipped |= {id(inner) for inner in node.body}
    for node in ast.walk(tree):
        if id(node) in skipped and not typing:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield full if full in MODULES else node.module


def part(module: str) -> str:
    """Which part of the house a module lives in."""
    first, *rest = module.split(".")
    if first != "tracer":
        return first
    if not rest:
        return "root"
    return ".".join(rest[:2]) if rest[0] == "evidence" and rest[1:] and rest[1] in KINDS else rest[0]


def test_nothing_imports_against_the_order() -> None:
    against = {
        (module, imported)
        for module, path in MODULES.items()
        for imported in imports(path)
        if imported.split(".")[0] in ("tracer", "benchmarks")
        and part(imported) not in ("root", part(module))
        and part(imported) not in ALLOWED[part(module)]
    }
    assert against == set(KNOWN)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: {each for each in imports(path, typing=False) if each in MODULES} for name, path in MODULES.items()}
    for name in graph:
        graph[name] -= {known for by, known in KNOWN if by == name}
    while leaves := [name for name, wanted in graph.items() if not wanted - {name}]:
        for name in leaves:
            del graph[name]
        for wanted in graph.values():
            wanted -= set(leaves)
    assert not graph, f"a circle runs through some of: {', '.join(sorted(graph))}"


def test_only_the_page_imports_gradio() -> None:
    using = {name for name, path in MODULES.items() if any(each.split(".")[0] == "gradio" for each in imports(path))}
    assert using
    assert all(name.startswith("tracer.ui.") for name in using), sorted(using)


def annotations(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The types of what passes between modules: fields, and what public functions take and return, by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, each.annotation) for each in node.body if isinstance(each, ast.AnnAssign))
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            types = [*(each.annotation for each in given), node.returns]
            yield from ((node.name, each) for each in types if each)


def test_results_pass_between_modules_as_types_and_not_as_dictionaries_of_anything() -> None:
    loose = {
        f"{module}.{name}"
        for module, path in MODULES.items()
        if module.startswith(("tracer.evidence", "tracer.verdict", "tracer.reports"))
        for name, kind in annotations(ast.parse(path.read_text()))
        if name not in LOOSE
        and any(each in ast.unparse(kind) for each in ("dict[str, Any]", "dict[str, object]", "Mapping[str, Any]"))
    }
    assert not loose


def test_the_package_can_be_overlooked() -> None:
    entries = {path.name for path in (ROOT / "tracer").iterdir() if path.name != "__pycache__"}
    assert len(entries) <= MOST, sorted(entries)


def test_modules_and_functions_are_short() -> None:
    long = {}
    for name, path in MODULES.items():
        text = path.read_text()
        long[name] = len(text.splitlines()) - MODULE
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                long[f"{name}.{node.name}"] = node.end_lineno - node.lineno + 1 - FUNCTION
    assert not {name: over for name, over in long.items() if over > 0}
