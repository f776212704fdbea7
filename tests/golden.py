"""Forty pictures and what every path answers about them, so that moving code about cannot change an answer unseen.

`python -m tests.golden` writes the answers to `golden.json` beside this file; `test_golden.py` compares.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
FILE = Path(__file__).with_name("golden.json")

CROPPED, COFFEE, FLUENT, NOTO, KOALA, PENGUIN, PHOTOGRAPH, STRAWBERRY = (
    "cat-cropped-off-the-grid",
    "coffee-through-mini-kl",
    "fox-by-mini-kl-fluent",
    "fox-by-mini-kl-noto",
    "koala-by-mini-dc-flat",
    "penguin-by-mini-kl16-twemoji",
    "photograph",
    "strawberry-by-mini-movq-emojione",
)
MADE = (FLUENT, NOTO, KOALA, PENGUIN, STRAWBERRY)


def _file(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    held = BytesIO()
    picture.save(held, kind, **options)
    return held.getvalue()


def _resized(picture: Image.Image, factor: float) -> Image.Image:
    return picture.resize([round(side * factor) for side in picture.size], Image.Resampling.BICUBIC)


def _noisy(picture: Image.Image, sigma: float) -> Image.Image:
    pixels = np.asarray(picture, float)
    added = np.random.default_rng(0).normal(0, sigma, pixels.shape)
    return Image.fromarray(np.clip(np.rint(pixels + added), 0, 255).astype(np.uint8))


def _framed(picture: Image.Image) -> Image.Image:
    screen = Image.new("RGB", (picture.width + 37, picture.height + 51), (238, 238, 238))
    screen.paste(picture, (13, 22))
    return screen


CHANGES: dict[str, Callable[[Image.Image], bytes]] = {
    "jpeg 90": lambda picture: _file(picture, "JPEG", quality=90),
    "jpeg 60": lambda picture: _file(picture, "JPEG", quality=60),
    "webp 80": lambda picture: _file(picture, "WEBP", quality=80, method=2),
    "blur": lambda picture: _file(picture.filter(ImageFilter.GaussianBlur(0.6))),
    "resized to 150 %": lambda picture: _file(_resized(picture, 1.5)),
    "resized to 70 %": lambda picture: _file(_resized(picture, 0.7)),
    "cropped off the grid": lambda picture: _file(picture.crop((5, 3, *picture.size))),
    "screenshot frame": lambda picture: _file(_framed(picture)),
    "noise": lambda picture: _file(_noisy(picture, 1.5)),
}
CHANGED = (
    *((NOTO, change) for change in CHANGES),
    *((PENGUIN, change) for change in ("jpeg 90", "jpeg 60", "webp 80", "resized to 150 %")),
    *((STRAWBERRY, change) for change in ("jpeg 90", "blur", "cropped off the grid", "noise")),
    *((KOALA, change) for change in ("jpeg 90", "resized to 70 %", "noise")),
    *((PHOTOGRAPH, change) for change in ("jpeg 90", "jpeg 60", "resized to 70 %", "screenshot frame")),
)
# A figure of the documentation, and what real models' stand-ins are shown with: the corpus asks the minis.
LEFT_OUT = ("minis", "coffee-through-taef1", "coffee-through-taesdxl")
DRAWINGS = (("mini-kl", "mini-kl-fluent"), ("mini-kl16", "mini-kl16-twemoji"), ("mini-movq", "mini-movq-emojione"))


def pictures() -> dict[str, bytes]:
    """Every picture's file by name, always the same bytes but for the JPEG and WebP encoders' versions."""
    found = {path.stem: path.read_bytes() for path in sorted(EXAMPLES.glob("*.*")) if path.suffix in (".png", ".jpg")}
    for name in LEFT_OUT:
        found.pop(name, None)
    for name in (CROPPED, PHOTOGRAPH):  # large ones; the corpus has to stay quick
        found[name] = _file(Image.open(BytesIO(found[name])).convert("RGB").crop((0, 0, 192, 192)))
    for name, change in CHANGED:
        found[f"{name}, {change}"] = CHANGES[change](Image.open(BytesIO(found[name])).convert("RGB"))
    for family, generator in DRAWINGS:  # a corner of the sheet of what a generator draws
        (path,) = ROOT.glob(f"tracer/**/{family}/{generator}/sheet.png")
        found[f"{generator}, sheet"] = _file(Image.open(path).convert("RGB").crop((0, 0, 128, 128)))
    scikit_image = _bundled("coffee"), _bundled("chelsea")
    for name, picture in zip(("coffee", "chelsea"), scikit_image, strict=True):
        found[name] = _file(picture.crop((100, 60, 292, 252)))
    ramp = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[None, :, None], 128, axis=0).repeat(3, axis=2)
    found["grey"] = _file(Image.new("RGB", (160, 160), (120, 120, 120)))
    found["white"] = _file(Image.new("RGB", (128, 128), (255, 255, 255)))
    found["ramp"] = _file(Image.fromarray(ramp))
    return found


def _bundled(name: str) -> Image.Image:
    import skimage.data

    return Image.fromarray(getattr(skimage.data, name)())


def answers() -> Iterator[tuple[str, str, dict]]:
    """Path, picture and answer, one after another."""
    from tracer import api

    files = pictures()
    for name, file in files.items():
        yield "trace", name, traced(api.trace(file, lineup="minis").document())
    for name in (NOTO, KOALA):
        small = _file(Image.open(BytesIO(files[name])).convert("RGB").crop((0, 0, 96, 96)))
        yield (
            "trace in paper mode",
            name,
            traced(api.trace(small, mode="paper", families=["mini-kl", "mini-dc"]).document()),
        )
    for name in (*MADE, COFFEE, PHOTOGRAPH, f"{NOTO}, jpeg 60", f"{NOTO}, webp 80", "chelsea", "grey"):
        yield "artifacts", name, marked(api.artifacts(files[name], tries=4).document())
    for name in (NOTO, STRAWBERRY, "chelsea"):
        found = api.regenerate(files[name], candidates=1, generators=["mini-kl-noto", "mini-movq-emojione"])
        yield "regenerate", name, redrawn(found.document())
    for name in (FLUENT, PHOTOGRAPH, KOALA, f"{PENGUIN}, jpeg 60", "ramp"):
        yield "verdict", name, joined(api.verdict(files[name], lineup="minis", tries=2).document())
    with tempfile.TemporaryDirectory() as folder:
        (source,) = ROOT.glob("tracer/**/mini-dc/vae")
        shutil.copytree(source, copy := Path(folder) / "unknown")
        for name in (KOALA, NOTO):
            yield "trace against a folder", name, traced(api.trace(files[name], autoencoder=copy).document())


def traced(document: dict) -> dict:
    """What a trace decides."""
    rows = {row["family"]: [row["belongs"], _rounded(row["p_value"])] for row in document["evidence"]}
    return {**_kind(document), "evidence": rows}


def marked(document: dict) -> dict:
    """What the detector decides."""
    return {"made": document["made_by_autoencoder"], "p_values": {"detector": _rounded(document["p_value"])}}


def redrawn(document: dict) -> dict:
    """What the drawings say."""
    values = {row["generator"]: _rounded(row["p_value"]) for row in document["ranking"]}
    return {**_kind(document), "caption": document["caption"], "p_values": values}


def joined(document: dict) -> dict:
    """What all kinds of evidence say together."""
    return _kind(document)


def _kind(document: dict) -> dict:
    return {"kind": document["verdict"]["kind"], "families": list(document["verdict"]["families"])}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def write() -> None:
    """Store the answers of the code as it is."""
    found: dict[str, dict] = {}
    for path, name, answer in answers():
        found.setdefault(path, {})[name] = answer
    lines = (
        f"{json.dumps(path)}: {{\n" + ",\n".join(f"  {json.dumps(n)}: {json.dumps(a)}" for n, a in rows.items()) + "\n}"
        for path, rows in found.items()
    )
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write()
