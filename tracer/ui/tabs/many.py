"""Many images at once: a table that fills, to sort and to take away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from tracer.models import registry
from tracer.reports import batch
from tracer.ui import hero, temporary, words
from tracer.ui.components import Wish, on_gpu
from tracer.ui.controls import run_controls
from tracer.ui.templates import caption, status

LIMIT = 50  # images at once
_KINDS = {
    "family": "match",
    "autoencoder": "AI marks",
    "none": "no sign",
    "undecided": "cannot decide",
    "insufficient": "cannot tell",
    "error": "error",
}
_AFTER = ("Marks", "The file says", "Not asked, or wrong", "Seconds")
_FAMILIES = [row.id for row in registry.families(registry.LINEUPS[0])]


def check(files: list[str] | None, families: list[str]) -> list[dict]:
    """Validate the inputs of a run; one answer per input. What is wrong with a single file is said in its row."""
    few = gr.validate(bool(files), "Choose some images first.")
    if files and len(files) > LIMIT:
        few = gr.validate(False, f"At most {LIMIT} images at once; python -m tracer batch takes any number.")
    return [few, gr.validate(bool(families), "Choose at least one family.")]


@dataclass(frozen=True)
class Panel:
    """What a run fills."""

    progress: gr.HTML
    table: gr.Dataframe
    as_csv: gr.DownloadButton
    as_json: gr.DownloadButton

    def live(self, made: list[batch.Row], families: list[str], told: str) -> dict[gr.components.Component, Any]:
        """What changes with every row."""
        return {self.progress: told, self.table: {"headers": _heads(families), "data": _cells(made, families)}}

    def files(self, folder: str, made: list[batch.Row], options: batch.Options) -> dict[gr.components.Component, Any]:
        """The rows in files, which have to last only until the page has copied them."""
        table, document = Path(folder) / "latent-lineup.csv", Path(folder) / "latent-lineup.json"
        table.write_text(batch.as_csv(made, options.columns()), encoding="utf-8")
        document.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        return {
            self.as_csv: gr.DownloadButton(value=str(table), interactive=True),
            self.as_json: gr.DownloadButton(value=str(document), interactive=True),
        }


def build(page: gr.Blocks) -> None:
    """Lay the tab out and wire it."""
    with gr.Column(elem_classes="tab"):
        gr.HTML(
            f"<p>Trace up to {LIMIT} images and take the table away. For more, and to go on after a break, there is "
            "<code>python -m tracer batch</code>, which makes the same rows.</p>"
        )
        files = gr.File(
            file_count="multiple", file_types=list(batch.SUFFIXES), label="Images", height=180, elem_id="files"
        )
        gr.HTML(caption(words.PRIVACY, "fine"))
        families = gr.CheckboxGroup(
            [(hero.title(name), name) for name in _FAMILIES],
            value=_FAMILIES,
            label="Decoders to ask",
            elem_id="many-families",
        )
        with gr.Row(elem_classes="buttons"):
            start = gr.Button("Trace all", variant="primary", min_width=120, elem_id="trace-all")
            stop = gr.Button("Stop", variant="stop", interactive=False, min_width=80, elem_id="stop-all")
        progress = gr.HTML(bar(0, 0), elem_id="many-progress")
        table = gr.Dataframe(
            headers=_heads(_FAMILIES),
            datatype=_types(_FAMILIES),
            label="Results, sorted by the menu ⋮ beside a column's name",
            interactive=False,
            column_widths=["200px", "100px", "320px", *("150px" for _ in _FAMILIES), "110px", "160px", "200px", "90px"],
            wrap=True,
            max_height=600,
            elem_id="many-table",
        )
        with gr.Row(elem_classes="buttons"):
            as_csv = gr.DownloadButton("Download CSV", interactive=False, min_width=140, elem_id="many-csv")
            as_json = gr.DownloadButton("Download JSON", interactive=False, min_width=140, elem_id="many-json")
    _wire([files, families], start, stop, Panel(progress, table, as_csv, as_json))


def bar(done: int, of: int, seconds: float = 0.0, end: str = "") -> str:
    """How far the table is, as a bar and in words.

    Args:
        done: rows that are there.
        of: rows that there will be.
        seconds: since the first image.
        end: what to say of a run that has ended; "" while it goes on.
    """
    if not of:
        return status("No images yet.")
    left = f", about {seconds / done * (of - done):.0f} s to go" if done else ""
    said = end or f"{done} of {of} images{left}"
    bar = Markup("<progress class='many' value='{}' max='{}' aria-label='Images traced'></progress>")
    return status(said) + bar.format(done, of)


def _wire(inputs: list[gr.components.Component], start: gr.Button, stop: gr.Button, panel: Panel) -> None:
    work = on_gpu(_inspected)

    def trace(files: list[str], families: list[str], wish: Wish) -> Iterator[dict]:
        options, made, begun = batch.Options(families=tuple(families)), [], time.monotonic()
        with temporary.directory() as folder:
            named = [(Path(path).name, Path(path)) for path in files]
            yield panel.live(made, families, bar(0, len(named)))
            for row in batch.rows(named, options, engine=lambda waiting, asked: work(list(waiting), asked, wish)):
                made.append(row)
                yield panel.live(made, families, bar(len(made), len(named), time.monotonic() - begun))
            seconds = time.monotonic() - begun
            whole = len(made) == len(set(named))
            ended = "Done" if whole else "Stopped"
            told = f"{ended}: {len(made)} of {len(named)} images in {seconds:.0f} s."
            shown = panel.live(made, families, bar(len(made), len(named), seconds, told))
            yield {**shown, **(panel.files(folder, made, options) if made else {})}

    waiting = status("Waiting for a place in the queue …")
    failed = status("That did not work. What there is stays; you can try again.")
    closed = gr.update(value=None, interactive=False)
    run_controls(
        start,
        stop,
        trace,
        inputs,
        list(vars(panel).values()),
        check=check,
        waiting={panel.progress: waiting, panel.as_csv: closed, panel.as_json: closed},
        failed={panel.progress: failed},
    )


def _inspected(files: list[tuple[str, Path]], options: batch.Options, stop: Wish) -> Iterator[batch.Row]:
    """An engine of `batch.rows` that can be stopped; the row that was being made is then left out."""
    for name, path in files:
        made = batch.row(name, path, options, stop)
        if stop():
            return
        yield made


def _heads(families: list[str]) -> list[str]:
    return ["File", "Answer", "In words", *(f"{hero.title(name)}: score" for name in families), *_AFTER]


def _types(families: list[str]) -> list[str]:
    return ["str", "str", "str", *("number" for _ in families), "str", "str", "str", "number"]


def _cells(made: Iterable[batch.Row], families: list[str]) -> list[list[Any]]:
    """Rows for the table: text is shown as text, numbers to three digits."""

    def digits(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.3g}")

    cells = []
    for row in made:
        scores = [digits(row[f"{name}_score"]) for name in families]
        why = row["error"] or row["not_inspected"] or ""
        rest = [row["marks"] or "", row["claims"] or "", why, row["seconds"]]
        cells.append([row["file"], _KINDS[row["kind"] or row["verdict"]], row["answer"] or "", *scores, *rest])
    return cells
