"""The page in a real browser, and what it costs to start."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
import threading
import time
import types
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT, free_port
from tracer import api
from tracer.evidence.artifacts import detection
from tracer.evidence.inversion.decision import Standing
from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Verdict
from tracer.image import intake
from tracer.models import autoencoder, cache, checkpoint, registry
from tracer.reports import card
from tracer.ui import chooser, components, hero, joined, record, tracing, words
from tracer.ui.joined import Told
from tracer.ui.tabs import inversion, lesson
from tracer.verdict import wording
from tracer.verdict.agreement import KINDS, NO_ONE, Cell, Row

# Violations that are Gradio's own, and why they are not ours to mend.
GRADIOS = {
    "image-redundant-alt",  # the footer's icon repeats the word beside it
    "scrollable-region-focusable",  # its table of results takes the focus cell by cell once there are rows
}


def opened(page, url: str):
    """The page with its figure."""
    page.goto(url)
    page.wait_for_selector("#hero svg image", state="attached")
    return page


def sentence(page) -> str:
    return page.inner_text("#verdict h2")


def joint(page) -> str:
    return page.inner_text("#joint h2")


def upload(page, file: Path) -> None:
    """Put a file in the place of the example."""
    page.click("#upload button[aria-label='Remove Image']")
    page.wait_for_selector("#upload img", state="detached")  # a busy browser would remove the new one
    page.set_input_files("#upload input[type=file]", file)
    page.wait_for_selector("#upload img")


def settled(page) -> None:
    """Stop the run that a new picture has begun by itself, or that has ended by now."""
    page.wait_for_function("!document.querySelector('#joint h2').innerText.startsWith('Choose')")
    page.evaluate("document.querySelector('#stop').click()")  # which does nothing where it is disabled
    finished(page)


def violations(page) -> dict[str, list[str]]:
    """What axe finds, apart from what is gradio's own."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    for _ in range(4):  # colours fade in, and a fading one has too little contrast
        page.wait_for_timeout(500)
        all_found = axe.Axe().run(page).response["violations"]
        found = {each["id"]: [node["html"][:120] for node in each["nodes"]] for each in all_found}
        found = {name: nodes for name, nodes in found.items() if name not in GRADIOS}
        if not found:
            break
    return found


def says(page, where: str, words: str) -> None:
    """Wait until a part of the page says something."""
    page.wait_for_function(f"document.querySelector({json.dumps(where)})?.innerText.includes({json.dumps(words)})")


def finished(page) -> None:
    """Wait until a run has ended."""
    page.wait_for_function("document.querySelector('#stop').disabled && !document.querySelector('#trace').disabled")


# What needs no browser


def test_building_the_page_loads_nothing_heavy():
    heavy = "('torch', 'diffusers', 'scipy', 'skimage')"
    code = f"import sys, app; app.build(); print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[-2] == "[]"


def test_what_the_first_picture_needs_is_loaded_before_it_comes():
    families = registry.families(registry.LINEUPS[0])
    cache.MODELS.drop("autoencoder")
    cache.MODELS.drop("detector")
    tracing.warm()
    (thread,) = (each for each in threading.enumerate() if each.name == "first answer")
    thread.join(120)
    assert all(map(cache.loaded, families))
    assert cache.MODELS.peek(("detector", detection.FOLDER, detection.revision())) is not None


def test_the_page_starts_soon(record_property):
    port, began = free_port(), time.monotonic()
    server = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "GRADIO_SERVER_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert server.poll() is None, "app.py ended"
                assert time.monotonic() - began < 60  # 10 s on a machine that does nothing else
                time.sleep(0.1)
    finally:
        server.terminate()
        server.wait(20)
    seconds = time.monotonic() - began
    record_property("seconds to the first answer", round(seconds, 1))
    print(f"first answer after {seconds:.1f} s")


@pytest.mark.parametrize("example", record.examples(), ids=lambda example: example.name)
def test_stored_examples_belong_to_the_bundled_weights(example: record.Example):
    run = record.load(example)
    assert run.sha256 == intake.read(example.file).sha256
    for row in run.trace.evidence:
        family = registry.family(row.family)
        assert row.revision == checkpoint.digest_of(Path(family.source) / family.subfolder)
    assert list(run.closer) == list(run.families)


def test_a_stored_result_is_a_trace_document():
    stored = json.loads((record.STORED / record.examples()[0].name / "result.json").read_text())
    assert list(stored["trace"])[:4] == ["image", "verdict", "evidence", "versions"]


