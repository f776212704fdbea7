"""Take the README's pictures of the page, as a visitor sees it: `python -m examples.screenshot`."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tracer.ui.record import EXAMPLES

FOLDER = EXAMPLES / "screenshots"
COLOURS = 96  # of a stored picture: half the bytes, and no difference to the eye
WIDTHS = {"wide": (1280, 1250), "phone": (390, 1250)}
TABS = {  # word of the address: what has to be there before the picture is taken
    "inversion": "#hero svg",
    "artifacts": "#among .barlayer",
    "regeneration": "#drawings img",
    "degrade": "#degraded img",
    "lesson": "#lesson img",
    "many": "#many-progress",
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def take(browser, url: str, folder: Path) -> Iterator[Path]:
    """Photograph the first paint and every tab at both widths, light.

    Args:
        browser: a Playwright browser.
        url: of the running page.
        folder: where the pictures go.

    Yields:
        Each picture's file, once it is written.
    """
    folder.mkdir(exist_ok=True)
    for width, (across, down) in WIDTHS.items():
        page = browser.new_page(viewport={"width": across, "height": down})
        page.goto(f"{url}?__theme=light")
        page.wait_for_selector(TABS["inversion"])
        yield _store(page, folder / f"first-{width}.png")
        for word, ready in TABS.items():
            page.goto(f"{url}?__theme=light&tab={word}")
            page.wait_for_selector(ready, state="attached")
            page.locator("[role=tablist]").first.evaluate("tabs => tabs.scrollIntoView()")
            yield _store(page, folder / f"{word}-{width}.png")
        page.close()


def _store(page, file: Path) -> Path:
    page.wait_for_timeout(1000)  # until the curves' animation has ended
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(file, optimize=True)
    return file


def main() -> int:
    """Start the page, photograph it, and store the pictures; 1 where there is no browser."""
    from playwright.sync_api import sync_playwright

    import app

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium is installed", file=sys.stderr)
        return 1
    page = app.build()
    _, url, _ = page.launch(**app.LAUNCH, prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for file in take(browser, url, FOLDER):
            print(file.name, file=sys.stderr)
        browser.close()
    page.close(verbose=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
