"""A report on one image stands alone and harms nobody."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from typer.testing import CliRunner

from tracer.cli import app, main
from tracer.evidence.reasons import Reason
from tracer.evidence.verdict import Evidence, ImageFacts, Trace, Verdict
from tracer.image import intake, provenance, samples
from tracer.reports import report

run = CliRunner()
EVIL = "</td><script>alert(1)</script><img src=http://example.com/x>{{7*7}}${1}"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A photograph whose file name and metadata would like to be HTML."""
    path = tmp_path_factory.mktemp("images") / "<b>photo&.png"
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", EVIL)
    Image.fromarray(samples.bundled_photographs(1, 128)[0]).save(path, pnginfo=info)
    return path


@pytest.fixture(scope="module")
def written(image):
    """The report in both forms."""
    paths = [image.with_name("report.html"), image.with_name("report.json")]
    for path in paths:
        result = run.invoke(app, ["trace", str(image), "--family", "mini-dc", "--report", str(path)])
        assert result.exit_code == 0, result.stderr
    return paths[0].read_text(), json.loads(paths[1].read_text())


class Parts(HTMLParser):
    """Everything that an HTML file could load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.addresses, self.text = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for key, value in attrs if key in ("src", "href", "srcset", "action", "data")]
        assert not any(key.startswith("on") for key, _ in attrs)

    def handle_data(self, data):
        self.text.append(data)


def test_it_says_what_was_found_and_what_that_rests_on(written, image):
    page, told = written
    assert told["image"]["sha256"] == intake.read(image).sha256
    assert told["verdict"]["kind"] in ("none", "insufficient")
    assert told["settings"]["mode"] == "grid"
    (threshold,), (row,) = told["thresholds"], told["evidence"]
    assert threshold["threshold"] == row["threshold"]
    assert threshold["count"] == row["compared_with"]
    assert (threshold["family"], threshold["file"]) == ("every family", "null.autoencoder.json")
    assert {"tracer", "torch", "diffusers", "pillow", "numpy"} <= set(told["versions"])
    text = "".join(Parts(page).text)
    for said in (
        told["verdict"]["sentence"],
        row["revision"],
        told["image"]["sha256"],
        threshold["images"],
        "Contrast",
        "window",
        told["answer"]["line"],
        *told["answer"]["why"],
        told["artifacts"]["verdict"]["sentence"],
        f"{told['artifacts']['probability']:.3f}",
        told["artifacts"]["detector"],
    ):
        assert said in text
    assert told["joint"]["verdict"]["sentence"] in text
    assert told["joint"]["matrix"][0]["candidate"] == "mini-dc"
    for box in told["windows"]:
        assert all(str(side) in text for side in box)
    assert provenance.FORGEABLE in text


def test_it_loads_and_runs_nothing(written):
    page, _ = written
    parts = Parts(page)
    assert not parts.tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert len(parts.addresses) == 3
    assert all(address.startswith("data:image/png;base64,") for address in parts.addresses)
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_what_the_file_says_is_shown_as_text(written):
    page, told = written
    assert told["claims"]["claims"][0]["value"] == EVIL
    assert EVIL in "".join(Parts(page).text)
    assert "{{7" not in page
    assert "${1" not in page
    assert "<b>photo" not in page


def test_a_large_picture_is_shown_in_part_and_a_foreign_decoder_not_at_all():
    pixels = np.random.default_rng(0).integers(0, 256, (500, 700, 3), dtype=np.uint8)
    picture = intake.from_array(pixels, "large")
    row = Evidence("somebody's", "inversion", "grid", 9.0, 4.0, 0.01, True, 1, 0.1, "r")
    trace = Trace(ImageFacts.of(picture), Verdict("family", Reason.ONE_FAMILY_FITS, ("somebody's",)), (row,))
    (figure,) = report.figures(trace, picture)
    assert max(figure.pixels.shape) <= report.SIDE
    assert "from its middle" in figure.words


def test_a_crop_is_shown_from_where_its_grid_begins():
    picture = intake.from_array(samples.bundled_photographs(1, 128)[0], "crop")
    row = Evidence("mini-dc", "inversion", "grid", 9.0, 4.0, 0.01, True, 1, 0.1, "r", offset=(3, 5))
    trace = Trace(ImageFacts.of(picture), Verdict("family", Reason.ONE_FAMILY_FITS, ("mini-dc",)), (row,))
    first, again, _ = report.figures(trace, picture)
    assert np.array_equal(first.pixels, picture.pixels[3:, 5:]) and "where its grid begins" in first.words
    assert again.pixels.shape == (112, 112, 3)


def test_a_changed_file_is_refused(image, written, tmp_path):
    other = tmp_path / "other.png"
    Image.fromarray(samples.bundled_photographs(2, 128)[1]).save(other)
    trace = Trace(ImageFacts.of(intake.read(image)), Verdict("none", Reason.NO_FAMILY_FITS), ())
    with pytest.raises(ValueError, match="has changed"):
        report.write(tmp_path / "report.html", other, trace, "grid")


@pytest.mark.parametrize("arguments", [["{image}", "--report", "x.pdf"], ["{image}", "{image}", "--report", "x.html"]])
def test_bad_usage_is_one_line_and_status_2(arguments, image, capfd):
    assert main(["trace", *(argument.format(image=image) for argument in arguments)]) == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 1


def test_it_opens_in_light_and_dark_and_prints(browser, written, image):
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme)
        page, asked = context.new_page(), []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(image.with_name("report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
        assert all(re.match("file:|data:", url) for url in asked)
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
        # axe cannot be loaded under the report's own policy, so it looks at the same page without it
        page.set_content(written[0].replace("Content-Security-Policy", "x-policy"))
        found = axe.Axe().run(page).response["violations"]
        assert [each["id"] for each in found] == [], found
        context.close()
