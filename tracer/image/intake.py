"""Untrusted file bytes become a checked RGB image at native size, or one plain sentence that says why not.

Nothing here resizes or re-encodes: a resized image has lost the traces that the rest of the package looks for. Whatever
has to change to get 8-bit RGB is said in words in `Picture.notes`. Colour profiles are not applied.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from tracer.image import formats, gate, jpeg, metadata
from tracer.image.gate import FORMATS, MAX_BYTES, MIN_SIDE, IntakeError

__all__ = ["FORMATS", "MAX_BYTES", "MIN_SIDE", "IntakeError", "Picture", "from_array", "problem_with", "read"]

_UPRIGHT = {  # by the value of EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_CONVERSIONS = {  # by Pillow's mode
    "1": "black and white repeated in all three channels",
    **dict.fromkeys(("L", "LA"), "grey repeated in all three channels"),
    **dict.fromkeys(("P", "PA"), "colours come from a palette, quantised to at most 256"),
    "CMYK": "CMYK converted to RGB without its colour profile",
    "YCbCr": "YCbCr converted to RGB",
    "LAB": "Lab converted to RGB",
}
_DECODING = threading.BoundedSemaphore(2)  # files decoded at once: 40 megapixels take some 300 MB


@dataclass(frozen=True)
class Picture:
    """A checked image. Two are equal when all fields but the pixels are; the hash stands for those.

    Attributes:
        pixels: uint8 RGB in 0..255, (height, width, 3), C-contiguous, read-only.
        sha256: of the original bytes, in hexadecimal; `from_array` says what it covers for an image made in memory.
        name: base name of the file, or "". A claim by whoever sent it: to be shown as text only.
        format: one of `FORMATS`, or "ARRAY".
        lossy: whether saving may have changed the pixels, by lossy compression or by a palette.
        jpeg_quality: estimated IJG quality of a JPEG, 1..100; None for every other format.
        notes: what was changed to get 8-bit RGB, in words.
        table: luminance table of a JPEG whose 8 x 8 blocks begin in the upper left corner, (64,), row by row, in grey
            levels; None for every other file.
    """

    pixels: np.ndarray = field(repr=False, compare=False)
    sha256: str
    name: str
    format: str
    lossy: bool
    jpeg_quality: int | None
    notes: tuple[str, ...]
    table: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.pixels.shape[0]


def read(source: str | Path | bytes, name: str = "") -> Picture:
    """Check and decode one image file.

    Args:
        source: a path, or the file's bytes.
        name: file name to show, by default the path's. It has no part in recognising the format.

    Raises:
        IntakeError: for everything that is not a usable image, whatever the bytes are.
    """
    data = source if isinstance(source, bytes) else gate.contents(source)
    name = name or ("" if isinstance(source, bytes) else str(source))
    if not data:
        raise IntakeError("The file is empty.")
    if len(data) > MAX_BYTES:
        raise IntakeError(gate.TOO_MANY_BYTES)
    try:
        with _DECODING:
            return _decode_or_lean(data, _shown(name))
    except IntakeError:
        raise
    except Image.UnidentifiedImageError:
        raise IntakeError(gate.why_unidentified(data)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise IntakeError(gate.TOO_MANY_PIXELS) from None
    except ValueError:  # among others what Pillow raises beyond its limits on text and colour profiles
        raise IntakeError("The image is damaged or carries too much metadata.") from None
    except Exception:  # on hostile bytes Pillow raises nearly every type there is, from SyntaxError to MemoryError
        raise IntakeError(gate.DAMAGED) from None


def problem_with(path: str | Path | bytes | None) -> str | None:
    """Why this file cannot be used, in one sentence, or None if it can: it has then been decoded to its end."""
    if path is None:
        return "Choose an image first."
    try:
        read(path)
    except IntakeError as error:
        return str(error)
    return None


def from_array(pixels: np.ndarray, name: str) -> Picture:
    """A picture made in memory. The array is copied.

    Its hash covers the shape as text ("64x96x3" for 64 rows of 96 pixels) followed by the raw bytes in C order, so it
    depends on no file format.

    Args:
        pixels: uint8 RGB in 0..255, (height, width, 3).
        name: what to call it.

    Raises:
        IntakeError: if it is anything else, or outside the size limits for files.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise IntakeError("An array has to be uint8 RGB of shape (height, width, 3).")
    height, width, _ = pixels.shape
    gate.check_size(width, height)
    raw = pixels.tobytes()
    digest = hashlib.sha256(f"{height}x{width}x3".encode() + raw).hexdigest()
    frozen = np.frombuffer(raw, np.uint8).reshape(pixels.shape)  # over bytes: cannot be made writeable again
    return Picture(frozen, digest, _shown(name), "ARRAY", lossy=False, jpeg_quality=None, notes=())


