"""What the documents say agrees with the code: constants, commands, families, and where links lead."""

from __future__ import annotations

import ast
import contextlib
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tracer.models import catalogue

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "examples/README.md", ROOT / "training/README.md", *DOCS]
CONSTANT = re.compile(r"^\| `(\w+)\.([A-Z_]+)` \| ([^|]+) \|", re.M)


def anchors(path: Path) -> set[str]:
    """The parts of a page that a link can lead to, named as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        file, _, part = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        assert not part or part in anchors(path), target


def constants(path: Path) -> dict[str, object]:
    """The plain numbers and tuples that a module's top level names, without importing what it needs."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, values = node.targets[0], node.value
            pairs = zip(target.elts, values.elts, strict=True) if isinstance(target, ast.Tuple) else [(target, values)]
            for name, value in pairs:
                with contextlib.suppress(ValueError):
                    found[name.id] = ast.literal_eval(value)
    return {name: value for name, value in found.items() if name.isupper() and not isinstance(value, str)}


@pytest.mark.parametrize("home", ["contrast", "grid", "neutral", "decision", "search", "inspection", "conformal"])
def test_the_table_of_constants_is_that_of_the_code(home: str):
    known = constants(ROOT / "tracer/evidence" / ("" if home == "conformal" else "inversion") / f"{home}.py")
    rows = {
        name: value for module, name, value in CONSTANT.findall((ROOT / "docs/method.md").read_text()) if module == home
    }
    assert rows
    for name, value in rows.items():
        assert ast.literal_eval(value) == known[name], f"{home}.{name}"
    assert home == "conformal" or rows.keys() == known.keys(), "every constant has its row"


def test_every_command_has_its_grammar_and_an_example():
    from typer.main import get_command

    from tracer.cli import app

    text = (ROOT / "docs/cli.md").read_text()
    grammar = text.split("```")[1]
    for name, command in get_command(app).commands.items():
        assert f"\n## {name}\n" in text
        assert re.search(rf"^python -m tracer {name} ", text.split("```", 2)[2], re.M)
        said = "".join(part for part in re.split(r"(?=^python)", grammar, flags=re.M) if f" tracer {name} " in part)
        for option in (each for each in command.params if each.param_type_name == "option" and each.name != "help"):
            assert any(spelling in said for spelling in option.opts), f"{name}: {option.opts}"


@pytest.mark.parametrize("lineup", ["real", "tiny", "full", "minis"])
def test_every_family_is_in_its_line_ups_table(lineup: str):
    text = (ROOT / "docs/lineups.md").read_text()
    part = text.split(f"\n## {lineup}\n")[1].split("\n## ")[0]
    for row in catalogue.read(lineup)["family"]:
        assert f"`{row['id']}`" in part
        for member in row.get("models", []):
            assert member["name"] in part, row["id"]


def test_the_readme_can_be_read_at_one_sitting():
    assert len((ROOT / "README.md").read_text().splitlines()) < 200


@pytest.mark.parametrize("part", ["image", "models", "evidence", "verdict", "reports"])
def test_the_tree_of_the_architecture_names_every_module(part: str):
    tree = (ROOT / "docs/architecture.md").read_text().split("```")[3]
    told = set(re.findall(r"\w+", tree))
    modules = {path.stem for path in (ROOT / "tracer" / part).rglob("*.py") if "figures" not in path.parts}
    assert modules - {"__init__"} <= told


def test_the_examples_are_listed_as_they_are():
    folder, text = ROOT / "examples", (ROOT / "examples/README.md").read_text()
    listed = re.findall(r"^\| `([\w.-]+)` \|", text, re.M)
    assert sorted(listed) == sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
    shown = re.findall(r"examples/screenshots/([\w.-]+)", (ROOT / "docs/screenshots.md").read_text())
    assert sorted(set(shown)) == sorted(path.name for path in (folder / "screenshots").iterdir())
    for script in folder.glob("*.py"):
        assert f"`python -m examples.{script.stem}`" in text