def test_nothing_of_a_file_gets_into_the_page_as_html():
    run = record.load(record.examples()[0])
    evil = {"file": "<img src=x onerror=alert(1)>.png", "notes": ("<script>alert(1)</script>",)}
    run.trace = dataclasses.replace(run.trace, image=dataclasses.replace(run.trace.image, **evil))
    for text in (words.banner(run), words.numbers(run), words.explainer(run, run.best()), hero.figure(run)):
        assert "<img src=x" not in text
        assert "<script" not in text


def looked(score: float, contrast: float) -> record.Run:
    """A run about one window in which one of two families answers so strongly."""
    run = record.Run.of(intake.from_array(np.zeros((64, 64, 3), np.uint8), "x"), "grid", ["mini-kl", "mini-dc"])
    standings = {
        "mini-kl": Standing(score, score, contrast, 0.05, 0.05, False, 1),
        "mini-dc": Standing(-score, -score, 0.0, 0.05, 0.05, True, 1),
    }
    run.look = record.Look(((8, 8, 56, 56),), {"mini-kl": (contrast,), "mini-dc": (0.0,)}, standings, 3.5)
    return run


def test_windows_that_the_best_family_was_not_asked_about_are_drawn_without_an_answer():
    told = Standing(0.5, 0.5, -0.02, 0.1, 0.1, False, 1)
    standings = {"mini-kl": told, "mini-dc": dataclasses.replace(told, strength=0.1, windows=2)}
    run = record.Run("A picture", "grid", list(standings), "0" * 64, 128, 128, shown="data:,")
    boxes = ((8, 8, 56, 56), (64, 8, 112, 56))
    run.look = record.Look(boxes, {"mini-kl": (-0.02,), "mini-dc": (0.0, 0.0)}, standings, 3.5)
    assert run.best() == "mini-kl"
    assert hero.figure(run).count("not compared with its grid") == 1


def test_the_figure_says_how_strong_an_answer_is_and_boxes_its_windows():
    strong, weak = hero.figure(looked(20.0, -2.0)), hero.figure(looked(0.5, -0.02))
    assert "very strong" in strong and "beyond what chance reaches" in strong
    assert "very strong" not in weak and "no sign" in weak and "beyond what chance reaches" not in weak
    assert strong.count('class="edge"') == 1
    assert "7.4 times worse beside its grid" in strong
    assert hero.figure(None).startswith("<p")


def test_the_figure_of_a_photograph_can_be_drawn_after_every_look():
    import skimage.data

    picture = intake.from_array(np.ascontiguousarray(skimage.data.rocket()[:300, :300]), "photograph")
    run = record.Run.of(picture, "grid", [row.id for row in registry.families("real")])
    for update in api.trace_stream(picture, lineup="real"):
        run.take(update)
        assert hero.figure(run)
    assert run.trace is not None


def test_a_single_dark_cell_is_a_match_and_is_named_in_words():
    run = looked(20.0, -2.0)
    cells = np.zeros((8, 8))
    cells[3, 5] = -2
    run.closer["mini-kl"] = record.Closer(cells.tolist())
    assert "darkest 3 px down and 5 px right" in hero.figure(run)
    run.closer["mini-kl"] = record.Closer(np.zeros((8, 8)).tolist())
    assert "no cell stands out" in hero.figure(run)


def test_the_diagram_goes_from_the_picture_to_what_is_left_over_and_moves_while_the_test_runs():
    run = looked(20.0, -2.0)
    going = hero.figure(run)
    assert 'class="diagram going"' in going and 'viewBox="8 8 48 48"' in going, "the window that is being redrawn"
    images = {name: f"data:,{name}" for name in ("original", "latents", "drawn", "on", "beside")}
    run.closer["mini-kl"] = record.Closer([], **images, gain=7)
    text = hero.figure(run)
    places = [text.index(f'src="{each}"') for each in images.values()]
    assert places == sorted(places)
    assert [text.count(f'data-by="{each}"') for each in ("encoder", "decoder", "difference")] == [1, 1, 1]
    assert "7</span>" in text, "how many times it is amplified"
    assert "not looked at yet" in text, "nobody asked for the other places of the grid"


