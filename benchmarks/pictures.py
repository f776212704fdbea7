"""The pictures that the benchmark shows to line-ups, and what is done to them first.

Everything reported comes from pictures that nothing was trained, calibrated or chosen with: photographs of the split
`test` (`training.data`), collected pictures of the half `report` (`training.real`), drawings with seeds of their own,
and what is made of these here. Without the folder of pictures, tiles of scikit-image's photographs stand in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.core import Bench, thin
from benchmarks.lattices import LATTICES
from benchmarks.lineups import Asked
from tracer.image import perturbations, samples
from tracer.models import autoencoder, registry
from training import data, real

SEED = 31_000  # of the first drawing; no rule was settled with these drawings, and no example is one of them
POOL = 120  # scikit-image's tiles before those that are tested on: the defaults of calibrations
AS_IT_IS = "as it is"
Made = np.ndarray | bytes | Path


def _seed(pixels: np.ndarray) -> int:
    return int(pixels.sum(dtype=np.int64) % 997)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray | bytes]] = {
    AS_IT_IS: lambda x: x,
    **{f"JPEG {q}": lambda x, q=q: perturbations.jpeg_file(x, q) for q in (95, 90, 85, 75, 70, 50)},
    **{f"WebP {q}": lambda x, q=q: perturbations.webp_file(x, q) for q in (95, 80)},
    **{f"noise, sigma {s}": lambda x, s=s: perturbations.noise(x, s, 0) for s in (1, 2)},
    "blur, sigma 0.5": lambda x: perturbations.blur(x, 0.5),
    "brightness 1.1": lambda x: perturbations.brighten(x, 1.1),
    **{f"resize {f:g}": lambda x, f=f: perturbations.scale(x, f, Image.Resampling.LANCZOS) for f in (0.5, 0.75, 1.5)},
    "crop off the grid": lambda x: perturbations.crop(x, _seed(x)),
    "JPEG 85, then cropped": lambda x: perturbations.crop(perturbations.jpeg(x, 85), _seed(x)),
    "screenshot": lambda x: perturbations.screenshot(x, _seed(x)),
}
FOR_PUBLISHED = (AS_IT_IS, "JPEG 85", "WebP 80")  # of autoencoders that take several times as long as the minis
FOR_COLLECTED = (AS_IT_IS, "JPEG 90", "JPEG 75", "screenshot")
QUICK = (AS_IT_IS, "JPEG 75", "crop off the grid")


@dataclass(frozen=True)
class Sample:
    """One picture before any change.

    Attributes:
        name: what identifies it in kept answers.
        kind: the row of a table that it belongs in: how it was made, or its category.
        makers: ids of the suspects that are right about it; none for a picture that nobody who is asked made.
        pixels: reads or makes it: uint8 RGB (height, width, 3).
        file: the file as it was found, which is shown where nothing is to be changed.
        source: the collection that it is from.
        format: "untouched" since the decoder, or the format that it was found in.
    """

    name: str
    kind: str
    makers: tuple[str, ...]
    pixels: Callable[[], np.ndarray]
    file: Path | None = None
    source: str = ""
    format: str = ""

    def made(self, change: str) -> Made:
        """What is shown: pixels, a file's bytes, or a file."""
        if change == AS_IT_IS and self.file:
            return self.file
        return CHANGES[change](self.pixels())


def photograph_files(folder: Path) -> dict[str, list[Path]]:
    """Test photographs at native size, by kind."""
    kinds = ("cc-by", "cc0", "highres")
    return {kind: data.photograph_files(folder / "photos", "test", (kind,)) for kind in kinds}


def photographs(bench: Bench, count: int, side: int = 0) -> list[Sample]:
    """Test photographs; with `side`, their middles of so many px."""
    if bench.data is None:
        wanted = min(count, 40)
        tiles = samples.bundled_photographs(POOL + wanted, side or 256)[POOL:]
        return [
            Sample(f"tile {index} {side}", "photographs", (), lambda tile=tile: tile)
            for index, tile in enumerate(tiles)
        ]
    files = thin([file for found in photograph_files(bench.data).values() for file in found], count)
    return [
        Sample(
            f"{file.parent.name}/{file.name} {side}",
            "photographs",
            (),
            lambda file=file: middle(_read(file), side) if side else _read(file),
            None if side else file,
        )
        for file in files
    ]


def large_photographs(bench: Bench, count: int, smallest: int) -> list[Sample]:
    """Test photographs whose shorter side has at least so many px."""
    if bench.data is None:
        whole = [each for each in samples.bundled_pictures() if min(each.shape[:2]) >= smallest]
        return [
            Sample(f"picture {index}", "photographs", (), lambda pixels=pixels: middle(pixels, 512))
            for index, pixels in enumerate(whole[:count])
        ]
    return thin([each for each in photographs(bench, 10**6) if min(Image.open(each.file).size) >= smallest], count)


