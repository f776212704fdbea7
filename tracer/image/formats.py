"""What each format says of an image in a way of its own: how deep its channels are, its frames, whether it is lossy."""

from __future__ import annotations

from PIL import Image

_BITS, _SAMPLE_FORMAT = 258, 339  # TIFF's tags


def frames(image: Image.Image) -> str:
    """That only the first frame or page counts, or "" where there is one."""
    try:
        count = getattr(image, "n_frames", 1)
    except Exception:  # a later frame is damaged, or there are too many to count; the first one is in hand
        count = "several"
    return "" if count == 1 else f"first of {count} {'pages' if image.format == 'TIFF' else 'frames'}"


def depth(image: Image.Image, data: bytes) -> str:
    """Deep channels: Pillow reads those of colour images as 8 bit without a word, grey ones are reduced here."""
    bits = 8
    if image.format == "AVIF":
        flags = data[data.find(b"av1C") + 6]  # AV1 codec configuration: 0x40 is high_bitdepth, 0x20 twelve_bit
        bits = (8, 8, 10, 12)[flags >> 5 & 3]
    elif image.format == "TIFF":
        bits = max(image.tag_v2.get(_BITS, (8,)))
    elif image.mode in ("I", "F"):
        bits = 32
    elif image.mode.startswith("I;16") or ";16" in str(image.tile[:1]):  # the raw mode stands in the tile
        bits = 16
    grey = image.mode in ("L", "LA", "F") or image.mode.startswith("I")
    return f"{bits}-bit {'grey' if grey else 'colour'} reduced to 8 bit" if bits > 8 else ""


def is_unsigned(image: Image.Image) -> bool:
    """Whether a TIFF's 32-bit values are: Pillow reads them as signed."""
    return (
        image.format == "TIFF" and image.tag_v2.get(_BITS) == (32,) and image.tag_v2.get(_SAMPLE_FORMAT, (1,)) == (1,)
    )


def is_lossy(image: Image.Image, data: bytes) -> bool:
    """Whether saving may have changed the pixels, by lossy compression or by a palette."""
    if image.format == "WEBP":
        return _is_lossy_webp(data)
    if image.format == "TIFF" and image.info.get("compression") in ("jpeg", "tiff_jpeg", "webp"):
        return True
    return image.format in ("JPEG", "MPO", "AVIF", "GIF") or image.mode in ("P", "PA")


def _is_lossy_webp(data: bytes) -> bool:
    """Whether the first frame is coded as VP8, not as VP8L."""
    at = 12
    while (kind := data[at : at + 4]) not in (b"VP8 ", b"VP8L", b""):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 24 if kind == b"ANMF" else 8 + length + length % 2  # a frame is 16 bytes, then chunks of its own
    return kind != b"VP8L"