def test_a_closer_look_leaves_a_screenshot_s_frame_out_as_the_test_does():
    own = intake.read(record.EXAMPLES / "fox-by-mini-kl-noto.png").pixels
    screen = np.full((own.shape[0] + 51, own.shape[1] + 37, 3), 238, np.uint8)
    screen[22 : 22 + own.shape[0], 13 : 13 + own.shape[1]] = own
    picture = intake.from_array(screen, "screenshot")
    run = record.Run.of(picture, "grid", ["mini-kl"])
    run.come_closer(picture, "mini-kl")
    cells = np.array(run.closer["mini-kl"].cells)
    assert cells.argmin() == 0 and cells.min() < -0.3, "the grid begins where the picture does"


def test_the_map_lights_up_where_a_decoder_drew_and_nowhere_else():
    """A part that a decoder drew, off the middle of a photograph in a screenshot's frame."""
    import skimage.data

    photo = skimage.data.astronaut()[:400, :400].copy()
    part = (slice(200, 392), slice(0, 192))
    photo[part] = autoencoder.reconstruct(np.ascontiguousarray(photo[part]), cache.load(registry.family("mini-kl")))
    screen = np.full((440, 440, 3), 238, np.uint8)
    screen[20:420, 12:412] = photo
    picture = intake.from_array(screen, "composite")
    run = record.Run.of(picture, "grid", ["mini-kl"])
    for update in api.trace_stream(picture, families=["mini-kl"]):
        run.take(update)
    seen = [len(run.mapped.boxes) for _ in run.everywhere(picture, lambda: False)]
    assert seen == [*range(1, len(seen) + 1)] and len(seen) > 6
    inside, outside = [], []
    for (top, left, bottom, right), value in zip(run.mapped.boxes, run.mapped.contrasts["mini-kl"], strict=True):
        if top >= 220 and bottom <= 412 and right <= 204:
            inside.append(value)
        elif bottom <= 220 or left >= 204:
            outside.append(value)
    assert max(inside) < -0.3 < min(outside)
    assert hero.figure(run).count('class="edge"') == len(seen)


def test_the_paper_s_two_curves_part_or_stay_together():
    run = record.Run("Your image", "paper", ["mini-kl"])
    run.descents["mini-kl"] = record.Descent(10, 0.1, [1.0, 0.1], [1.0, 0.1], [1.0, 0.5])
    assert "the curves part" in words.descent_words(run)
    run.descents["mini-kl"].beside = [1.0, 0.11]
    assert "stay together" in words.descent_words(run)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("none", Reason.NO_FAMILY_FITS),
        ("none", Reason.NONE_AND_NO_MARKS),
        ("insufficient", Reason.ANSWER_NOT_VISIBLE),
        ("undecided", Reason.NO_MARKS_SO_FAR),
    ],
)
def test_an_absence_is_never_sure(kind: str, reason: Reason):
    first = record.load(record.examples()[0]).trace
    verdict = Verdict(kind, reason, details={"inspected": ("mini-kl", "mini-dc")}, rests_on=(first.verdict,))
    text = joined.banner(Told("x", dataclasses.replace(first, verdict=verdict)))
    assert "ure: " not in text
    assert "No sign" in text or "annot" in text


def test_nothing_speaks_for_a_photograph_and_what_cannot_tell_shows_no_number():
    nobody = joined._row(Row(NO_ONE, (), dict.fromkeys(KINDS, Cell("for", "0.02"))), Told().joint())
    assert {cell["glyph"] for cell in nobody["cells"]} == {"~"}
    assert joined._cell(Cell("silent", "0.02"))["number"] == ""
    assert joined._cell(Cell("against", "0.02"))["number"] == "0.02"


def test_a_wish_to_stop_reaches_another_process():
    stops = components.Stops()
    with stops.running("here") as wish:
        elsewhere = pickle.loads(pickle.dumps(wish))
        assert not elsewhere()
        stops.stop("here")
        assert elsewhere()
    assert pickle.loads(pickle.dumps(components.budget()))() is False


def test_a_run_works_where_all_that_goes_in_and_out_is_pickled(monkeypatch):
    def gpu(duration: int):  # as on ZeroGPU: a process of its own, here without the process
        def wrapped(function):
            return lambda *given: (
                pickle.loads(pickle.dumps(each)) for each in function(*pickle.loads(pickle.dumps(given)))
            )

        return wrapped

    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=gpu))
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    followed = components.on_gpu(inversion.followed)
    assert followed is not inversion.followed
    picture = intake.read(record.examples()[0].file)
    run = record.Run.of(picture, "grid", ["mini-dc"])
    *_, last = followed(run, picture, components.budget())
    assert [row.family for row in last.trace.evidence] == ["mini-dc"]
    assert run.trace is None, "what was changed there stays there"


