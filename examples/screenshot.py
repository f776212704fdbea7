"""Take the README's picture of the page, as a visitor first sees it: `python -m examples.screenshot`."""

from __future__ import annotations

import io
import shutil
import sys

from PIL import Image

from tracer.ui.record import EXAMPLES

COLOURS = 128  # of the stored picture: half the bytes, and no difference to the eye


def main() -> int:
    """Start the page, photograph it, and store the picture; 1 where there is no browser."""
    from playwright.sync_api import sync_playwright

    import app

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium is installed", file=sys.stderr)
        return 1
    page = app.build()
    _, url, _ = page.launch(**app.LAUNCH, prevent_thread_lock=True, quiet=True)
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        tab = browser.new_page(viewport={"width": 1280, "height": 1250})
        tab.goto(f"{url}?__theme=light")
        tab.wait_for_selector("#curves .scatterlayer .trace")
        tab.wait_for_timeout(1000)  # until the curves' animation has ended
        shot = tab.screenshot()
        browser.close()
    page.close(verbose=False)
    picture = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(EXAMPLES / "screenshot.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
