"""The command that asks every kind of evidence."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tracer.cli.console import Images, Json, complain, readable_errors
from tracer.image import intake


def verdict(
    images: Images,
    lineup_name: Annotated[str, typer.Option("--lineup", help="minis, tiny or full")] = "minis",
    draw: Annotated[bool, typer.Option("--draw", help="ask the generators too: about a second per drawing")] = False,
    as_json: Json = False,
) -> None:
    """Ask every kind of evidence, the cheap ones first, and give one joint answer."""
    from tracer import api as verdicts

    documents, refused = [], False
    with readable_errors():
        for path in images:
            try:
                documents.append(verdicts.verdict(path, lineup=lineup_name, draw=draw).document())
            except intake.IntakeError as error:  # one bad file must not lose the answers about the others
                complain(f"{path}: {error}")
                refused = True
                continue
            if not as_json:
                _report_joint(documents[-1])
    if as_json and documents:
        print(json.dumps(documents if len(images) > 1 else documents[0], indent=2))
    if refused:
        raise typer.Exit(2)


def _report_joint(document: dict) -> None:
    print(f"{document['image']['file']}: {document['verdict']['sentence']}\n  {document['support']}")
    for row in document["matrix"]:
        said = (f"{kind} {' '.join(filter(None, cell.values()))}" for kind, cell in row["cells"].items())
        print(f"  {row['candidate']:<20} {'; '.join(said)}")
    for kind, reason in document["unavailable"].items():
        print(f"  {kind} is not available: {reason}")
