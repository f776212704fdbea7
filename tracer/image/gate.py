"""Before any pixel is decoded: the limits that a file has to keep, and the sentences that refuse one that does not."""

from __future__ import annotations

import functools
import io
import re
import stat
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, TiffImagePlugin

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
MAX_BYTES = 20 * 2**20
MAX_PIXELS = 40_000_000
MIN_SIDE = 64
MAX_SECONDS = 20  # of decoding; the largest honest images take one or two
MAX_TIMES = 8  # that a file's bytes are read over; decoders of honest ones need two or three

# Every message is constant text: the page shows it as HTML, so nothing from a file or its name may get into it.
_KINDS = "PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF"
TOO_MANY_BYTES = f"The file is larger than {MAX_BYTES // 2**20} MB."
TOO_MANY_PIXELS = f"The image has more than {MAX_PIXELS // 10**6} megapixels."
DAMAGED = "The image is damaged or cut short: it cannot be decoded to its end."

# What readable files start with: tells a damaged image from something that never was one.
_MAGIC = re.compile(rb"\x89PNG|\xff\xd8\xff|RIFF.{4}WEBP|.{4}ftypavi[fs]|GIF8|BM|II[*+]\0|MM\0[*+]", re.DOTALL)
# Atomic groups keep the search linear, whatever stands before the root element.
_SVG = re.compile(
    rb"\s*+(?:(?><\?.*?\?>|<!--.*?-->|<!doctype[^>\[]*(?:\[.*?\]\s*)?>)\s*+)*+<(?:\w+:)?svg[\s>/]", re.DOTALL | re.I
)


class IntakeError(ValueError):
    """A file that cannot be used; the message is one constant sentence, safe to show as it is."""


class _TimedBytes(io.BytesIO):
    """Bytes that can be read for `MAX_SECONDS`, and `MAX_TIMES` over.

    A small file can keep a decoder busy for hours with work that its header does not show: thousands of JPEG scans,
    GIF comments, overlapping TIFF strips or tags, which also fill the memory. All of these keep coming back for more
    bytes, and are stopped there.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._end = time.monotonic() + MAX_SECONDS
        self._left = MAX_TIMES * len(data) + 2**20

    def read(self, size: int | None = -1) -> bytes:
        part = super().read(size)
        self._left -= len(part)
        if self._left < 0 or time.monotonic() > self._end:
            raise IntakeError("The image takes too long to decode.")
        return part


def _bounded(load: Callable[[TiffImagePlugin.ImageFileDirectory_v2, io.BytesIO], None]) -> Callable:
    """Pillow's reading of a TIFF directory, which refuses one whose entries want far more bytes than there are.

    EXIF and MPF have that form too. Entries that all point at the same bytes are copied one by one, into the memory.
    """

    @functools.wraps(load)
    def loaded(self: TiffImagePlugin.ImageFileDirectory_v2, file: io.BytesIO) -> None:
        if not isinstance(file, _TimedBytes):  # which bounds itself
            start, order = file.tell(), self._endian
            length = file.seek(0, io.SEEK_END)
            file.seek(start)
            head = file.read(2)
            entries = file.read(12 * struct.unpack(f"{order}H", head)[0]) if len(head) == 2 else b""
            file.seek(start)
            wanted = 0
            for at in range(0, len(entries) - 11, 12):
                kind, count = struct.unpack_from(f"{order}2xHL", entries, at)
                wanted += count * self._load_dispatch.get(kind, (1,))[0]
            if wanted > MAX_TIMES * length:
                raise ValueError("metadata that repeats itself")
        load(self, file)

    return loaded


# Pillow reads EXIF while it opens a file, for the resolution, and leaves no other place to stop it.
TiffImagePlugin.ImageFileDirectory_v2.load = _bounded(TiffImagePlugin.ImageFileDirectory_v2.load)


def contents(path: str | Path) -> bytes:
    """The bytes of an ordinary file within the size limit; everything else is an `IntakeError`."""
    try:
        status = Path(path).stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
            with Path(path).open("rb") as file:
                return file.read(MAX_BYTES + 1)  # it may have grown since
    except (FileNotFoundError, NotADirectoryError):
        raise IntakeError("There is no such file.") from None
    except PermissionError:
        raise IntakeError("The file may not be read: permission denied.") from None
    except (OSError, ValueError):  # ValueError: a null character in the path
        raise IntakeError("The file cannot be read.") from None
    if stat.S_ISDIR(status.st_mode):
        raise IntakeError("This is a folder, not an image.")
    # Anything else is a pipe or a device: opening the one can block, the other may never end.
    raise IntakeError(TOO_MANY_BYTES if stat.S_ISREG(status.st_mode) else "This is not an ordinary file.")


def header(data: bytes) -> Image.Image:
    """The file with its header read and no pixel decoded, refused before anything of its claimed size is allocated.

    Raises:
        IntakeError: the size is outside the limits.
        Exception: on damaged bytes, nearly any that there is.
    """
    image = Image.open(_TimedBytes(data), formats=FORMATS)
    check_size(image.width, image.height)
    if image.format == "TIFF":  # its tiles are decoded whole, however far they reach beyond the image
        across, down = (image.tag_v2.get(tag, 1) for tag in (322, 323))  # TileWidth, TileLength
        if (image.width + across) * (image.height + down) > 2 * MAX_PIXELS:
            raise IntakeError(TOO_MANY_PIXELS)
    image.decodermaxblock = 2**12  # small bites, so that _TimedBytes looks at the clock often
    return image


def check_size(width: int, height: int) -> None:
    """Refuse an image that is too large or too small, in pixels; an `IntakeError` says which."""
    if width * height > MAX_PIXELS:
        raise IntakeError(TOO_MANY_PIXELS)
    if min(width, height) < MIN_SIDE:
        raise IntakeError(f"The image is too small: each side needs at least {MIN_SIDE} pixels.")


def why_unidentified(data: bytes) -> str:
    """The sentence for bytes that no decoder knows."""
    head = data[: 2**16]
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 2**16)
        except zlib.error:
            head = b""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", errors="ignore").encode(errors="ignore")
    if _SVG.match(head.removeprefix(b"\xef\xbb\xbf")):
        return f"This is an SVG drawing, which has no pixels of its own; export it as {_KINDS}."
    return DAMAGED if _MAGIC.match(data) else f"This is not an image of a kind that can be read here: {_KINDS}."
