"""The command that measures every published figure of ours; from a checkout only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tracer.cli.console import Json, readable_errors, say


def benchmark(
    out: Annotated[Path, typer.Option(help="folder for results; a run that was cut off goes on there")] = Path(
        "benchmark-results"
    ),
    data: Annotated[
        Path | None,
        typer.Option(help="folder of pictures with photos/, generated/ and real/ inside; else scikit-image's alone"),
    ] = None,
    drawings: Annotated[Path | None, typer.Option(help="folder of drawings that no model made")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="folder of autoencoders in diffusers layout, to be taken instead of downloads")
    ] = None,
    lineup: Annotated[list[str] | None, typer.Option(help="only this line-up; may be repeated")] = None,
    count: Annotated[int, typer.Option(help="pictures of a kind at most", min=2)] = 100,
    quick: Annotated[bool, typer.Option("--quick", help="small counts: a few minutes")] = False,
    search: Annotated[bool, typer.Option(help="look for shifted grids and other sizes, which takes most time")] = True,
    only: Annotated[list[str] | None, typer.Option(help="only this section; may be repeated")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="show line-ups no more pictures after that; what was left out is counted")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how often the answer is right, on pictures that nothing was trained, calibrated or chosen with."""
    with readable_errors():
        try:
            from benchmarks import run as bench
        except ModuleNotFoundError as error:
            if error.name != "benchmarks":
                raise
            raise ValueError("the benchmark is not a part of the package: run it in a checkout's folder") from None
        results = bench.run(out, data, drawings, weights, lineup or (), count, quick, only or (), say, search, minutes)
        say("")
        print(json.dumps(results, indent=2) if as_json else bench.markdown(results))
