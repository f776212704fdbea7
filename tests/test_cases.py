"""What visitors bring, made from what the repository has: no confident wrong answer, and a name where one is due."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from benchmarks import cases, mocks
from tests.conftest import ROOT
from tests.image.test_history import photograph
from tracer import api
from tracer.image import intake, perturbations

MADE = {"mini-kl": "fox-by-mini-kl-noto", "mini-kl16": "penguin-by-mini-kl16-twemoji"}


def drawn(family: str) -> np.ndarray:
    """A miniature's picture."""
    return np.asarray(Image.open(ROOT / "examples" / f"{MADE[family]}.png").convert("RGB"))


@functools.cache
def answered(file: bytes) -> tuple[str, tuple[str, ...], str]:
    """What the miniatures' line-up says, in the benchmark's words; with families and reason."""
    trace = api.trace(file, lineup="minis")
    told = {"verdict": {"kind": trace.verdict.kind}, "evidence": {}}
    return cases.answer(told), tuple(trace.verdict.families), str(trace.verdict.reason)


@pytest.mark.parametrize("family", MADE)
@pytest.mark.parametrize("way", [mocks.png, lambda pixels: perturbations.jpeg_file(pixels, 90)], ids=["PNG", "JPEG 90"])
def test_a_model_s_picture_is_named(family: str, way):
    said, families, _ = answered(way(drawn(family)))
    assert (said, families) == ("named", (family,))


LIMITS = {  # what is in docs/limits.md; strict, so that a limit that is gone is noticed
    ("social post", "mini-kl16"): "a picture of 128 px in a larger screen is too small to show that it was a JPEG",
    **dict.fromkeys(
        [("enlarged", family) for family in MADE],
        "an enlargement by exactly 2 leaves no trace that is told from a decoder's, and mini-dc may be named for it",
    ),
}
WAYS = {
    "social post": lambda pixels: mocks.png(mocks.post(pixels, 1)),
    "social post at 1.5x": lambda pixels: mocks.png(mocks.post(pixels, 1.5)),
    "enlarged": lambda pixels: mocks.png(perturbations.scale(pixels, 2)),
    "messenger": mocks.messenger,
}


def on_its_way() -> Iterator:
    for way, family in itertools.product(WAYS, MADE):
        limit = LIMITS.get((way, family))
        yield pytest.param(way, family, marks=[pytest.mark.xfail(reason=limit, strict=True)] if limit else [])


@pytest.mark.parametrize(("way", "family"), on_its_way())
def test_on_its_way_it_is_named_or_the_page_cannot_tell(way: str, family: str):
    said, families, reason = answered(WAYS[way](drawn(family)))
    assert not cases.wrong(family, said, families)
    assert said != "no sign", reason


@pytest.mark.parametrize(
    "way",
    [
        lambda pixels: mocks.png(mocks.post(pixels, 1.5)),
        lambda pixels: mocks.png(perturbations.jpeg(pixels, 80)),
        mocks.messenger,
        mocks.night,
        mocks.retouched,
    ],
    ids=["social post", "once a JPEG", "messenger", "night", "retouched"],
)
def test_a_photograph_that_was_compressed_or_resized_leaves_it_open(way):
    said, families, _ = answered(way(photograph()))
    assert (said, families) == ("cannot tell", ())


@pytest.mark.parametrize("make", [mocks.interface, mocks.text, lambda: mocks.pixel_art(photograph())])
def test_what_no_model_drew_is_no_sign_or_cannot_be_told(make):
    said, families, _ = answered(mocks.png(make()))
    assert said in ("no sign", "cannot tell") and not families


def test_an_inpainted_part_is_on_the_map():
    whole = np.asarray(Image.fromarray(photograph()).resize((512, 512), Image.Resampling.NEAREST)).copy()
    noise = np.random.default_rng(0).normal(0, 12, whole.shape)  # detail, which an enlargement has not
    whole = np.clip(whole + noise, 0, 255).astype(np.uint8)
    file, box = cases.inpainted(whole)
    *_, last = api.grid_map(intake.read(file).pixels, "mini-kl")
    found = cases.mapped({"contrasts": last.by_window["mini-kl"], "windows": last.boxes}, box)
    assert min(found["windows"]) > 0 and found["inside"] < found["outside"] - 0.3


def test_a_wrong_answer_is_another_family_or_a_decoder_where_there_was_none():
    assert cases.wrong("sdxl", "named", ["surrogate-flux1"]) and not cases.wrong("sdxl", "named", ["surrogate-sdxl"])
    assert cases.wrong("", "named", ["surrogate-sd"]) and cases.wrong("another", "named", ["surrogate-sd"])
    assert cases.wrong("", "AI marks", []) and not cases.wrong("another", "AI marks", [])
    assert not cases.wrong("flux1", "no sign", []) and not cases.wrong("", "cannot tell", [])
