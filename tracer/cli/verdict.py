"""The command that asks every kind of evidence."""

from __future__ import annotations

from typing import Annotated

import typer

from tracer import api
from tracer.cli.console import Images, Json, Lineup, answer_each
from tracer.verdict import wording
from tracer.verdict.combine import Joint


def verdict(
    images: Images,
    lineup: Lineup = api.LINEUP,
    draw: Annotated[bool, typer.Option("--draw", help="ask the generators too: about a second per drawing")] = False,
    as_json: Json = False,
) -> None:
    """Ask every kind of evidence, the cheap ones first, and give one joint answer."""
    answer_each(images, lambda path: api.verdict(path, lineup=lineup, draw=draw), _tell, as_json)


def _tell(joint: Joint) -> None:
    print(f"{joint.image.file}: {wording.sentence(joint.verdict)}")
    print("  " + " ".join(filter(None, (wording.support(joint), wording.error_rates(joint)))))
    for row in joint.matrix:
        said = (f"{kind} {cell.says} {cell.number}".rstrip() for kind, cell in row.cells.items())
        print(f"  {row.candidate:<20} {'; '.join(said)}")
    for kind, reason in joint.unavailable.items():
        print(f"  {kind} is not available: {reason}")