def middle(pixels: np.ndarray, side: int) -> np.ndarray:
    """The central square of `side` px, or as much of it as there is, at native resolution."""
    top, left = (max(length - side, 0) // 2 for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def reconstructions(asked: Asked, photos: Sequence[Sample]) -> list[Sample]:
    """Photographs through every suspect: what its decoder drew, whatever the contents."""
    return [
        Sample(
            f"{suspect.name} of {photo.name}",
            "reconstructions",
            (suspect.name,),
            functools.cache(
                lambda suspect=suspect, photo=photo: autoencoder.reconstruct(photo.pixels(), suspect.load())
            ),
        )
        for suspect in asked.suspects
        for photo in photos
    ]


def drawings(asked: Asked, count: int) -> list[Sample]:
    """What the bundled generators draw, `count` pictures each; by nobody who is asked, in other line-ups."""
    found, names = [], {suspect.name for suspect in asked.suspects}
    for row in registry.GENERATORS.values():
        if not (row.bundled and row.present):
            continue
        prompts = row.prompts()
        for index in range(count):
            prompt = prompts[index * len(prompts) // count]
            makers = (row.family,) if row.family in names else ()
            kind = "drawings" if makers else "by minis, not asked"
            make = functools.cache(lambda name=row.id, prompt=prompt, index=index: _drawn(name, prompt, index))
            found.append(Sample(f"{row.id} {prompt} {SEED + index}", kind, makers, make))
    return found


def _drawn(name: str, prompt: str, index: int) -> np.ndarray:
    from tracer.models import generators

    (picture,) = generators.generate(name, prompt, [SEED + index])
    return picture


def collected(asked: Asked, folder: Path) -> list[Sample]:
    """Pictures by real models, photographs and art, as they were found; those of models not asked have no maker."""
    found = []
    for each in real.pictures(folder):
        if each.split != "report":
            continue
        makers = asked.makers(each.family) if each.generated else ()
        lossless = each.untouched == "yes" and each.path.suffix == ".png"
        found.append(
            Sample(
                name=f"{each.path.parent.parent.name}/{each.path.parent.name}/{each.path.name}",
                kind=f"by {each.family}" + ("" if makers else ", not asked") if each.generated else each.family,
                makers=makers,
                pixels=each.pixels,
                file=each.path,
                source=each.source,
                format="untouched" if lossless else each.path.suffix[1:].upper(),
            )
        )
    return found


def lattices(bench: Bench, count: int) -> list[Sample]:
    """Pictures with a lattice of their own, `count` of every kind, each kind from other photographs."""
    photos = photographs(bench, count * len(LATTICES), 256)
    found = []
    for first, (kind, make) in enumerate(LATTICES.items()):
        for index in range(count):
            photo = photos[(first * count + index) % len(photos)]
            pixels = lambda photo=photo, make=make: make(photo.pixels())  # noqa: E731 - bound at once
            found.append(Sample(f"{kind} of {photo.name}", f"lattice: {kind}", (), pixels))
    return found


def _read(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file).convert("RGB"))


def shown(bench: Bench, asked: Asked) -> list[tuple[Sample, str]]:
    """Every picture that a line-up is shown, with each change: all as they are, a fifth of most kinds changed."""
    few = max(bench.count // 5, 1)
    photos = photographs(bench, bench.count, asked.native)
    found: list[tuple[Sample, str]] = []

    def add(some: Sequence[Sample], changes: Sequence[str], changed: int) -> None:
        chosen = {each.name for each in thin(some, changed)}
        changes = [change for change in changes if change in QUICK or not bench.quick]
        found.extend((each, change) for each in some for change in changes if change == AS_IT_IS or each.name in chosen)

    # What surrogates draw is of no interest: they stand for the real models' decoders.
    speaking = bench.data is not None and any(asked.speaks_for.values())
    if bench.data:
        every = thin(collected(asked, bench.data), 12 if bench.quick else 3 * bench.count)
        add(every, FOR_COLLECTED if speaking else (AS_IT_IS,), bench.count)
        add(photographs(bench, bench.count), (AS_IT_IS,), 0)
    for suspect in () if speaking and asked.surrogates else asked.suspects:
        own = [each for each in reconstructions(asked, photos) if each.makers == (suspect.name,)]
        if asked.name == "minis":
            add(own, tuple(CHANGES), few)
        else:
            add(own, FOR_PUBLISHED, bench.count)
    drawn = drawings(asked, max(bench.count // 10, 1))
    add(drawn, tuple(CHANGES) if drawn and drawn[0].makers else (AS_IT_IS,), few)
    add(photos, FOR_COLLECTED if speaking else tuple(CHANGES), few)
    add(lattices(bench, max(bench.count // 10, 1)), (AS_IT_IS,), 0)
    for kind, pixels in bench.drawings().items():
        chosen = thin(pixels, bench.count)
        made = [Sample(f"{kind} {n}", kind + ", by no model", (), lambda x=x: x) for n, x in enumerate(chosen)]
        add(made, (AS_IT_IS,), 0)
    return found
