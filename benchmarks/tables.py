"""The tables of the sections on inversion as Markdown, and the one that opens the page of results."""

from __future__ import annotations

from benchmarks import speed
from benchmarks.core import rate, said, table

AS_IT_IS = "as it is"


def _share(figure: dict) -> str:
    return f"{figure['rate']:.1%} of {figure['of']}" if figure["of"] else "-"


def _bounded(figure: dict) -> str:
    return said(figure) if figure["of"] else "-"


def _kinds(found: list[dict], head: list[str]) -> list[str]:
    """Own pictures by group: right with its interval, then the other answers."""
    rows = [
        [
            *each["of"],
            _bounded(each["right"]),
            *(_share(each[kind]) for kind in ("open", "none")),
            _bounded(each["wrong"]),
        ]
        for each in found
    ]
    return table([*head, "right", "undecided or too little evidence", "none of them", "wrong family"], rows)


def grid(results: dict) -> list[str]:
    """The section `grid`."""
    lines = []
    for lineup, found in results.items():
        asked, every = found.get("answers", (0, 0))
        left = (
            "" if asked == every else f" {every - asked} of {every} answers are left out: there was no time for them."
        )
        lines += ["", f"### Line-up {lineup}", ""]
        lines += [f"Pictures that one of the families made, by what was done to them.{left}"]
        lines += _kinds(found["all own, by change"], ["change"])
        lines += ["", "As they are, by family:", *_kinds(found["families"], ["family"])]
        lines += ["", "By how they were made:", *_kinds(found["own"], ["pictures", "change"])]
        if found["collected"]:
            lines += ["", "Real models' pictures, by source and the format that they were found in:"]
            lines += _kinds(found["collected"], ["pictures", "source", "format", "change"])
        lines += ["", "Pictures that none of them made:"]
        named = [
            [*each["of"], _bounded(each["wrong"]), _share(each["open"]), _share(each["none"])]
            for each in [*_everything(found), *found["negatives"]]
        ]
        lines += table(["pictures", "change", "named", "undecided or too little evidence", "none of them"], named)
        lines += _windows(found["windows"])
        lines += _misnamed(found["misnamed"])
        seconds = found["seconds"]
        lines += [
            "",
            f"Median time of a picture as it is: {seconds['own']:.2f} s where a family made it, "
            f"{seconds['negatives']:.2f} s where none did, search included.",
        ]
    return lines


def _everything(found: dict) -> list[dict]:
    return [{**each, "of": ["all of these", *each["of"]]} for each in found["all negatives, by change"]]


def _windows(found: dict) -> list[str]:
    """Right answers by the number of windows that may be inspected."""
    curves = {kind: curve for kind, curve in found.items() if len(curve.get("named", ())) > 1}
    if not curves:
        return []
    counts = max((list(curve["named"]) for curve in curves.values()), key=len)
    shown = [count for count in counts if int(count) in (1, 2, 3, 4, 6, 9, 12, 16, 25)]
    rows = [
        [kind, f"{curve['windows at hand']:g}"] + [_cell(curve, count) for count in shown]
        for kind, curve in curves.items()
    ]
    text = (
        "Named rightly within so many windows, of untouched pictures; in brackets of those alone that hold as many. "
        "Crops hold few windows, a whole picture of 1024 px has sixteen and more:"
    )
    return ["", text, *table(["pictures", "windows at hand, median", *shown], rows)]


def _cell(curve: dict, count: str) -> str:
    if count not in curve["named"]:
        return "-"
    enough = curve["where there are as many"][count]
    return f"{curve['named'][count]['rate']:.0%} ({enough['rate']:.0%} of {enough['of']})"


def _misnamed(rows: list[dict]) -> list[str]:
    """Every wrong name, so that a reader can look at the pictures."""
    if not rows:
        return []
    listed = [[each["name"], each["kind"], each["change"], ", ".join(each["families"])] for each in rows]
    return ["", "Every picture with a wrong name:", *table(["picture", "kind", "change", "named"], listed)]


def methods(results: dict) -> list[str]:
    """The section `methods`."""
    lines = [
        "",
        "Each family's threshold is what one in a hundred of the pictures exceeds that the family did not make; the "
        "shares are of its own pictures beyond it. The descent is slow and sees a part of the pictures, so the other "
        "methods are repeated on that part. Of large pictures the middle 256 px are shown.",
    ]
    for lineup, changes in results.items():
        families = list(
            dict.fromkeys(name for found in changes.values() for row in found.values() for name in row["families"])
        )
        rows = [
            [change, method, row["pictures"], _bounded(row["all"])]
            + [_share(row["families"][name]["found"]) if name in row["families"] else "-" for name in families]
            + [f"{row['median_seconds']:.2f}"]
            for change, found in changes.items()
            for method, row in found.items()
        ]
        head = ["change", "method", "pictures", "own found, all families", *families, "median seconds"]
        lines += ["", f"### Line-up {lineup}", *table(head, rows)]
    return lines


def localisation(results: dict) -> list[str]:
    """The section `localisation`."""
    lines = [
        "",
        "Photographs with a rectangle of half their height and width that went through the autoencoder. A window is "
        "flagged by its contrast alone; counted are windows that lie half or more inside the rectangle, or wholly "
        "outside. Overlap is intersection over union of flagged windows and rectangle, which whole windows bound.",
    ]
    for lineup, found in results.items():
        rows = [
            [name, each["composites"], _bounded(each["inside"]), _bounded(each["outside"]), f"{each['overlap']:.2f}"]
            for name, each in found.items()
        ]
        head = ["family, change", "composites", "windows inside flagged", "windows outside not flagged", "mean overlap"]
        lines += ["", f"### Line-up {lineup}", *table(head, rows)]
    return lines


def headline(sections: dict) -> list[str]:
    """One table of the figures that matter most, from all sections that were measured."""
    found = {name: section["results"] for name, section in sections.items()}
    rows = []
    for lineup, each in found.get("grid", {}).items():
        rows += [
            [f"line-up {lineup}: {kind}, {change}", _bounded(row["right"]), _bounded(row["wrong"])]
            for row in each["own"]
            for kind, change in [row["of"]]
            if change in (AS_IT_IS, "JPEG 90", "JPEG 75")
        ]
        rows += [
            [f"line-up {lineup}: {kind}, not made by any of them", "-", _bounded(figure)]
            for kind, figure in _grouped(each["negatives"]).items()
        ]
    lines = table(["", "right", "named wrongly"], rows) if rows else []
    rows = [
        [lineup, method, _bounded(row["all"])]
        for lineup, changes in found.get("methods", {}).items()
        for method, row in next(iter(changes.values()), {}).items()
    ]
    if rows:
        lines += table(["line-up", "method, at 1 % of negatives", "own pictures found"], rows)
    if "speed" in found:
        lines += speed.page(found["speed"])
    return lines


def _grouped(negatives: list[dict]) -> dict[str, dict]:
    """Negatives as they are, by what they are: photographs, lattices, other models' pictures, other categories."""
    counts: dict[str, list[int]] = {}
    for row in negatives:
        kind, change = row["of"]
        if change == AS_IT_IS:
            name = (
                "lattices" if kind.startswith("lattice") else kind if kind == "photographs" else "photographs and art"
            )
            name = "other models' pictures" if kind.endswith("not asked") else name
            both = counts.setdefault(name, [0, 0])
            both[0] += row["wrong"]["hits"]
            both[1] += row["wrong"]["of"]
    return {name: rate(*both) for name, both in counts.items()}
