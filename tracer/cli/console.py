"""What the commands share: arguments, errors in one line, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from tracer.evidence import store
from tracer.image import intake
from tracer.models import registry
from tracer.models.errors import ModelUnavailable
from tracer.verdict import wording

# Some releases of typer carry their own copy of click, so its base of usage errors is reached through typer.
UsageError = typer.BadParameter.__mro__[1]
Images = Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="image files", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Lineup = Annotated[
    str,
    typer.Option("--lineup", help=f"whom to ask: {', '.join(registry.LINEUPS)}; python -m tracer models lists them"),
]
Mode = Annotated[
    str,
    typer.Option(help="grid: the image against itself, on and off the grid; paper, paper-random: LatentTracer's loss"),
]

Answer = TypeVar("Answer", bound=wording.Result)


@contextmanager
def readable_errors():
    """Turn the errors that a user can act on into one line and an exit status."""
    try:
        yield
    except (intake.IntakeError, ValueError) as error:
        status = 3 if isinstance(error, store.ThresholdMismatch) else 2
        fail(str(error), status)
    except KeyError as error:
        fail(error.args[0], 2)
    except ModelUnavailable as error:
        fail(str(error), 3)
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror or error}", 2)


def complain(message: str) -> None:
    """A line on standard error."""
    print(f"tracer: {' '.join(message.split())}", file=sys.stderr)


def fail(message: str, status: int) -> None:
    """Complain, and end with an exit status."""
    complain(message)
    raise typer.Exit(status)


def say(line: str) -> None:
    """Progress: overwrites itself on a terminal, and stays out of files and pipes."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def answer_each(
    images: Sequence[Path], ask: Callable[[Path], Answer], tell: Callable[[Answer], None], as_json: bool
) -> None:
    """Ask about one image after another. One bad file does not lose the answers about the others.

    Args:
        images: files.
        ask: gives the answer about a file.
        tell: prints an answer in words, as soon as it is there.
        as_json: print documents at the end instead: one, or a list of them where several images were given.

    Raises:
        typer.Exit: with status 2 where a file was no image, and as `readable_errors`.
    """
    answers = []
    with readable_errors():
        for path in images:
            try:
                answers.append(ask(path))
            except intake.IntakeError as error:
                complain(f"{path}: {error}")
                continue
            if not as_json:
                tell(answers[-1])
    if as_json and answers:
        documents = [wording.document(each) for each in answers]
        print(json.dumps(documents if len(images) > 1 else documents[0], indent=2))
    if len(answers) < len(images):
        raise typer.Exit(2)


def grouped(reasons: dict[str, str]) -> dict[str, str]:
    """Names by reason, as running text: a Hub that is away would be named once per family."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return {reason: ", ".join(names) for reason, names in groups.items()}
