"""Which latent generative model, if any, made an image?

With --json, standard output carries one JSON document and nothing else; progress goes to standard error. Exit status:
0 answered, 2 bad input or usage, 3 a model is not available.
"""

from __future__ import annotations

import typer

from tracer.cli import artifacts, benchmark, calibrate, drawing, models, trace, verdict
from tracer.cli.console import UsageError, complain

app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_enable=False)
COMMANDS = (
    trace.trace,
    verdict.verdict,
    trace.batch,
    artifacts.artifacts,
    drawing.reconstruct,
    drawing.generate,
    drawing.regenerate,
    calibrate.calibrate,
    models.models,
    benchmark.benchmark,
)
for command in COMMANDS:
    app.command()(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status; a usage error is one line, like every other error."""
    command = typer.main.get_command(app)
    try:
        return command.main(arguments, prog_name="python -m tracer", standalone_mode=False) or 0
    except UsageError as error:
        complain(error.format_message())
    except typer.Abort:
        complain("stopped")
    return 2
