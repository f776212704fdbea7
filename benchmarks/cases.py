"""What visitors bring: each kind of picture, sent through the page's own interface, and what the page answers.

The pictures are made here from the half `report` and from test photographs. Nothing asks the code directly: the page is
started, and every file goes through its endpoint, as a program would send it.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import mocks
from benchmarks import page as site
from benchmarks.core import Bench, code_key, table, thin
from tracer import api
from tracer.image import intake, perturbations, samples
from tracer.image.windows import Box
from training import data, real

TITLE = "What visitors bring"
EACH = 2  # pictures of a kind
NAMED, MARKS, NOTHING, UNKNOWN, OPEN = ANSWERS = ("named", "AI marks", "no sign", "cannot tell", "undecided")
MODELS = {"flux1": "FLUX", "sdxl": "SDXL"}
EDIT = 128  # px: half a side of an inpainted part


@dataclass(frozen=True)
class Case:
    """One file, and what may be said about it.

    Attributes:
        kind: what a visitor would call it.
        picture: which one it was made from.
        file: makes its bytes.
        expected: answers that are useful; "cannot tell" is always allowed.
        maker: family of the real models whose decoder drew it; "another" for others, "" for no decoder.
    """

    kind: str
    picture: str
    file: Callable[[], bytes]
    expected: tuple[str, ...]
    maker: str = ""


def by_models(name: str, picture: str, pixels: Callable[[], np.ndarray]) -> Iterator[Case]:
    """One model's picture and what happens to such on their way."""
    ways = {
        "lossless PNG": (lambda: mocks.png(pixels()), (NAMED,)),
        "JPEG 90": (lambda: perturbations.jpeg_file(pixels(), 90), (NAMED, MARKS)),
        "720 px, quality 82": (lambda: perturbations.jpeg_file(mocks.smaller(pixels()), 82), (NAMED, MARKS, UNKNOWN)),
        "social post, PNG": (lambda: mocks.png(mocks.post(pixels(), 1)), (NAMED, MARKS, UNKNOWN)),
        "social post, PNG at 1.5x": (lambda: mocks.png(mocks.post(pixels(), 1.5)), (NAMED, MARKS, UNKNOWN)),
        "enlarged 2x": (lambda: mocks.png(perturbations.scale(pixels(), 2)), (NAMED, MARKS, UNKNOWN)),
        "through a messenger": (lambda: mocks.messenger(pixels()), (NAMED, MARKS, UNKNOWN)),
    }
    for way, (file, expected) in ways.items():
        yield Case(f"{MODELS[name]}: {way}", picture, file, expected, name)


def photographed(picture: str, pixels: Callable[[], np.ndarray]) -> Iterator[Case]:
    """A photograph and what happens to such."""
    ways = {
        "at web size": lambda: perturbations.jpeg_file(perturbations.scale(pixels(), 0.7, mocks.LANCZOS), 82),
        "at night": lambda: mocks.night(pixels()),
        "retouched": lambda: mocks.retouched(pixels()),
    }
    for way, file in ways.items():
        yield Case(f"photograph {way}", picture, file, (NOTHING, UNKNOWN))


def drawn_here(photograph: Callable[[], np.ndarray]) -> Iterator[Case]:
    """What needs no collection."""
    nobody = (NOTHING, UNKNOWN)
    yield Case("interface", "drawn here", lambda: mocks.png(mocks.interface()), nobody)
    yield Case("text", "drawn here", lambda: mocks.png(mocks.text()), nobody)
    yield Case("pixel art", "made from a photograph", lambda: mocks.png(mocks.pixel_art(photograph())), nobody)


COLLECTED = {  # kind: categories of the collected pictures
    "photograph as written": ("phone-photo", "compact-camera-photo"),
    "drawing by hand": ("anime-hand-drawn",),
    "painting, scanned": ("painting-scan",),
    "document, scanned": ("document-scan",),
    "edited photograph": ("hdr-edited-photo",),
    "enlarged photograph": ("upscaled-photo",),
}
OTHERS = ("flux2", "qwen", "other-latent", "closed")


def photograph_of(bench: Bench) -> np.ndarray:
    """The photograph that single cases are made of."""
    if bench.data is None:
        return samples.bundled_photographs(1, 512)[0]
    return _read(data.photograph_files(bench.data / "photos", "test", ("highres",))[0])


def _read(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file).convert("RGB"))


def cases(bench: Bench, each: int) -> list[Case]:
    """All cases that there are pictures for."""
    photo = photograph_of(bench)
    if bench.data is None:
        return [*photographed("scikit-image", lambda: photo), *drawn_here(lambda: photo)]
    found = [one for one in real.pictures(bench.data) if one.split == "report"]
    made: list[Case] = []
    for name in MODELS:
        own = [one for one in found if one.generated and one.family == name and one.untouched == "yes"]
        own = [one for one in own if one.path.parent.name == "generated" and min(Image.open(one.path).size) >= 512]
        for one in thin(own, each):
            made += by_models(name, one.path.name, one.pixels)
    files = data.photograph_files(bench.data / "photos", "test", ("highres",))
    for file in thin(files, each):
        made += photographed(file.name, functools.partial(_read, file))
    for kind, categories in COLLECTED.items():
        some = [one for one in found if not one.generated and one.family in categories]
        made += [Case(kind, one.path.name, one.path.read_bytes, (NOTHING, UNKNOWN)) for one in thin(some, each)]
    others = [one for one in found if one.generated and one.family in OTHERS]
    made += [
        Case("another model's picture", one.path.name, one.path.read_bytes, (MARKS, UNKNOWN), "another")
        for one in thin(others, 2 * each)
    ]
    return made + list(drawn_here(lambda: photo))


