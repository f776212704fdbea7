"""The command that measures every published figure of ours; from a checkout only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tracer.cli.console import Json, readable_errors, say


def benchmark(
    photographs: Annotated[Path | None, typer.Option(help="folder of test photographs; else scikit-image's")] = None,
    out: Annotated[Path, typer.Option(help="folder for results; a run that was cut off goes on there")] = Path(
        "benchmark-results"
    ),
    drawings: Annotated[Path | None, typer.Option(help="folder of drawings that no model made")] = None,
    native: Annotated[
        Path | None,
        typer.Option(help="folder with folders of test photographs at native size, for artifacts"),
    ] = None,
    generated: Annotated[
        Path | None, typer.Option(help="folder of generators' pictures with their SOURCES.csv, for artifacts")
    ] = None,
    count: Annotated[int, typer.Option(help="photographs at most", min=2)] = 200,
    paper_count: Annotated[int, typer.Option(help="photographs in paper mode, which is slow", min=0)] = 6,
    quick: Annotated[bool, typer.Option("--quick", help="small counts, no paper mode: a few minutes")] = False,
    only: Annotated[list[str] | None, typer.Option(help="only this section; may be repeated")] = None,
    as_json: Json = False,
) -> None:
    """Measure how often the answer is right, on photographs that nothing was trained or calibrated on."""
    with readable_errors():
        try:
            from benchmarks import run as bench
        except ModuleNotFoundError as error:
            if error.name != "benchmarks":
                raise
            raise ValueError("the benchmark is not a part of the package: run it in a checkout's folder") from None
        folders = dict(drawn=drawings, native=native, made=generated)
        results = bench.run(photographs, out, count, paper_count, quick, only, say, **folders)
        say("")
        print(json.dumps(results, indent=2) if as_json else bench.markdown(results))
