"""The command that lists every model, and whether it can be used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracer.cli.console import Json, complain, grouped
from tracer.models import registry

if TYPE_CHECKING:
    from tracer.reports.availability import Availability


def models(
    pin: Annotated[
        bool, typer.Option("--pin", help="resolve the newest commits and write them to the lock file")
    ] = False,
    as_json: Json = False,
) -> None:
    """List every family and generator, and whether it can be used here and now.

    The Hub is asked about those that are not here.
    """
    from tracer.reports import availability

    families, generators = list(registry.FAMILIES.values()), list(registry.GENERATORS.values())
    failed = _pinned([row for row in families if not row.bundled], as_json) if pin else False
    rows = [_family(row, found) for row, found in zip(families, availability.check(families), strict=True)]
    found_generators = availability.check_generators(generators)
    drawers = [_generator(row, found) for row, found in zip(generators, found_generators, strict=True)]
    if as_json:
        print(json.dumps(rows + drawers, indent=2))
    else:
        _print(rows, drawers)
    if failed:
        raise typer.Exit(3)


def _family(row: registry.Family, found: Availability) -> dict[str, Any]:
    from tracer.models import hub

    return {
        "family": row.id,
        "lineup": row.lineup,
        "status": found.status,
        "reason": found.reason,
        "megabytes": found.megabytes,
        "kind": row.kind,
        "members": list(row.members),
        "licence": row.licence,
        "source": row.source.name if row.bundled else row.source,
        "subfolder": row.subfolder,
        "revision": None if row.bundled else hub.revision(row.repository),
        "note": row.note,
    }


def _generator(row: registry.Generator, found: Availability) -> dict[str, Any]:
    from tracer.models import hub

    return {
        "generator": row.id,
        "family": row.family,
        "lineup": row.lineup,
        "status": found.status,
        "reason": found.reason,
        "megabytes": found.megabytes,
        "source": [each.source for each in row.repositories],
        "revision": [hub.revision(each) for each in row.repositories],
        "note": row.note,
        "style": row.style,
        "licence": row.licence,
        "data": row.data,
        "prompts": row.prompts(),
    }


def _print(families: list[dict[str, Any]], generators: list[dict[str, Any]]) -> None:
    for row in families:
        size = f"{row['megabytes']:>6.0f} MB" if row["megabytes"] else " " * 9
        members = ", ".join(row["members"])
        print(f"{row['family']:<11} {row['lineup']:<6} {row['status']:<12} {size}  {members}".rstrip())
        if row["reason"]:
            print(f"{'':<18} {row['reason']}")
    for row in generators:
        known = f"{len(row['prompts'])} prompts, " if row["prompts"] else ""
        print(f"{row['generator']:<18} {row['status']:<12} draws with {row['family']}: {known}{row['style']}")
        if row["reason"]:
            print(f"{'':<18} {row['reason']}")


def _pinned(rows: list[registry.Family], quiet: bool) -> bool:
    """Write the lock file; True where a row could not be resolved."""
    from tracer.models import hub

    parts = [row.repository for row in rows]
    parts += [part for row in registry.GENERATORS.values() for part in row.repositories]
    parts += [row.repository for row in registry.READERS.values()]
    outcome = hub.pin(parts)
    locked = hub.pins()
    failed = {name: found for name, found in outcome.items() if locked.get(name, {}).get("revision") != found}
    for reason, names in grouped(failed).items():
        complain(f"not pinned: {names}: {reason}")
    for name, found in outcome.items():
        if name not in failed and not quiet:
            print(f"{name:<11} {found}")
    return bool(failed)