def test_off_zerogpu_the_decorator_changes_nothing():
    assert components.on_gpu(len) is len


def test_stop_reaches_its_own_session_and_no_other():
    stops = components.Stops()
    stops.prepare("here")
    stops.stop("here")  # while it waits in the queue
    stops.stop("a stranger's")
    with stops.running("here") as here, stops.running("there") as there:
        assert here()
        assert not there()
        stops.stop("there")
        assert there()
    with stops.running("here") as again:
        assert not again()


# What does


def test_first_paint_is_a_finished_example(page, page_url: str):
    opened(page, page_url)
    first = record.load(record.examples()[0])
    assert sentence(page) == wording.sentence(first.trace.verdict)
    assert "mini-kl-noto" in joint(page)
    assert len(page.query_selector_all("#hero .row:not(.head)")) == len(first.families)
    assert page.locator("#hero").bounding_box()["y"] < 800, "the figure begins on the first screen"
    assert "The file carries no note" in page.inner_text("#claim")
    assert not page.complaints
    assert not [url for url in page.requests if not url.startswith((page_url, "data:", "blob:"))]


def test_an_example_answers_at_once_and_by_address(page, page_url: str):
    *_, last = record.examples()
    opened(page, page_url)
    page.click(f"#example-{last.name}")
    page.wait_for_function(f"document.querySelector('#verdict').innerText.includes({json.dumps(last.title)})")
    assert sentence(page) == wording.sentence(record.load(last).trace.verdict)
    page.wait_for_timeout(1000)  # what is still on its way would be cut off, and complain
    page.goto(f"{page_url}/?example={last.name}")
    page.wait_for_function(f"document.querySelector('#verdict')?.innerText.includes({json.dumps(last.title)})")
    assert not page.complaints


def test_a_picture_is_answered_by_itself(page, page_url: str, rgba_png: Path):
    opened(page, page_url)
    upload(page, rgba_png)
    page.wait_for_function("document.querySelector('#verdict').innerText.includes('Your image')")  # by itself
    finished(page)
    assert page.query_selector("#verdict .verdict:not(.running)")
    assert intake.read(rgba_png).sha256[:8] in page.inner_text("#verdict")  # the bytes were not re-encoded
    assert len(page.query_selector_all("#hero .row:not(.head)")) == len(registry.families(registry.LINEUPS[0]))
    assert not page.complaints


def asks_the_minis(page) -> None:
    """Choose the miniatures, whose descents have thresholds."""
    page.get_by_role("button", name="Which models to ask").click()
    page.wait_for_selector("#availability li")
    page.locator("#lineup-name").get_by_text(chooser.TITLES["minis"]).click()
    page.wait_for_function("document.querySelector('#availability').innerText.includes('mini-dc')")


def by_descent(page) -> None:
    """Choose LatentTracer's own rule, which is slow enough to be stopped."""
    asks_the_minis(page)
    page.get_by_role("button", name="Settings and limits").click()
    page.get_by_label("LatentTracer's own rule").check()


def test_stop_keeps_what_there_is(page, page_url: str):
    opened(page, page_url)
    by_descent(page)
    page.click("#trace")
    page.wait_for_function("/Step [1-9]/.test(document.querySelector('#verdict').innerText)")
    page.wait_for_selector("#curves .scatterlayer .trace")
    assert page.is_disabled("#example-photograph"), "a run would draw over it"
    page.click("#stop")
    says(page, "#verdict h2", "Stopped before")
    finished(page)
    assert page.is_enabled("#example-photograph")
    assert "the loss falls from" in page.inner_text("#curve-words")
    page.get_by_label("Grid test", exact=True).check()
    page.click("#trace")  # and the next run is not stopped by it
    page.wait_for_function("!document.querySelector('#verdict h2').innerText.startsWith('Stopped')")
    page.wait_for_selector("#verdict .verdict:not(.running)")
    finished(page)
    assert not sentence(page).startswith("Stopped")


