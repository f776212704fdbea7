"""The page, started once; small images; a browser where there is one."""

from __future__ import annotations

import os
import shutil
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("LATENT_LINEUP_SHARED", ROOT.parent / "shared"))  # real files, where there are any
SLOW = 120_000  # milliseconds; the machine that runs this may be busy
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Its weights are a part of the package that a checkout may lack.
with_detector = pytest.mark.skipif(
    not (ROOT / "tracer/assets/minis/detector/model.safetensors").exists(), reason="the detector's weights are not here"
)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the running page."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))
    import app

    page = app.build()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, url, _ = page.launch(
            **app.LAUNCH, server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True
        )
    yield url.rstrip("/")
    page.close(verbose=False)


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A Hub on this machine and an empty cache, used instead of the real ones."""
    from huggingface_hub import constants

    from tests.hub import Hub
    from tracer.models import cache

    server = Hub()
    monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 2)
    monkeypatch.setattr(cache, "MODELS", cache.Cache())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def rgba_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture with an alpha channel, which a careless page would re-encode."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 96, dtype=np.uint8)
    pixels = np.stack([*np.meshgrid(ramp, ramp), rng.integers(0, 255, (96, 96)), np.full((96, 96), 200)], axis=-1)
    path = tmp_path_factory.mktemp("images") / "see-through.png"
    Image.fromarray(pixels.astype(np.uint8), "RGBA").save(path)
    return path


@pytest.fixture(scope="session")
def not_an_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text that calls itself a PNG."""
    path = tmp_path_factory.mktemp("images") / "text.png"
    path.write_text("this is no picture\n" * 40)
    return path


@pytest.fixture
def page(browser, page_url: str) -> Iterator:
    """A fresh tab on the page, with everything that it asked for and complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    tab.complaints, tab.requests = [], []
    tab.on("console", lambda line: tab.complaints.append(line.text) if line.type == "error" else None)
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request.url))
    tab.set_default_timeout(SLOW)
    yield tab
    context.close()
