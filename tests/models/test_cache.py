"""Loaded models: each read once, dropped when memory is short, counted wherever their tensors are."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest
import torch

from tracer.models import device
from tracer.models.cache import Cache

MEGABYTE = 2**18  # weights of 32 bit


@dataclass(frozen=True)
class Wrapped:
    """A model that has its network inside, as most here do."""

    network: torch.nn.Module
    name: str = ""


def network(megabytes: int = 1) -> torch.nn.Module:
    return torch.nn.Linear(MEGABYTE * megabytes, 1, bias=False)


@pytest.fixture
def small(monkeypatch):
    """A budget of three megabytes."""
    monkeypatch.setattr(device, "budget", lambda: 3 * 4 * MEGABYTE)
    return Cache()


def test_models_of_every_kind_share_one_budget(small):
    small.get(("autoencoder", "a"), lambda: Wrapped(network()))
    small.get(("pipelines", "b"), lambda: (Wrapped(network()), Wrapped(network())))
    assert small.held() == 3 * 4 * MEGABYTE
    small.peek(("autoencoder", "a"))  # used again, so the other one goes
    small.get(("captioner", "c"), network)
    assert small.peek(("pipelines", "b")) is None
    assert small.peek(("autoencoder", "a")) and small.peek(("captioner", "c"))


def test_room_is_made_before_a_model_is_read_and_what_is_too_large_is_still_kept(small):
    small.get(("autoencoder", "a"), network)
    seen = []
    small.get(("autoencoder", "b"), lambda: seen.append(small.held()) or network(4), needed=4 * 4 * MEGABYTE)
    assert seen == [0]
    assert small.peek(("autoencoder", "b"))


def test_a_kind_can_be_let_go(small):
    small.get(("pipelines", "a"), network)
    small.get(("autoencoder", "a"), network)
    small.drop("pipelines")
    assert small.peek(("pipelines", "a")) is None and small.peek(("autoencoder", "a"))


def test_a_model_that_several_threads_want_is_read_once_and_may_read_another(small):
    read = []

    def generator():
        read.append("generator")
        return Wrapped(small.get(("autoencoder", "a"), network))

    threads = [threading.Thread(target=lambda: small.get(("generator", "a"), generator)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert read == ["generator"]


def test_what_fails_is_not_kept(small):
    with pytest.raises(OSError, match="damaged"):
        small.get(("autoencoder", "a"), lambda: (_ for _ in ()).throw(OSError("damaged")))
    assert small.get(("autoencoder", "a"), network)
