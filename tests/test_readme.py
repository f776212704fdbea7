"""The README's code does what it says."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.conftest import ROOT
from tracer import api
from tracer.cli import main
from tracer.models import registry

TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)
COMMANDS = re.findall(r"^python -m tracer (.*)$", TEXT, re.M)
ADDRESS = "http://127.0.0.1:7860"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_is_used_as_the_readme_shows(command: str, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(command)) == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["sentence"]


@pytest.mark.parametrize("block", [block for block in BLOCKS if ADDRESS not in block])
def test_the_package_is_used_as_the_readme_shows(block: str, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(block, {})
    said, *rows = capsys.readouterr().out.splitlines()
    assert said.startswith(("Too little evidence", "Cannot tell", "No trace of")) and len(rows) == len(
        registry.families(api.LINEUP)
    )


def test_the_page_is_used_from_code_as_the_readme_shows(page_url: str, monkeypatch, capsys):
    pytest.importorskip("gradio_client", reason="gradio_client is not installed")
    (block,) = (block for block in BLOCKS if ADDRESS in block)
    monkeypatch.chdir(ROOT)
    exec(block.replace(ADDRESS, page_url), {})
    said = capsys.readouterr().out
    assert "mini-kl16" in said and "artifacts" in said
