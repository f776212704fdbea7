"""The commands that draw: reconstruct, generate, regenerate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tracer import api
from tracer.cli.console import Images, Json, answer_each, complain, readable_errors, say
from tracer.evidence.regeneration import ranking
from tracer.evidence.regeneration.decision import Regeneration
from tracer.models import prompt_filter, registry
from tracer.reports.files import check_ordinary, naming
from tracer.verdict import wording


def reconstruct(
    family: Annotated[str, typer.Argument(help="a family of the registry")],
    image: Annotated[Path, typer.Argument(help="an image file")],
    out: Annotated[Path, typer.Option(help="the PNG to write")],
    as_json: Json = False,
) -> None:
    """Send an image once through a family's autoencoder."""
    from PIL import Image

    with readable_errors():
        if out.suffix.lower() != ".png":
            raise ValueError("--out must end in .png: a lossy format would destroy the traces")
        check_ordinary(out)
        pixels = api.reconstruct(family, image)
        with naming(out):
            Image.fromarray(pixels).save(out)
        if as_json:
            print(json.dumps({"file": str(out), "family": family, "width": pixels.shape[1], "height": pixels.shape[0]}))


def generate(
    generator: Annotated[str, typer.Argument(help="a generator; python -m tracer models lists them")],
    prompt: Annotated[str, typer.Argument(help="what to draw: an emoji's name, such as 'red apple'")],
    out: Annotated[Path, typer.Option(help="folder for the PNG files")],
    count: Annotated[int, typer.Option("-n", "--count", help="number of images", min=1, max=64)] = 1,
    seed: Annotated[int, typer.Option(help="seed of the first image; the next ones count up", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Let a bundled generator draw. The same seed gives the same image."""
    from PIL import Image

    with readable_errors():
        from tracer.models import generators as generation

        seeds = range(seed, seed + count)
        drawn = generation.generate(generator, prompt, seeds)
        bundled = registry.generator(generator).bundled
        words = "-".join("".join(c if c.isalnum() else " " for c in prompt.lower()).split())[:60]
        unknown = generation.load(generator).unknown_words(prompt) if bundled else []
        if unknown:
            complain(
                f"{generator} never learned {', '.join(unknown)}; python -m tracer models --json lists its prompts"
            )
        out.mkdir(parents=True, exist_ok=True)
        files = []
        for number, pixels in zip(seeds, drawn, strict=True):
            path = out / f"{generator}-{words or 'prompt'}-{number}.png"
            check_ordinary(path)
            with naming(path):
                Image.fromarray(pixels).save(path)
            files.append({"file": str(path), "generator": generator, "prompt": prompt, "seed": number})
            if not as_json:
                print(path)
        if as_json:
            print(json.dumps(files, indent=2))


def regenerate(
    images: Images,
    caption: Annotated[str | None, typer.Option(help="what to draw; by default the captioner's words")] = None,
    generator: Annotated[list[str] | None, typer.Option(help="only this model; may be repeated")] = None,
    candidates: Annotated[int, typer.Option(help="drawings per model", min=1, max=ranking.MOST)] = (ranking.CANDIDATES),
    seed: Annotated[int, typer.Option(help="seed of every model's first drawing", min=0)] = ranking.SEED,
    fused: Annotated[bool, typer.Option("--fused", help="ask inversion first, and give a joint answer")] = False,
    encoder: Annotated[
        str | None, typer.Option(help="vit-b-32 or vit-l-14 from the Hub; by default as the models need it")
    ] = None,
    budget: Annotated[float, typer.Option(help="seconds that drawing for one image may take, by estimate", min=1)] = (
        3600
    ),
    as_json: Json = False,
) -> None:
    """Say which model draws what is most like the image (prompt regeneration)."""
    options = dict(caption=caption, generators=generator, candidates=candidates, seed=seed, fused=fused)
    options |= dict(encoder=encoder, budget=budget)
    with readable_errors():
        names = generator or [row.id for row in registry.GENERATORS.values() if row.bundled]
        prompt_filter.check(caption or "")
        needed = ranking.span(ranking.check_time(names, candidates, budget))
    answer_each(images, lambda path: _regenerate_one(path, options, needed), _tell, as_json)


def _regenerate_one(path: Path, options: dict, needed: str) -> Regeneration:
    drawn, told = 0, False
    for event in api.regenerate_stream(path, **options):
        if not told:  # what cannot be read, or not be drawn, has been refused by now
            print(f"{path.name}: drawing takes {needed} on this machine, by estimate", file=sys.stderr)
            told = True
        if isinstance(event, ranking.Drawn):
            drawn += 1
            say(f"{event.generator}: drawing {drawn}, similarity {event.similarity:.3f}")
        elif isinstance(event, api.Loading):
            say(f"{event.family}: {wording.loading(event)}")
        elif isinstance(event, api.Unavailable):
            complain(f"does not draw: {event.family}: {event.reason}")
    say("")
    return event


def _tell(found: Regeneration) -> None:
    print(f"{found.image.file}: {wording.sentence(found.verdict)}")
    for row in found.ranking:
        chance = "-" if row.p_value is None else format(row.p_value, ".3f")
        print(
            f"  {row.generator:<20} similarity {row.similarity:.3f} ± {row.spread:.3f}  "
            f"SSIM {row.structural:.3f}  p {chance}"
        )
    for name, count in (found.withheld or {}).items():
        print(f"  {name:<20} {count} withheld by its safety checker, not scored")
