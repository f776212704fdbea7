"""Take the documents' pictures of the page, as a visitor sees it: `python -m examples.screenshot`."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tracer.ui.record import EXAMPLES

FOLDER = EXAMPLES / "screenshots"
DOCUMENT = EXAMPLES.parent / "docs" / "screenshots.md"
COLOURS = 224  # of a stored picture: half the bytes, and no difference to the eye
MOST = 400_000  # bytes of a stored picture
WIDTHS = {"wide": (1280, 800), "phone": (390, 844)}
THEMES = ("light", "dark")
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
    """Photograph the first screen in both themes, and every tab in light, at both widths.

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
        page.set_default_timeout(120_000)  # milliseconds; the machine may be busy
        for theme in reversed(THEMES):
            page.goto(f"{url}?__theme={theme}")
            page.wait_for_selector(TABS["inversion"])
            page.wait_for_function("[...document.querySelectorAll('#upload img')].some(i => i.naturalWidth > 0)")
            yield _store(page, folder / f"{first(theme)}-{width}.png")
        page.set_viewport_size({"width": across, "height": 1250})
        for word, ready in TABS.items():
            page.click(f"#tab-{word}-button")
            page.wait_for_selector(f"#tab-{word}-button[aria-selected=true]")
            page.wait_for_selector(ready, state="attached")
            page.locator("[role=tablist]").first.evaluate("tabs => tabs.scrollIntoView()")
            yield _store(page, folder / f"{word}-{width}.png")
        page.close()


def first(theme: str) -> str:
    """The name of the first screen's picture."""
    return "first" if theme == THEMES[0] else f"first-{theme}"


def names() -> list[str]:
    """Every picture's name, without its width."""
    return [*map(first, THEMES), *TABS]


def document(titles: dict[str, str]) -> str:
    """The page that shows them all.

    Args:
        titles: of the tabs, by their words.
    """
    said = {first(theme): f"The first screen, {theme}" for theme in THEMES} | titles
    rows = [
        f"| {said[name]} | "
        + " | ".join(
            f"![{said[name]}, {WIDTHS[width][0]} px](../examples/screenshots/{name}-{width}.png)" for width in WIDTHS
        )
        + " |"
        for name in names()
    ]
    heads = " | ".join(f"{across} px" for across, _ in WIDTHS.values())
    lines = [
        "# The page",
        "",
        "Made by `python -m examples.screenshot`, as is this list; a test runs it.",
        "",
        f"| | {heads} |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _store(page, file: Path) -> Path:
    page.wait_for_timeout(1000)  # until the curves' animation has ended
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(file, optimize=True)
    return file


def main() -> int:
    """Start the page, photograph it, and store the pictures and their list; 1 where there is no browser."""
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
    DOCUMENT.write_text(document(app.TABS), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
