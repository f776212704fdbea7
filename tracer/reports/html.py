"""A report's HTML. Every value is escaped; there is no script, and the page may load nothing."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from PIL import Image

_ANSWERS = {True: "fits", False: "does not fit", None: "open"}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --line: #c9c9c9; --quiet: #525252; --ground: #f4f6f8; --accent: #3f4a5a;
  --paper: #ffffff; --ink: #161616; }
@media (prefers-color-scheme: dark) {
  :root { --line: #4a4a4a; --quiet: #c4c4c4; --ground: #20262e; --accent: #b9c6d8;
    --paper: #161616; --ink: #f2f2f2; }
}
html { background: var(--paper); }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 960px; margin: 0 auto; padding: 18px; }
h1 { font-size: 24px; line-height: 1.25; margin: 4px 0 8px; }
h2 { font-size: 18px; margin: 26px 0 8px; }
.verdict { background: var(--ground); border-left: 8px solid var(--accent); border-radius: 8px; padding: 12px 18px; }
.verdict p { margin: 0 0 4px; }
.quiet, figcaption, caption { color: var(--quiet); font-size: 13px; }
figure { margin: 0; flex: 1 1 240px; max-width: 400px; }
figure img { width: 100%; image-rendering: pixelated; border: 1px solid var(--line); border-radius: 6px; }
.figures { display: flex; flex-wrap: wrap; gap: 16px; }
.wide { overflow-x: auto; }
.wide table { min-width: 760px; }
.facts th { width: 30%; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 4px; }
th, td { text-align: left; vertical-align: top; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
@media print {
  body { max-width: none; }
  .wide table { min-width: 0; }
  tr, figure, .verdict { break-inside: avoid; }
}
"""


@dataclass(frozen=True)
class Figure:
    """A picture of a report: its title, one sentence for those who cannot see it, and uint8 RGB pixels."""

    title: str
    words: str
    pixels: np.ndarray

    def address(self) -> str:
        """The picture itself, as a data address."""
        file = io.BytesIO()
        Image.fromarray(self.pixels).save(file, "PNG")
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def page(told: dict[str, Any], pictures: list[Figure]) -> str:
    """The whole file, from `report.document` and its figures."""
    image, verdict = told["image"], told["verdict"]
    facts = {
        "File": image["file"],
        "SHA-256": image["sha256"],
        "Size": f"{image['width']} by {image['height']} pixels, {image['format']}",
        "JPEG quality": image.get("jpeg_quality"),
        "Changed for inspection": "; ".join(image.get("notes", ())),
    }
    members = (
        f"<p>Models with that autoencoder: {_safe(', '.join(verdict['members']))}</p>" if verdict["members"] else ""
    )
    shown = "".join(
        f"<figure><img src='{figure.address()}' alt='{_safe(figure.words)}'>"
        f"<figcaption><b>{_safe(figure.title)}.</b> {_safe(figure.words)}</figcaption></figure>"
        for figure in pictures
    )
    missing = "".join(
        f"<p>Not inspected: {_safe(name)}: {_safe(why)}</p>" for name, why in told.get("unavailable", {}).items()
    )
    look = told.get("quick_look")
    guess = f"<p>{_safe(look['sentence'])}</p><p class='quiet'>{_safe(look['caution'])}</p>" if look else ""
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Report on {_safe(image['file'])}</title>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{_STYLE}</style></head><body><main>"
        f"<p class='quiet'>{_safe(told['report']['by'])}, {_safe(told['report']['made'])}</p>"
        f"<section class='verdict'><p><b>{_safe(verdict['kind'])}</b></p><h1>{_safe(verdict['sentence'])}</h1>{members}"
        "<p class='quiet'>This names an autoencoder family, never a single model; a photograph that was sent through "
        "an autoencoder counts as made by it.</p></section>"
        f"<h2>The file</h2>{_pairs(facts)}<h2>What was looked at</h2><div class='figures'>{shown}</div>"
        f"<h2>Evidence</h2>{_evidence(told['evidence'])}{missing}{guess}"
        f"<h2>What the thresholds rest on</h2>{_thresholds(told['thresholds'])}"
        f"<h2>The file's own claims, which anyone can forge</h2>{claims_table(told['claims'])}"
        f"<h2>Settings</h2>{_pairs(told['settings'])}<h2>Versions</h2>{_pairs(told['versions'])}"
        "</main></body></html>"
    )


