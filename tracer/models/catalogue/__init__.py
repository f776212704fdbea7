"""The registry's rows as data: one TOML file per line-up, and one for the models that read pictures.

A file has tables such as `[family.sdxl]` or `[generator.sd15]`, which say what differs from the defaults of the
dataclasses in `registry`. A table may name a `[shape.kl]` of its file, whose values it takes over, and has either a
`source` on the Hub or a `folder` of the package's assets.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from tracer import assets

FOLDER = Path(__file__).parent

Row = TypeVar("Row")


def read(name: str, folder: Path = FOLDER) -> dict[str, list[dict[str, Any]]]:
    """The rows of one file by what they are, such as "family", in the file's order.

    Args:
        name: of the file, without its ending.
        folder: where the file is.

    Raises:
        ValueError: a row names a shape that is not in the file, or the file is no TOML.
    """
    raw = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    shapes = raw.pop("shape", {})
    return {what: [_row(key, row, shapes) for key, row in table.items()] for what, table in raw.items()}


def _row(key: str, row: dict[str, Any], shapes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    shape = row.pop("shape", None)
    if shape is not None and shape not in shapes:
        raise ValueError(f"the catalogue's row {key}: there is no shape {shape!r}")
    row = {"id": key, **shapes.get(shape, {}), **row}
    if "folder" in row:
        row["source"] = assets.FOLDER / row.pop("folder")
    return row


def validated(kind: type[Row], rows: list[dict[str, Any]]) -> dict[str, Row]:
    """Rows as dataclasses, by id.

    Args:
        kind: the dataclass, whose pydantic configuration says what to do with unknown fields.
        rows: its fields.

    Raises:
        ValueError: a field is unknown, missing or of another type, or an id is used twice; the message names the row.
    """
    adapter, found = TypeAdapter(kind), {}
    for row in rows:
        if row["id"] in found:
            raise ValueError(f"the catalogue's row {row['id']}: the id is used twice")
        try:
            found[row["id"]] = adapter.validate_python(row)
        except ValidationError as error:
            raise ValueError(f"the catalogue's row {row['id']}: {error}") from error
    return found
