"""Many images into rows: one per file, the same from every engine, in a file that a run can go on with."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracer import __version__, api
from tracer.evidence import store
from tracer.evidence.inversion.settings import MODES
from tracer.evidence.verdict import Trace
from tracer.image import intake
from tracer.models import registry as lineup
from tracer.models.errors import ModelUnavailable

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")
FORMATS = (".csv", ".json", ".jsonl")

_ABOUT = ("file", "sha256", "bytes", "width", "height", "verdict", "family", "sentence", "reason")
_HOW = ("seconds", "settings", "revisions", "not_inspected", "error")
_RISKY = ("=", "+", "-", "@", "\t", "\r", "'")  # a spreadsheet would run a cell that starts with one of these

Row = dict[str, Any]  # values are text, numbers or None


@dataclass(frozen=True)
class Options:
    """What every image of a batch is asked.

    Attributes:
        lineup: "minis", "tiny" or "full"; ignored where `families` are given.
        families: registry ids.
        mode: "fast", "paper" or "paper-random".
    """

    lineup: str = "minis"
    families: tuple[str, ...] = ()
    mode: str = "fast"

    def names(self) -> list[str]:
        """The families to inspect, by id. Raises KeyError for an unknown line-up, family or mode."""
        if self.mode not in MODES:
            raise KeyError(f"no mode called {self.mode!r}; there are: {', '.join(MODES)}")
        chosen = [lineup.family(name) for name in dict.fromkeys(self.families)] or lineup.families(self.lineup)
        return [row.id for row in chosen]

    def record(self) -> str:
        """Everything that the rows depend on: two rows with the same text and file hash say the same.

        The stored thresholds name the weights that they are for, so their digest stands for both.
        """
        digest = hashlib.sha256()
        for name in self.names():
            for path in sorted(store.FOLDER.glob(f"{name}.{self.mode}.*.json")):
                digest.update(path.read_bytes())
        settings = ", ".join(f"{key} {value}" for key, value in MODES[self.mode].record().items())
        return (
            f"tracer {__version__}, families {' '.join(self.names())}, thresholds {digest.hexdigest()[:12]}, {settings}"
        )

    def columns(self) -> list[str]:
        """The keys of every row, in order. Further kinds of evidence go between those of inversion and `_HOW`."""
        each = [f"{name}_{what}" for name in self.names() for what in ("score", "threshold", "p_value")]
        return [*_ABOUT, *each, *_HOW]


def found(folder: Path) -> list[tuple[str, Path]]:
    """The image files below a folder, as (path relative to it, path), sorted. Hidden ones are left out.

    Raises:
        ValueError: it is no folder, or there is no image file in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    inside = ((path.relative_to(folder), path) for path in sorted(folder.rglob("*")) if path.is_file())
    files = [
        (_named(name.as_posix()), path)
        for name, path in inside
        if path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in name.parts)
    ]
    if not files:
        raise ValueError(f"there is no image file in {folder}")
    return files


def row(name: str, source: Path | bytes, options: Options, stop: Callable[[], bool] = lambda: False) -> Row:
    """The row of one file. A file that cannot be used gives a row that says why.

    Args:
        name: what to call it.
        source: where it is, or its bytes.
        options: what it is asked.
        stop: as in `api.trace_stream`.

    Raises:
        KeyError, ModelUnavailable, ThresholdMismatch: what is wrong for every file.
    """
    begun, made = time.perf_counter(), dict.fromkeys(options.columns())
    made.update(file=name, settings=options.record())
    try:
        data = _contents(source)
        if len(data) <= intake.MAX_BYTES:
            made.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        asked = {"lineup": options.lineup, "families": list(options.families) or None, "mode": options.mode}
        trace = api.trace(intake.read(data, name), stop=stop, **asked)
        made.update(_answer(trace))
    except (ModelUnavailable, store.ThresholdMismatch):
        raise
    except OSError as error:
        made.update(verdict="error", error=f"cannot be read: {error.strerror or type(error).__name__}")
    except intake.IntakeError as error:
        made.update(verdict="error", error=str(error))
    except (MemoryError, RuntimeError) as error:  # torch's way to say that an image is too large for the machine
        made.update(verdict="error", error=f"could not be inspected: {type(error).__name__}")
    made["seconds"] = round(time.perf_counter() - begun, 3)
    return made


def rows(
    files: Iterable[tuple[str, Path | bytes]],
    options: Options,
    known: Iterable[Row] = (),
    engine: Callable[[Iterable[tuple[str, Path | bytes]], Options], Iterator[Row]] | None = None,
) -> Iterator[Row]:
    """The rows of many files, in their order, leaving out those that are known already; copies come last.

    Args:
        files: (name, path or bytes) each.
        options: what they are asked.
        known: rows of an earlier run. A file with the hash of one of them, made with the same options, is not inspected
            again, nor is one whose bytes came before in this run: under its own name it gets a copy of that row.
        engine: turns files and options into rows, in order; by default one after another in this process.
    """
    settings, known = options.record(), list(known)
    done = {each["sha256"]: each for each in known if each["settings"] == settings and each["sha256"]}
    listed = {(each["file"], each["sha256"]) for each in known if each["settings"] == settings}
    seen, copies = set(done), []

    def fresh() -> Iterator[tuple[str, Path | bytes]]:
        for name, source in files:
            digest = _digest(source)
            if digest not in seen:
                seen.update({digest} - {""})
                yield name, source
            elif (name, digest) not in listed:
                copies.append((name, digest))

    for made in (engine or _one_by_one)(fresh(), options):
        yield made
        done[made["sha256"]] = made
    for name, digest in copies:
        if digest in done:
            yield {**done[digest], "file": name}