def test_a_bad_file_is_named_and_nothing_is_lost(page, page_url: str, not_an_image: Path):
    opened(page, page_url)
    upload(page, not_an_image)
    says(page, "#joint h2", "This is not an image of a kind that can be read here")  # before any run
    assert not page.query_selector("#hero svg"), "nothing of the example stays beside it"
    assert "nothing about how it was made" not in page.inner_text("#claim")
    assert page.is_enabled("#trace")
    assert not_an_image.name not in page.inner_text("body")


def test_clearing_the_picture_ends_its_run_and_its_result_is_never_shown(page, page_url: str, rgba_png: Path):
    opened(page, page_url)
    by_descent(page)
    upload(page, rgba_png)
    page.wait_for_function("/Step [1-9]/.test(document.querySelector('#verdict').innerText)")
    page.click("#upload button[aria-label='Remove Image']")
    says(page, "#joint h2", "Choose a picture")
    page.wait_for_selector("#hero svg", state="detached")
    finished(page)
    assert joint(page).startswith("Choose a picture")
    assert not page.query_selector("#hero svg")


def test_details_open_on_demand(page, page_url: str):
    opened(page, page_url)
    run = record.load(record.examples()[0])
    other = hero.title(next(name for name in run.families if name != run.best()))
    page.get_by_role("button", name="Among other pictures").click()
    page.wait_for_selector("#scores-among .barlayer")
    page.locator("#shown").get_by_text(other, exact=True).click()
    page.wait_for_function(f"document.querySelector('#scores-among-words').innerText.includes({json.dumps(other)})")
    page.get_by_role("button", name="The numbers").click()
    page.wait_for_selector("#numbers tbody tr:nth-child(2)")


# Labels whose words do not all stand on one line each; a line may end at a hyphen.
LABELS = "th, h1, h2, h3, button, [role=tab], .says, .row b, caption"
BROKEN = """(labels) => [...document.querySelectorAll(labels)].flatMap(each => {
  const found = [], walk = document.createTreeWalker(each, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode())
    for (const word of node.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1) found.push(word[0]);
    }
  return found;
})"""


