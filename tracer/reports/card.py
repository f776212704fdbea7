"""A card to share: the picture, the answer in one line and its figures, as one PNG. Nothing leaves this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tracer.evidence.verdict import Trace
from tracer.image.intake import Picture
from tracer.verdict import plain
from tracer.verdict.combine import Joint
from tracer.verdict.names import titles

SIZE = (1200, 630)  # which most places show whole
EDGE, GAP, SHOWN = 48, 40, 440  # px: margin, between the columns, the picture's longer side at most
INK, QUIET, GROUND, LINE = "#171717", "#525252", "#ffffff", "#d9d9d9"
ACCENTS = {"family": "#0b7a4b", "autoencoder": "#0b7a4b", "none": "#3f4a5a"}
OPEN = "#8a5a00"
WARNING = "It says which decoder drew the pixels, never who or what is behind them. No sign proves nothing."


def card(joint: Joint, picture: Picture) -> Image.Image:
    """The card of a joint answer about a picture.

    Raises:
        ValueError: the answer is about another picture, or there is none.
    """
    if joint.image is None or joint.image.sha256 != picture.sha256:
        raise ValueError("the answer is about another picture")
    said = plain.answer(joint)
    sheet = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(sheet)
    accent = ACCENTS.get(said.kind, OPEN)
    draw.rectangle((0, 0, 12, SIZE[1]), fill=accent)
    _place(sheet, picture, joint.evidence.get("inversion"))
    left, width = EDGE + SHOWN + GAP, SIZE[0] - 2 * EDGE - SHOWN - GAP
    top = _text(draw, (left, EDGE - 6), said.line, 34, width, INK, most=4) + 14
    top = _text(draw, (left, top), " ".join(said.why), 18, width, QUIET, most=5) + 8
    top = _text(draw, (left, top), said.sure, 18, width, accent, most=2) + 16
    _bars(draw, joint.evidence.get("inversion"), (left, top), width, accent)
    foot = SIZE[1] - EDGE - 30
    about = f"{picture.width} by {picture.height} px, SHA-256 {picture.sha256[:16]}…, {datetime.now(UTC):%Y-%m-%d}"
    _text(draw, (EDGE, foot), f"Latent Lineup · {about}", 16, SIZE[0] - 2 * EDGE, INK, most=1)
    _text(draw, (EDGE, foot + 22), WARNING, 16, SIZE[0] - 2 * EDGE, QUIET, most=1)
    return sheet


def write(path: Path, joint: Joint, picture: Picture) -> None:
    """Write the card as a PNG file."""
    card(joint, picture).save(path, "PNG", optimize=True)


def _place(sheet: Image.Image, picture: Picture, trace: Trace | None) -> None:
    """The picture with the windows that were inspected, where it was inspected at its own size."""
    shown = Image.fromarray(picture.pixels)
    scale = min(SHOWN / max(shown.size), 4)
    size = tuple(max(round(side * scale), 1) for side in shown.size)
    shown = shown.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST)
    row = next(iter(trace.evidence), None) if trace else None
    if row and not row.resized_from:
        draw = ImageDraw.Draw(shown)
        for box in trace.windows:
            up, left, down, right = (round((side + row.offset[place % 2]) * scale) for place, side in enumerate(box))
            draw.rectangle((left - 1, up - 1, right + 1, down + 1), outline="black", width=3)
            draw.rectangle((left, up, right, down), outline="white", width=1)
    top = EDGE + (SHOWN - size[1]) // 2
    sheet.paste(shown, (EDGE + (SHOWN - size[0]) // 2, top))


def _text(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, width: int, colour: str, most: int
) -> int:
    """Write wrapped text; returns where the next line would begin."""
    if not text:
        return at[1]
    font = ImageFont.load_default(size)
    lines = _wrapped(text, font, width)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    step = round(size * 1.32)
    for place, line in enumerate(lines):
        draw.text((at[0], at[1] + place * step), line, fill=colour, font=font)
    return at[1] + len(lines) * step


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _bars(
    draw: ImageDraw.ImageDraw, trace: Trace | None, at: tuple[int, int], width: int, accent: str, most: int = 5
) -> None:
    """How strongly every decoder's grid answers, the strongest first: a bar and a word each."""
    rows = [row for row in trace.evidence if row.mode == "grid"] if trace else []
    if not rows or trace.verdict.kind == "insufficient":
        return
    left, top = at
    font = ImageFont.load_default(17)
    room = (SIZE[1] - EDGE - 44 - top) // 28
    for place, row in enumerate(sorted(rows, key=lambda each: each.sort_key)[: max(min(most, room), 0)]):
        down = top + 28 * place
        named = row.family in trace.verdict.families
        draw.text((left, down), titles((row.family,)), fill=INK, font=font)
        word, level = plain.strength(row.score, row.threshold)
        for step in range(plain.LEVELS):
            across = left + round(width * 0.52) + 30 * step
            colour = (accent if named else QUIET) if step < level else LINE
            draw.rectangle((across, down + 5, across + 25, down + 15), fill=colour)
        draw.text((left + round(width * 0.52) + 30 * plain.LEVELS + 8, down), word, fill=INK, font=font)
