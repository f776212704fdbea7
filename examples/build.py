"""Make the page's examples and their stored results: `python -m examples.build [--weights FOLDER] [NAME ...]`.

Needed again whenever the bundled weights or their thresholds change. Pictures come from scikit-image; see README.md.
FOLDER has the tiny autoencoders in diffusers layout, two of which draw an example; without it, those pictures stay.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tracer import api
from tracer.evidence.absence import WORTHLESS
from tracer.evidence.artifacts import detection
from tracer.evidence.inversion import playback as descent
from tracer.evidence.regeneration import ranking
from tracer.image import intake
from tracer.models import autoencoder, checkpoint, generators, registry
from tracer.models.progress import Progress
from tracer.reports import robustness
from tracer.ui import artifact_views, degraded, drawing, playback, record, stored
from tracer.ui.record import EXAMPLES, STORED, Run
from tracer.verdict import combine, wording

SHOWN = ("red apple", "fox", "rocket", "birthday cake", "penguin", "guitar", "cactus", "clown face")  # in `minis.png`


QUALITY = 60  # of the stored steps of a descent, which are looked at and not measured


@dataclass(frozen=True)
class Recipe:
    """How an example is made: a crop of a picture, and what happens to it; or what a mini is asked to draw.

    Attributes:
        name: short name, also in the page's address (`?example=NAME`).
        title, lesson: what its card says.
        picture: name of the picture in skimage.data, or "".
        crop: top, left, side in pixels.
        through: the family it is sent through, or "".
        decoder: the tiny autoencoder that draws it instead of that family's own, or "".
        quality: JPEG quality, or 0 for PNG.
        drawn: generator, prompt and seed of a picture that a mini drew, or ().
        cut: rows and columns taken off above and on the left after that.
        fused: whether inversion is asked before the models draw, so that only those with its family do.
        lost: whether so much of it is lost that there must be no answer.
    """

    name: str
    title: str
    lesson: str
    picture: str = ""
    crop: tuple[int, int, int] = (0, 0, 0)
    through: str = ""
    decoder: str = ""
    quality: int = 0
    drawn: tuple[str, str, int] | tuple[()] = ()
    cut: tuple[int, int] = (0, 0)
    fused: bool = False
    lost: bool = False

    @property
    def file(self) -> str:
        """The image's file name."""
        return f"{self.name}.{'jpg' if self.quality else 'png'}"

    @property
    def maker(self) -> str:
        """The family whose decoder made it, or ""."""
        return registry.generator(self.drawn[0]).family if self.drawn else self.through

    @property
    def lineup(self) -> str:
        """Who is asked about it: everybody whom its maker stands beside."""
        return registry.family(self.maker).lineup if self.maker else "minis"


RECIPES = (
    Recipe(
        name="fox-by-mini-kl-noto",
        title="A fox, drawn by mini-kl-noto",
        lesson="Two models share its autoencoder: what they draw tells them apart.",
        drawn=("mini-kl-noto", "fox", 3),
    ),
    Recipe(
        name="fox-by-mini-kl-fluent",
        title="A fox, drawn by mini-kl-fluent",
        lesson="The other of the two: same decoder, other style.",
        drawn=("mini-kl-fluent", "fox", 1),
        fused=True,
    ),
    Recipe(
        name="penguin-by-mini-kl16-twemoji",
        title="A penguin, drawn by mini-kl16-twemoji",
        lesson="Another decoder, another answer.",
        drawn=("mini-kl16-twemoji", "penguin", 1),
    ),
    Recipe(
        name="strawberry-by-mini-movq-emojione",
        title="A strawberry, drawn by mini-movq-emojione",
        lesson="A quantising family leaves its own traces.",
        drawn=("mini-movq-emojione", "strawberry", 2),
    ),
    Recipe(
        name="koala-by-mini-dc-flat",
        title="A koala, drawn by mini-dc-flat",
        lesson="Each latent cell covers 16 pixels, not 8.",
        drawn=("mini-dc-flat", "koala", 0),
    ),
    Recipe(
        name="photograph",
        title="A plain photograph",
        lesson="No decoder drew it. But it was resized once, which would have hidden one.",
        picture="astronaut",
        crop=(0, 96, 256),
    ),
    Recipe(
        name="coffee-through-mini-kl",
        title="A photograph sent through mini-kl",
        lesson="Not invented, yet marked by the decoder.",
        picture="coffee",
        crop=(90, 200, 256),
        through="mini-kl",
    ),
    Recipe(
        name="coffee-through-taef1",
        title="A photograph sent through a stand-in for FLUX.1's decoder",
        lesson="What a match with a real model looks like. FLUX.1 itself drew nothing here.",
        picture="coffee",
        crop=(8, 150, 384),
        through="surrogate-flux1",
        decoder="taef1",
    ),
    Recipe(
        name="coffee-through-taesdxl",
        title="The same photograph through one for SDXL's decoder",
        lesson="The same scene, another decoder: pixels too small to see tell them apart.",
        picture="coffee",
        crop=(8, 150, 384),
        through="surrogate-sdxl",
        decoder="taesdxl",
    ),
    Recipe(
        name="cat-cropped-off-the-grid",
        title="A photograph through mini-kl, cropped",
        lesson="An odd offset moves the latent grid; it is searched for, and found.",
        picture="chelsea",
        crop=(20, 110, 208),
        through="mini-kl",
        cut=(5, 3),
    ),
    Recipe(
        name="rocket-crushed-by-jpeg",
        title="A drawing, crushed by JPEG",
        lesson="Too much is lost, and the page says so instead of guessing.",
        drawn=("mini-kl-fluent", "rocket", 5),
        quality=20,
        lost=True,
    ),
)