@pytest.mark.parametrize("width", [1280, 390])
def test_no_word_of_a_label_is_broken_and_only_what_can_be_pressed_is_there(page, page_url: str, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    opened(page, f"{page_url}/?__theme=dark")
    for title in ("The numbers", "Which evidence says", "The file's own claims"):
        page.get_by_role("button", name=title).locator("visible=true").first.click()
    page.wait_for_selector("#numbers tbody tr:nth-child(2)")
    assert not page.evaluate(BROKEN, LABELS)
    assert page.is_visible("#trace") and not page.is_visible("#stop"), "there is nothing to stop"


def test_a_picture_is_chosen_in_the_place_of_the_one_that_is_shown(page, page_url: str, rgba_png: Path):
    opened(page, page_url)
    with page.expect_file_chooser() as chosen:
        page.click("#choose")
    chosen.value.set_files(rgba_png)
    says(page, "#joint", "Your image")
    page.wait_for_function("new URLSearchParams(location.search).get('example') === ''")  # what is shown is no example
    settled(page)


def test_a_picture_can_be_chosen_while_one_might_be_pasted_and_a_broken_one_is_refused(
    page, page_url: str, not_an_image: Path
):
    opened(page, page_url)
    page.click("#upload button[aria-label='Paste from clipboard']")
    with page.expect_file_chooser() as chosen:
        page.click("#choose")
    chosen.value.set_files(not_an_image)
    says(page, "#joint", "Not a picture that can be read")
    assert page.is_visible("#trace") and not page.is_visible("#stop")


def test_a_card_is_made_here_to_take_away(page, page_url: str, tmp_path: Path):
    opened(page, page_url)
    page.click("#make-card")
    page.wait_for_selector("#card")
    with page.expect_download() as download:
        page.click("#card")
    download.value.save_as(tmp_path / "card.png")
    assert Image.open(tmp_path / "card.png").size == card.SIZE
    assert not [url for url in page.requests if not url.startswith((page_url, "data:", "blob:"))]


@pytest.mark.parametrize(("width", "most"), [(1280, 2200), (390, 4000)])
def test_the_page_is_short_until_something_is_opened(page, page_url: str, width: int, most: int):
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, page_url)
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollHeight") <= most


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_never_scrolls_sideways(page, page_url: str, theme: str):
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, f"{page_url}/?__theme={theme}")
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#joint h2").bounding_box()["y"] < 844  # the answer is on the first screen


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_a_reader_out(page, page_url: str, theme: str, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    opened(page, f"{page_url}/?__theme={theme}")
    folded = ("The numbers", "How it works, with this picture's numbers", "Among other pictures", "Which models to ask")
    for title in (
        *folded,
        "Watch a decoder try",
        "Settings and limits",
        "Full result and report",
        "Which evidence says",
    ):
        page.get_by_role("button", name=title).locator("visible=true").first.click()
    assert not violations(page)


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_no_other_tab_does_either(page, page_url: str, theme: str, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    for word in ("artifacts", "regeneration", "degrade", "lesson", "many"):
        page.goto(f"{page_url}/?__theme={theme}&tab={word}")
        page.wait_for_selector(f"#tab-{word}-button[aria-selected=true]")
        assert not violations(page), word
        assert page.evaluate("document.documentElement.scrollWidth") <= width, word


def test_from_upload_to_verdict_by_keyboard_alone(page, page_url: str, rgba_png: Path):
    opened(page, page_url)
    page.on("filechooser", lambda asked: asked.set_files(rgba_png))  # from the start: listening takes a moment

    def tab_to(wanted: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({json.dumps(wanted)})"):
                return
        raise AssertionError(f"{wanted} cannot be reached")

    remove, drop = "#upload button[aria-label='Remove Image']", "#upload button[aria-label^='Drop an image']"
    tab_to(remove)
    page.keyboard.press("Enter")
    page.wait_for_selector(remove, state="detached")
    page.wait_for_selector(drop)
    page.evaluate("document.activeElement.blur()")
    tab_to(drop)
    page.keyboard.press("Enter")
    page.wait_for_selector("#upload img")
    page.wait_for_function("document.querySelector('#joint').innerText.includes('Your image')")
    finished(page)
    assert page.query_selector("#joint .verdict:not(.running)")


def test_an_example_fills_every_tab(page, page_url: str):
    opened(page, page_url)
    page.click("#example-photograph")
    page.wait_for_function("document.querySelector('#joint').innerText.includes('A plain photograph')")
    page.get_by_role("tab", name="Drawn again").click()
    page.wait_for_selector("#drawings img")
    assert "A plain photograph" in page.inner_text("#drawn")
    assert page.input_value("#caption textarea")
    page.get_by_role("tab", name="Decoder marks").click()
    page.wait_for_selector("#marks")
    text = page.inner_text("#marks")
    assert "A plain photograph" in text or "Not available" in text
    assert not page.complaints


def test_a_finished_inversion_is_wound_back_without_computing(page, page_url: str):
    opened(page, page_url)
    page.get_by_role("button", name="Watch a decoder try").click()
    page.wait_for_selector("#reel img")
    page.locator("#reel-step input[type=range]").focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('#reel').innerText.includes('step 0')")
    page.click("#run-reel")
    page.wait_for_function("document.querySelector('#reel').innerText.includes('step 40')")
    page.wait_for_function("document.querySelector('#stop-reel').disabled")
    assert "beside it" in page.inner_text("#reel-words")
    assert not page.complaints


def test_the_lesson_asks_before_it_tells(page, page_url: str):
    page.goto(f"{page_url}/?tab=lesson")
    page.wait_for_selector("#guess input")
    assert page.is_disabled("#lesson-next")
    for place, step in enumerate(lesson.STEPS):
        page.wait_for_function(f"document.querySelector('#lesson').innerText.includes('Step {place + 1} of')")
        assert "Guess first" in page.inner_text("#reveal")
        page.locator("#guess").get_by_label(step.right, exact=True).check()
        page.wait_for_selector("#reveal .reveal")
        assert "Right." in page.inner_text("#reveal")
        if place < len(lesson.STEPS) - 1:
            page.click("#lesson-next:not([disabled])")
    assert not page.complaints


def test_a_picture_is_degraded_and_the_run_can_be_stopped(page, page_url: str):
    page.goto(f"{page_url}/?tab=degrade&example=koala-by-mini-dc-flat")
    page.wait_for_selector("#degrade:visible")
    page.wait_for_function("/koala/.test(document.querySelector('#joint').innerText)")  # not the picture before it
    page.get_by_label("Blur").check()
    page.click("#degrade")
    page.wait_for_function("document.querySelector('#degrade-words').innerText.includes(' 2 of ')")
    page.click("#stop-degrading")
    page.wait_for_function("!document.querySelector('#degrade').disabled")
    assert "Stopped after" in page.inner_text("#degrade-words")
    assert not page.complaints
