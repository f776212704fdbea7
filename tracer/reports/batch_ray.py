"""The rows of `batch` from a Ray Data pipeline: one process per worker, on this machine or on a cluster.

`RAY_ADDRESS` names a cluster; its machines need this package and the files under the same paths. Source:
https://docs.ray.io/en/latest/data/ (map with a pool of actors).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from tracer.models.errors import ModelUnavailable
from tracer.reports import batch

_ROOT = Path(__file__).parents[2]


class _Inspector:
    """Lives in a worker and keeps its models loaded from one image to the next."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = batch.Options(**options)

    def __call__(self, item: dict[str, str]) -> dict[str, str]:
        # As text, so that no table format has a say in the types of the values.
        try:
            made = batch.row(item["name"], Path(item["path"]), self._options)
        except (ModelUnavailable, KeyError, ValueError) as error:  # would come back wrapped in many lines
            return {"row": "", "problem": str(error.args[0])}
        return {"row": json.dumps(made), "problem": ""}


def engine(workers: int):
    """What `batch.rows` takes as its engine.

    Args:
        workers: processes, each of which loads the models.

    Raises:
        ModelUnavailable: ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError:
        raise ModelUnavailable("ray is not installed; run: pip install -r requirements-batch.txt") from None
    return partial(_rows, ray, workers)


def _rows(ray: Any, workers: int, files: Iterable[tuple[str, Path]], options: batch.Options) -> Iterator[batch.Row]:
    items = [{"name": name, "path": str(path.resolve())} for name, path in files]
    if not items:
        return
    begun = not ray.is_initialized()
    if begun:
        ray.init(**_where(workers))
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True  # the same rows in the same order as without Ray
        found = ray.data.from_items(items, override_num_blocks=min(len(items), 8 * workers)).map(
            _Inspector,
            fn_constructor_args=(asdict(options),),
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(items))),
            num_cpus=1,
        )
        for each in found.iter_rows():
            if each["problem"]:
                raise ModelUnavailable(each["problem"])
            yield json.loads(each["row"])
    finally:
        if begun:
            ray.shutdown()


def _where(workers: int) -> dict[str, Any]:
    """How to start or join Ray. Workers find this package where it is here, and use one thread each."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    quiet = {"runtime_env": {"env_vars": variables}, "log_to_driver": False, "logging_level": "ERROR"}
    if os.environ.get("RAY_ADDRESS"):
        return quiet
    return {**quiet, "num_cpus": workers, "include_dashboard": False}