def make(recipe: Recipe, weights: Path | None) -> None:
    """Write the image of a recipe."""
    from skimage import data

    if recipe.decoder and weights is None:
        return
    if recipe.drawn:
        generator, prompt, seed = recipe.drawn
        pixels = next(generators.generate(generator, prompt, [seed]))
    else:
        top, left, side = recipe.crop
        pixels = np.ascontiguousarray(getattr(data, recipe.picture)()[top : top + side, left : left + side])
    if recipe.decoder:
        pixels = autoencoder.reconstruct(pixels, checkpoint.from_folder(weights / recipe.decoder, recipe.decoder))
    elif recipe.through:
        pixels = api.reconstruct(recipe.through, intake.from_array(pixels, recipe.name))
    top, left = recipe.cut
    pixels = np.ascontiguousarray(pixels[top:, left:])
    options = {"quality": recipe.quality} if recipe.quality else {"optimize": True}
    Image.fromarray(pixels).save(EXAMPLES / recipe.file, **options)


def inspect(recipe: Recipe) -> Run:
    """Trace the image as the page would, and look closely at every family."""
    picture = intake.read(EXAMPLES / recipe.file)
    asked = [row.id for row in registry.families(recipe.lineup)]
    run = Run.of(picture, "grid", asked, f"Example: {recipe.title}")
    for event in api.trace_stream(picture, lineup=recipe.lineup):
        run.take(event)
    for name in run.families:
        run.come_closer(picture, name)
    return run


def look(recipe: Recipe) -> artifact_views.Board:
    """What the detector sees in the image, and where."""
    picture = intake.read(EXAMPLES / recipe.file)
    board = artifact_views.begun(picture, detection.TRIES)
    for event in (*api.artifacts_stream(picture), *api.artifacts_map(picture)):
        board.take(event)
    return board


def redraw(recipe: Recipe) -> drawing.Board:
    """What every generator draws of it."""
    models = [row.id for row in registry.GENERATORS.values() if row.bundled]
    board = drawing.Board(recipe.title, models, ranking.CANDIDATES, recipe.fused)
    for event in api.regenerate_stream(EXAMPLES / recipe.file, fused=recipe.fused):
        board = drawing.taken(board, event)
    return board


def degrade(recipe: Recipe, families: list[str]) -> degraded.Tried:
    """What is said about it at every strength of every change."""
    picture = intake.read(EXAMPLES / recipe.file)
    points = {change: tuple(robustness.curve(picture, change, families)) for change in robustness.CHANGES}
    return degraded.Tried(picture.sha256, tuple(families), points)


def film(recipe: Recipe) -> playback.Reel:
    """LatentTracer's descent, as small illustrations."""
    reel, picture = playback.Reel(recipe.maker), intake.read(EXAMPLES / recipe.file)
    descent.film(picture, recipe.maker, Progress(emit=lambda step: reel.take(step, QUALITY)))
    return reel


def minis_sheet() -> None:
    """What the five generators draw for the same prompts, one row each, for the README."""
    rows = [
        np.concatenate([next(generators.generate(name, prompt, [0])) for prompt in SHOWN], axis=1)
        for name in (row.id for row in registry.GENERATORS.values() if row.bundled)
    ]
    picture = Image.fromarray(np.concatenate(rows)).quantize(256, dither=Image.Dither.NONE)
    picture.save(EXAMPLES / "minis.png", optimize=True)


def answer(recipe: Recipe, weights: Path | None) -> str:
    """Make and store everything about one example; return the sentence, marked where it does not teach its lesson."""
    make(recipe, weights)
    folder = STORED / recipe.name
    run = inspect(recipe)
    record.save(run, folder)
    looked, drawn = look(recipe), redraw(recipe)
    stored.save_marks(looked, folder)
    stored.save_drawn(drawn, folder)
    if recipe.lineup == "minis":  # at every strength of every change, the larger decoders would take hours
        degraded.save(degrade(recipe, run.families), folder)
    if recipe is RECIPES[0]:  # what the page opens with
        playback.save(film(recipe), recipe.name)
    found = combine.join(run.trace, looked.answer, drawn.answer).verdict
    alone = run.trace.verdict
    if recipe.lost:
        good = found.kind == alone.kind == "insufficient"
    elif alone.reason in WORTHLESS:  # its past shows, so that nothing was found means nothing
        good = not recipe.maker and found.kind == "insufficient"
    else:
        good = alone.families == ((recipe.maker,) if recipe.maker else ()) and found.kind in ("family", "none")
    return f"{'ok ' if good else 'NOT'} {recipe.file}: {wording.sentence(found)}"


def main() -> int:
    """Make everything anew, or the examples that are named; 1 where one does not teach its lesson."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="examples; all of them where none is named")
    parser.add_argument("--weights", type=Path, help="a folder of tiny autoencoders in diffusers layout")
    arguments = parser.parse_args()
    names = arguments.names
    unknown = set(names) - {recipe.name for recipe in RECIPES}
    if unknown:
        print(f"no example called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    if not names:
        minis_sheet()
        if STORED.exists():
            shutil.rmtree(STORED)
    wrong = 0
    for recipe in RECIPES:
        if recipe.name in names or not names:
            line = answer(recipe, arguments.weights)
            print(line, flush=True)
            wrong += not line.startswith("ok")
    rows = [{"name": r.name, "title": r.title, "lesson": r.lesson, "file": r.file} for r in RECIPES]
    (STORED / "index.json").write_text(json.dumps(rows, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
