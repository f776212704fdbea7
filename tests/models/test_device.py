"""Memory, devices and estimates."""

from __future__ import annotations

import pytest

from tests import small_models
from tracer.models import autoencoder, checkpoint, device, registry
from tracer.models.errors import ModelUnavailable

SDXL = registry.family("sdxl")


def test_memory_is_what_there_is_at_most():
    total, available = device.memory()
    assert 0 < available <= total


def test_a_containers_limit_counts_where_it_is_lower(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    monkeypatch.setattr(device, "_CGROUP", tmp_path)
    assert device.memory() == (1000000, 600000)
    (tmp_path / "memory.max").write_text("max\n")
    assert device.memory()[0] > 1000000


def test_the_budget_can_be_chosen(monkeypatch):
    assert device.budget() == device.memory()[0] // 2
    monkeypatch.setenv("LATENT_LINEUP_MEMORY", "1.5")
    assert device.budget() == 1_500_000_000


def test_what_other_models_would_give_back_counts(monkeypatch):
    monkeypatch.setattr(device, "memory", lambda: (2 * 10**9, 3 * 10**8))
    with pytest.raises(ModelUnavailable, match=r"takes 0\.3 GB"):
        device.check_fits(SDXL)
    device.check_fits(SDXL, spare=5 * 10**8)


def test_the_speed_is_measured_once():
    assert device.speed() == device.speed() > 0


def test_on_zerogpu_nothing_is_computed_while_a_model_is_loaded(tmp_path, monkeypatch):
    folder = small_models.make("AutoencoderKLFlux2", tmp_path)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(autoencoder, "fastest_dtype", None)  # a measurement would fail
    assert checkpoint.from_folder(folder, "flux2").stride == 4
