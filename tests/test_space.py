"""What deploys the page agrees with what the page is."""

from __future__ import annotations

import re

import yaml

from tests.conftest import ROOT
from tracer.models import hub, registry

README = (ROOT / "README.md").read_text()
FRONT = yaml.safe_load(README.split("---\n")[1])
TINY = registry.families("tiny")


def test_the_front_matter_is_complete_and_agrees_with_the_requirements():
    assert {"title", "emoji", "sdk", "app_file", "license", "short_description", "tags"} <= set(FRONT)
    assert len(FRONT["short_description"]) <= 60, "the Hub refuses longer ones"
    assert (ROOT / FRONT["app_file"]).exists()
    requirements = (ROOT / "requirements.txt").read_text()
    assert f"gradio[mcp]=={FRONT['sdk_version']}" in requirements
    assert FRONT["python_version"] == "3.12", "the only one that ZeroGPU and diffusers both take"


def test_the_models_are_those_of_the_registry():
    assert sorted(FRONT["models"]) == sorted(row.source for row in registry.FAMILIES.values() if not row.bundled)


def test_the_tiny_autoencoders_are_fetched_when_the_space_is_built():
    assert FRONT["preload_from_hub"] == hub.preload_lines(TINY), "after pinning, copy the new lines"


def test_a_preload_line_names_the_pinned_commit(tmp_path, monkeypatch):
    path = tmp_path / "lock.json"
    path.write_text('{"taesd": {"source": "madebyollin/taesd", "revision": "' + "a" * 40 + '"}}')
    monkeypatch.setattr(hub, "LOCK", path)
    (line,) = hub.preload_lines(TINY[:1])
    assert line == f"madebyollin/taesd {hub.CONFIG},{hub.WEIGHTS} {'a' * 40}"


def test_only_checked_pushes_to_main_reach_the_space():
    text = (ROOT / ".github" / "workflows" / "space.yml").read_text()
    flow, checks = yaml.safe_load(text), yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    started = flow[True]["workflow_run"]  # YAML 1.1 reads "on" as a truth value
    assert started == {"workflows": [checks["name"]], "types": ["completed"], "branches": ["main"]}
    condition = flow["jobs"]["push"]["if"]
    for part in ("conclusion == 'success'", "event == 'push'", "head_repository.full_name == github.repository"):
        assert part in condition
    assert set(re.findall(r"secrets\.(\w+)", text)) == {"HF_TOKEN"}
