"""The commands that trace images: a few, or a folder of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tracer import api
from tracer.cli.console import Images, Json, Lineup, Mode, answer_each, complain, grouped, readable_errors, say
from tracer.evidence.verdict import Evidence, Trace
from tracer.verdict import wording


def trace(
    images: Images,
    lineup: Lineup = api.LINEUP,
    family: Annotated[list[str] | None, typer.Option(help="inspect only this family; may be repeated")] = None,
    autoencoder: Annotated[Path | None, typer.Option(help="inspect this folder in diffusers layout instead")] = None,
    mode: Mode = "grid",
    report: Annotated[Path | None, typer.Option(help="write a report on one image: .html or .json")] = None,
    as_json: Json = False,
) -> None:
    """Say which family's decoder can reproduce the image (latent inversion)."""
    absent: dict[str, str] = {}

    def ask(path: Path) -> Trace:
        found = _trace_one(path, lineup, family, autoencoder, mode)
        if report:
            _write_report(report, path, found, mode)
        new = {name: why for name, why in found.unavailable.items() if name not in absent}
        for reason, names in grouped(new).items():
            complain(f"not inspected: {names}: {reason}")
        absent.update(new)
        return found

    with readable_errors():
        if report:
            _check_report(report, images)
    answer_each(images, ask, _tell, as_json)
    if absent:
        raise typer.Exit(3)


def _check_report(report: Path, images: list[Path]) -> None:
    from tracer.reports import report as reports

    reports.check(report)
    if len(images) > 1:
        raise ValueError("--report takes one image; python -m tracer batch makes a table of many")


def _write_report(report: Path, image: Path, trace: Trace, mode: str) -> None:
    from tracer.reports import report as reports

    reports.write(report, image, trace, mode)


def _trace_one(path: Path, lineup: str, family: list[str] | None, autoencoder: Path | None, mode: str) -> Trace:
    for event in api.trace_stream(path, lineup=lineup, families=family, autoencoder=autoencoder, mode=mode):
        if isinstance(event, api.Loading):
            say(f"{event.family}: {wording.loading(event)}")
        elif isinstance(event, api.Looked):
            first = max(event.standings, key=lambda name: event.standings[name].score)
            say(f"window {event.windows}: {first} leads with {event.standings[first].score:.2f}")
        elif isinstance(event, api.Searched):
            say(f"{event.family}: looking for the grid of a crop")
        elif isinstance(event, api.Stepped):
            say(f"{event.family}: step {event.step.index} of {event.step.of}, loss {event.step.best:.3g}")
    say("")
    return event


def _tell(trace: Trace) -> None:
    print(f"{trace.image.file}: {wording.sentence(trace.verdict)}")
    for note in trace.image.notes:
        print(f"  note: {note}")
    if trace.verdict.members:
        print(f"  models with that autoencoder: {', '.join(trace.verdict.members)}")
    for row in sorted(trace.evidence, key=lambda row: row.sort_key):
        print(f"  {_row(row)}")


def _row(row: Evidence) -> str:
    """A family's evidence in one line."""
    answer = "stopped" if row.stopped else {True: "fits", False: "does not fit", None: "open"}[row.belongs]
    chance = "-" if row.p_value is None else format(row.p_value, ".3f")
    shown = f"{row.family:<12} {answer:<13} score {row.score:<9.4g} threshold {row.threshold:<9.4g} p {chance}"
    work = f"{row.steps} {'windows' if row.mode == 'grid' else 'steps'}, {row.seconds:.2f} s"
    parts = [shown, f"contrast {row.contrast:+.3f} ± {row.error:.3f}", work]
    if any(row.offset):
        parts.append("cropped off its grid by {} x {} px".format(*row.offset))
    if row.resized_from:
        parts.append("as drawn at {1} x {0} px".format(*row.resized_from))
    return "  ".join(parts)


def batch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="a folder of images, searched to its depths")],
    out: Annotated[Path, typer.Option(help="the .csv, .json or .jsonl to write; what is in it is not done again")],
    lineup: Lineup = api.LINEUP,
    family: Annotated[list[str] | None, typer.Option(help="inspect only this family; may be repeated")] = None,
    mode: Mode = "grid",
    engine: Annotated[str, typer.Option(help="local, or ray (pip install -r requirements-batch.txt)")] = "local",
    workers: Annotated[int, typer.Option(help="processes of the engine ray", min=1)] = 2,
    as_json: Json = False,
) -> None:
    """Trace every image of a folder into a table; a bad file becomes a row with its error."""
    with readable_errors():
        from tracer.reports import batch as many
        from tracer.reports.table import Table

        if engine not in ("local", "ray"):
            raise ValueError(f"no engine called {engine!r}; there are: local, ray")
        options = many.Options(lineup, tuple(family or ()), mode)
        files = many.found(folder)
        table = Table(out, options.columns())
        work = None
        if engine == "ray":
            from tracer.reports import batch_ray

            work = batch_ray.engine(workers)
        new = errors = 0
        try:
            with table:
                for row in many.rows(files, options, table.known, work):
                    table.add(row)
                    new, errors = new + 1, errors + bool(row["error"])
                    say(f"{new} of at most {len(files)}: {row['file']}")
        finally:
            say("")
        told = {"file": str(out), "images": len(files), "new": new, "errors": errors, "kept": len(table.known)}
        print(json.dumps(told) if as_json else f"{out}: {new} new rows, {errors} of them errors, {told['kept']} kept")