def answer(told: dict) -> str:
    """Which of `ANSWERS` a document of the endpoint gives."""
    kind = told["verdict"]["kind"]
    marks = told["evidence"].get("artifacts", {}).get("made_by_autoencoder") is True
    if kind == "family":
        return NAMED
    if marks:
        return MARKS
    return {"none": NOTHING, "undecided": OPEN}.get(kind, UNKNOWN)


def wrong(maker: str, told: str, families: Sequence[str]) -> bool:
    """Whether an answer claims what is not so: another family than its maker's, or a decoder where there was none."""
    if told == NAMED:
        return maker not in (name.removeprefix("surrogate-") for name in families)
    return told == MARKS and not maker


def inpainted(photo: np.ndarray) -> tuple[bytes, Box]:
    """A photograph with a part in its middle that a miniature's decoder drew, and where it is."""
    whole = photo.copy()
    top, left = ((length // 2 - EDIT) // 8 * 8 for length in whole.shape[:2])
    box = (top, left, top + 2 * EDIT, left + 2 * EDIT)
    part = np.ascontiguousarray(whole[box[0] : box[2], box[1] : box[3]])
    whole[box[0] : box[2], box[1] : box[3]] = api.reconstruct("mini-kl", intake.from_array(part, "part"))
    return mocks.png(whole), box


def mapped(told: dict, box: Box) -> dict:
    """How the map tells the inpainted part: mean contrast of windows inside it and outside."""
    inside, outside = [], []
    for (top, left, bottom, right), value in zip(told["windows"], told["contrasts"], strict=True):
        middle = (top + bottom) / 2, (left + right) / 2
        within = box[0] <= middle[0] < box[2] and box[1] <= middle[1] < box[3]
        (inside if within else outside).append(value)
    return {
        "inside": round(float(np.mean(inside)), 3) if inside else None,
        "outside": round(float(np.mean(outside)), 3) if outside else None,
        "windows": [len(inside), len(outside)],
    }


def measure(bench: Bench) -> dict:
    """Every case through the page's interface."""
    from gradio_client import Client, handle_file

    rows, key = [], code_key("tracer/**/*.py", "benchmarks/cases.py", "benchmarks/mocks.py", thresholds="*")
    with tempfile.TemporaryDirectory() as folder, site.server() as (url, _, _):
        client = Client(url, verbose=False, download_files=folder)

        def sent(file: bytes) -> dict:
            path = Path(folder) / ("picture.jpg" if file.startswith(b"\xff\xd8") else "picture.png")
            path.write_bytes(file)
            return handle_file(path)

        for case in cases(bench, min(bench.count, bench.few(EACH, 1))):

            def ask(case: Case = case) -> dict:
                told = client.predict(sent(case.file()), False, api_name="/give_verdict")
                return {
                    "answer": answer(told),
                    "families": told["verdict"]["families"],
                    "sentence": told["verdict"]["sentence"],
                }

            said = bench.kept(f"case {case.kind}, {case.picture}", ask, key)
            rows.append(
                {
                    "case": case.kind,
                    "picture": case.picture,
                    "expected": list(case.expected),
                    **said,
                    "wrong": wrong(case.maker, said["answer"], said["families"]),
                }
            )

        def look() -> dict:
            file, box = inpainted(photograph_of(bench))
            return mapped(client.predict(sent(file), "mini-kl", api_name="/map_grid"), box)

        edited = bench.kept("case photograph with an inpainted part", look, key)
    return {"rows": rows, "inpainted": edited}


def page(results: dict) -> list[str]:
    """The section as Markdown."""
    rows, edited = results["rows"], results["inpainted"]
    lines = [
        "",
        f"{len(rows)} files, each sent to a running page (`/give_verdict`, line-up `real`, no drawing). “Wrong” is an "
        "answer that claims what is not so: another family than the maker's, or a decoder where there was none. "
        f"Wrong: {sum(row['wrong'] for row in rows)}. As expected: "
        f"{sum(row['answer'] in row['expected'] for row in rows)}.",
    ]
    told = [
        [
            row["case"],
            row["picture"],
            " or ".join(row["expected"]),
            row["answer"] + (f": {', '.join(row['families'])}" if row["families"] else ""),
            "yes" if row["wrong"] else "no",
        ]
        for row in rows
    ]
    lines += table(["case", "picture", "expected", "answer", "confident and wrong"], told)
    inside, outside = edited["windows"]
    return [
        *lines,
        "",
        "A photograph with a part that `mini-kl`'s decoder drew (256 px a side), and the map of that family "
        f"(`/map_grid`): mean contrast {edited['inside']} in {inside} windows whose middle lies inside the part, "
        f"{edited['outside']} in {outside} outside.",
    ]