def _shown(name: str) -> str:
    """The base name, without characters that steer a terminal or reverse the direction of text."""
    return "".join(letter for letter in re.split(r"[/\\]", name)[-1] if letter.isprintable())


def _decode_or_lean(data: bytes, name: str) -> Picture:
    """Decode a file; where its texts or colour profile unpack to more than Pillow allows, without those."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        return _decode(data, digest, name)
    except IntakeError:
        raise
    except ValueError:
        lean = metadata.lean(data)
        if lean == data:
            raise
    picture = _decode(lean, digest, name)
    return replace(picture, notes=(*picture.notes, "texts and colour profile not read: too large"))


def _decode(data: bytes, digest: str, name: str) -> Picture:
    source = gate.header(data)
    kind = "JPEG" if source.format == "MPO" else source.format  # MPO is a JPEG with further ones behind it
    lossy, quality = formats.is_lossy(source, data), jpeg.quality(source) if kind == "JPEG" else None
    table = jpeg.luminance_table(source) if kind == "JPEG" else None
    deep = formats.depth(source, data)  # a loaded image has forgotten its depth
    image, turned = _upright(source)
    if turned and table is not None:
        table = jpeg.turned(table, source, image)
    image, converted, flattened = _to_rgb(image, formats.is_unsigned(source))
    pixels = np.ascontiguousarray(image)
    pixels.setflags(write=False)
    # Frames are counted last: that seeks through the file, and nothing can be decoded after a damaged frame.
    notes = tuple(filter(None, (formats.frames(source), turned, deep, converted, flattened)))
    return Picture(pixels, digest, name, kind, lossy, quality, notes, table)


def _upright(image: Image.Image) -> tuple[Image.Image, str]:
    """Load the pixels and turn them as EXIF says; a TIFF, and nothing else, is turned by Pillow while it loads."""
    turned = image.format == "TIFF" and image.tag_v2.get(ExifTags.Base.Orientation) in _UPRIGHT
    image.load()
    try:  # only now: the EXIF of a PNG may stand behind its pixels
        turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # damaged metadata leaves the image usable
        turn = None
    note = "rotated or mirrored as its EXIF says" if turned or turn is not None else ""
    return image if turn is None else image.transpose(turn), note


def _to_rgb(image: Image.Image, unsigned: bool) -> tuple[Image.Image, str, str]:
    """Convert a loaded image of any mode to RGB on white; the strings say what changed, or are empty."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image, unsigned)
    converted = _CONVERSIONS.get(image.mode, "")
    if not image.has_transparency_data:
        return image.convert("RGB"), converted, ""
    image = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image)  # exact where the image is opaque
    opaque = image.getchannel("A").getextrema()[0] == 255
    return canvas, converted, "" if opaque else "transparency flattened on white"


def _to_8_bit(image: Image.Image, unsigned: bool) -> Image.Image:
    """Scale deep grey to 8 bits.

    32-bit grey declares no range. It is scaled from the smallest usual range that holds every value, or from the
    smallest to the largest value where none does.
    """
    values = np.asarray(image)
    values = (values.view(np.uint32) if unsigned else values).astype(np.float64)
    if not np.isfinite(values).all():
        raise IntakeError("The image holds values that are not finite numbers.")
    low, high = values.min(), values.max()
    tops = {"I": (255, 65535), "F": (1, 255)}.get(image.mode, (65535,))
    top = next((top for top in tops if low >= 0 and high <= top), None)
    if top is None:
        values, top = values - low, (high - low) or 1
    return Image.fromarray(np.rint(values * (255 / top)).astype(np.uint8))