def claims_table(found: dict[str, Any]) -> str:
    """A file's claims (`provenance.Claims.document`) as HTML."""
    rows = [[claim["label"], claim["value"], claim["source"]] for claim in found["claims"]]
    table = _table("What the file says about itself", ["About", "Claim", "Where"], rows) if rows else ""
    notes = "".join(f"<p class='quiet fine'>{_safe(note)}</p>" for note in found["notes"])
    return f"<p>{_safe(found['summary'])}</p>{table}{notes}"


def _safe(value: object) -> str:
    """Escaped, also against templates: the page's framework would fill in braces and dollars."""
    text = escape("–" if value is None else str(value))  # noqa: RUF001 - a dash for nothing
    return text.translate({ord(character): f"&#{ord(character)};" for character in "{}$`"})


def _pairs(values: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{_safe(key)}</th><td>{_safe(value)}</td></tr>"
        for key, value in values.items()
        if value not in (None, "")
    )
    return f"<table class='facts'>{rows}</table>"


def _table(caption: str, heads: list[str], rows: list[list[object]]) -> str:
    head = "".join(f"<th scope='col'>{_safe(each)}</th>" for each in heads)
    body = "".join(
        f"<tr><th scope='row'>{_safe(row[0])}</th>{''.join(f'<td>{_safe(value)}</td>' for value in row[1:])}</tr>"
        for row in rows
    )
    caption = _safe(caption)
    return (  # a region of its own, so that the keyboard can scroll it
        f"<div class='wide' role='region' tabindex='0' aria-label='{caption}'><table class='plain'>"
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _evidence(rows: list[dict[str, Any]]) -> str:
    heads = ["Family", "Answer", "Score", "Threshold", "p", "Besides", "Steps", "Seconds", "Weights"]
    cells = [
        [
            row["family"],
            "stopped" if row["stopped"] else "gave way" if row.get("gave_way") else _ANSWERS[row["belongs"]],
            f"{row['score']:.4g}",
            f"{row['threshold']:.4g}",
            None if row["p_value"] is None else f"{row['p_value']:.3f}",
            _besides(row),
            row["steps"],
            f"{row['seconds']:.2f}",
            f"{row['revision']} ({row['dtype']})",
        ]
        for row in rows
    ]
    about = (
        "Latent inversion: a score up to its threshold fits, and one above that is open if it fits on its grid alone"
    )
    return _table(about, heads, cells)


def _besides(row: dict[str, Any]) -> str:
    """How the picture was taken, and what else than the score decided."""
    said = [
        f"{row['off_grid']:.1f} times worse off its grid" if row.get("off_grid") else "",
        "without its plain frame" if any(row.get("frame", ())) else "",
        "cropped by {} and {} px".format(*row["offset"]) if any(row["offset"]) else "",
        "drawn at {1} x {0} px".format(*row["drawn"]) if any(row.get("drawn", ())) else "",
    ]
    return "; ".join(each for each in said if each)


def _thresholds(rows: list[dict[str, Any]]) -> str:
    heads = ["Family", "Threshold", "Belonging images", "What they are", "Condition", "Measured", "With"]
    cells = [
        [
            row["family"],
            f"{row['threshold']:.4g}",
            row["belonging_images"],
            row["images"],
            row["condition"],
            row["measured"],
            ", ".join(f"{name} {number}" for name, number in row.get("with", {}).items()),
        ]
        for row in rows
    ]
    return _table("The images that each threshold was measured on", heads, cells)
