"""Rows in a file that a run can go on with, and that a spreadsheet can open safely."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from tracer.reports.files import check_ordinary, naming

FORMATS = (".csv", ".json", ".jsonl")
_RISKY = ("=", "+", "-", "@", "\t", "\r", "'")  # a spreadsheet would run a cell that starts with one of these

Row = dict[str, str | int | float | None]


class Table:
    """Rows in a CSV, JSON or JSON-lines file that can be cut off at any time and gone on with.

    A JSON file is an array with one row a line; until it is closed, only the closing bracket is missing.
    """

    def __init__(self, path: Path, columns: list[str]) -> None:
        """Read what is there and make it whole: a last line that was cut off is dropped.

        Raises:
            ValueError: another ending than `FORMATS`, no ordinary file, or one that holds something else.
        """
        if path.suffix.lower() not in FORMATS:
            raise ValueError(f"--out must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
        self._draft = path.with_name(path.name + ".part")
        check_ordinary(path)
        check_ordinary(self._draft)
        if self._draft.is_symlink():  # somebody else's, and what it leads to would be lost
            raise ValueError(f"{self._draft} is not an ordinary file")
        self.path, self.columns, self._kind = path, columns, path.suffix.lower()
        text = path.read_text("utf-8", "replace") if path.exists() else ""
        self.known = self._read(text) if text.strip() else []
        self.known = [row for row in self.known if row["sha256"]]  # what could not be read is tried again
        self._written = 0

    def __enter__(self) -> Table:
        draft = self._draft
        with naming(self.path):
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
        with naming(self.path):
            self._file.write(line)
            self._file.flush()
        self._written += 1

    def __exit__(self, *_: object) -> None:
        with naming(self.path):
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
    return f"'{value}" if value.startswith(_RISKY) and not _is_number(value) else value


def _is_number(value: str) -> bool:
    """Rows that are read again hold their numbers as text; a negative one is no formula."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def _unguarded(value: str) -> str:
    return value[1:] if value[:1] == "'" and value[1:2] in _RISKY else value