def _one_by_one(files: Iterable[tuple[str, Path | bytes]], options: Options) -> Iterator[Row]:
    for name, source in files:
        yield row(name, source, options)


def _answer(trace: Trace) -> Row:
    verdict = trace.verdict
    made: Row = {
        "width": trace.image["width"],
        "height": trace.image["height"],
        "verdict": verdict.kind,
        "family": ", ".join(verdict.families) if verdict.kind == "family" else "",
        "sentence": verdict.sentence,
        "reason": verdict.sentence if verdict.kind in ("undecided", "insufficient") else "",
        "revisions": ", ".join(f"{each.family} {each.revision}" for each in trace.evidence),
        "not_inspected": "; ".join(f"{name}: {why}" for name, why in trace.unavailable.items()),
    }
    for each in trace.evidence:
        answer = {"score": each.score, "threshold": each.threshold, "p_value": each.p_value}
        made |= {f"{each.family}_{what}": value for what, value in answer.items()}
    return made


def _named(name: str) -> str:
    """A file name that every encoding takes."""
    return name.encode("utf-8", "replace").decode()


def _contents(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    with source.open("rb") as file:  # not more than is needed to see that it is too large
        return file.read(intake.MAX_BYTES + 1)


def _digest(source: Path | bytes) -> str:
    """The hash of a file; "" where it cannot be read or is too large to be."""
    try:
        data = _contents(source)
    except OSError:
        return ""
    return hashlib.sha256(data).hexdigest() if len(data) <= intake.MAX_BYTES else ""


class Table:
    """Rows in a CSV, JSON or JSON-lines file that can be cut off at any time and gone on with.

    A JSON file is an array with one row a line; until it is closed, only the closing bracket is missing.
    """

    def __init__(self, path: Path, columns: list[str]) -> None:
        """Read what is there and make it whole: a last line that was cut off is dropped.

        Raises:
            ValueError: another ending than `FORMATS`, or the file holds something else than such rows.
        """
        if path.suffix.lower() not in FORMATS:
            raise ValueError(f"--out must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
        if path.exists() and not path.is_file():  # a pipe would block, a device takes everything
            raise ValueError(f"{path} is not an ordinary file")
        self.path, self.columns, self._kind = path, columns, path.suffix.lower()
        text = path.read_text("utf-8", "replace") if path.exists() else ""
        self.known = self._read(text) if text.strip() else []
        self.known = [row for row in self.known if row["sha256"]]  # what could not be read is tried again
        self._written = 0

    def __enter__(self) -> Table:
        draft = self.path.with_name(self.path.name + ".part")
        with _naming(self.path):
            with draft.open("w", encoding="utf-8", newline="") as self._file:
                self._file.write({".csv": _csv_line(self.columns), ".json": "[\n", ".jsonl": ""}[self._kind])
                for each in self.known:
                    self.add(each)
            os.replace(draft, self.path)
            self._file = self.path.open("a", encoding="utf-8", newline="")
        return self

    def add(self, row: Row) -> None:
        """Write one row, at once."""
        if self._kind == ".csv":
            line = _csv_line([row.get(column) for column in self.columns])
        else:
            before, after = ("", "\n") if self._kind == ".jsonl" else (",\n" if self._written else "", "")
            line = f"{before}{json.dumps(row)}{after}"
        with _naming(self.path):
            self._file.write(line)
            self._file.flush()
        self._written += 1

    def __exit__(self, *_: object) -> None:
        with _naming(self.path):
            if self._kind == ".json":
                self._file.write("\n]\n")
            self._file.close()

    def _read(self, text: str) -> list[Row]:
        try:
            read = self._read_csv(text) if self._kind == ".csv" else self._read_json(text)
            if all({"file", "sha256", "settings"} <= set(each) for each in read):
                return read
        except (ValueError, csv.Error, TypeError, AttributeError):
            pass
        raise ValueError(f"{self.path} holds something else than the rows of such a batch; choose another file")

    def _read_csv(self, text: str) -> list[Row]:
        whole = text[: text.rfind("\n") + 1]  # no value holds a line break
        lines = list(csv.reader(io.StringIO(whole)))
        if lines and lines[0] != self.columns:
            raise ValueError("other columns")
        return [dict(zip(self.columns, map(_unguarded, line), strict=True)) for line in lines[1:]]

    def _read_json(self, text: str) -> list[Row]:
        lines = [line.strip().rstrip(",") for line in text.splitlines()]
        lines = [line for line in lines if line not in ("", "[", "]")]
        read = [json.loads(line) for line in lines[:-1]]
        try:
            read += [json.loads(line) for line in lines[-1:]]
        except ValueError:
            start = '{"file"'
            if lines[-1][: len(start)] != start[: len(lines[-1])]:
                raise
        return read


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors of writing, such as a full disk, name no file by themselves."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def as_csv(made: list[Row], columns: list[str]) -> str:
    """Rows as the text of a CSV file."""
    return "".join([_csv_line(columns), *(_csv_line([each.get(column) for column in columns]) for each in made)])


def _csv_line(values: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_guarded(value) for value in values])
    return line.getvalue()


def _guarded(value: Any) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    value = " ".join(value.splitlines())
    return f"'{value}" if value.startswith(_RISKY) else value


def _unguarded(value: str) -> str:
    return value[1:] if value[:1] == "'" and value[1:2] in _RISKY else value
