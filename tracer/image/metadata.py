"""What a file says beside its pixels, as bounded plain text: PNG text, EXIF, XMP and comments.

No pixel is decoded and nothing is interpreted beyond names and values. Everything is capped before it is unpacked.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from xml.etree import ElementTree

from PIL import ExifTags, Image

MAX_TEXT = 2**18  # bytes of one text, after unpacking
MAX_ALL = 2**20  # of all texts of a file together
MAX_CHUNKS = 50_000  # of a PNG file; honest ones have at most a few thousand
DEEPEST = 64  # elements of an XMP packet within each other

PNG = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_EXIF = {  # tag: what it is called here; in the order in which it is shown
    "Make": "Camera maker",
    "Model": "Camera model",
    "LensModel": "Lens",
    "Software": "Software",
    "ProcessingSoftware": "Processing software",
    "HostComputer": "Computer",
    "DateTimeOriginal": "Taken",
    "DateTime": "Changed",
    "Artist": "Artist",
    "Copyright": "Copyright",
    "ImageDescription": "Description",
    "UserComment": "Comment",
}
_XMP = {  # namespace and name: what it is called here
    "http://ns.adobe.com/xap/1.0/ CreatorTool": "Software",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ DigitalSourceType": "Digital source type",
    "http://ns.adobe.com/photoshop/1.0/ Credit": "Credit",
    "http://purl.org/dc/elements/1.1/ creator": "Creator",
    "http://purl.org/dc/elements/1.1/ description": "Description",
    "http://purl.org/dc/terms/ provenance": "Content Credentials kept at",
    "http://ns.adobe.com/xap/1.0/ CreateDate": "Created",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ AISystemUsed": "AI system used",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ AIPromptInformation": "AI prompt",
}
_TAGS = {name: number for number, name in ExifTags.TAGS.items()}
_COMMENT_CODES = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", b"\0" * 8: "utf-8"}


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind of every part of a PNG file to its end, and where it begins and ends; its body lies 8 and 4 bytes inside.

    Raises:
        ValueError: if the file is cut short or has more parts than are read.
    """
    at, kind = 8, b""
    for _ in range(MAX_CHUNKS):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND":
            return
        if end > len(data):
            raise ValueError("the file is cut short")
        kind = data[at + 4 : at + 8]
        yield kind, at, end
        at = end
    raise ValueError("there are more parts than are read")


def lean(data: bytes) -> bytes:
    """A PNG file without its texts and colour profile, which can unpack to far more than they take; others as they are.

    Raises:
        ValueError: as `png_chunks` does.
    """
    if not data.startswith(PNG):
        return data
    return PNG + b"".join(data[at:end] for kind, at, end in png_chunks(data) if kind not in (*_TEXTS, b"iCCP"))


def png_texts(data: bytes) -> Iterator[tuple[str, str]]:
    """Keyword and text of all texts of a PNG file, wherever they stand; of each at most `MAX_TEXT` bytes.

    Raises:
        ValueError: if the file is cut short or holds more than the limits allow.
    """
    total = 0
    for kind, at, end in png_chunks(data):
        if kind in _TEXTS:
            keyword, value = _chunk(kind, data[at + 8 : end - 4])
            total += len(value)
            if total > MAX_ALL:
                raise ValueError("there is more text than is read")
            yield keyword, value


def _chunk(kind: bytes, body: bytes) -> tuple[str, str]:
    """Keyword and text of one chunk (PNG specification, section 11.3.3)."""
    keyword, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        packed, code = False, "latin-1"
    elif kind == b"zTXt":
        packed, rest, code = True, rest[1:], "latin-1"
    else:
        packed, code = rest[:1] == b"\1", "utf-8"
        rest = rest[2:].split(b"\0", 2)[-1]  # after language and translated keyword
    if packed:
        rest = zlib.decompressobj().decompress(rest, MAX_TEXT)
    return keyword[:79].decode("latin-1"), rest[:MAX_TEXT].decode(code, "replace")


def exif(image: Image.Image, data: bytes, texts: dict[str, str]) -> dict[str, str]:
    """The fields of EXIF that speak of how the image was made, by their names here.

    Args:
        image: the opened file.
        data: the same file's bytes.
        texts: those of a PNG file by keyword, one of which may be EXIF.
    """
    if image.format == "PNG":  # which may hold it behind the pixels, and Pillow would decode those to get there
        profiles = [data[at + 8 : end - 4] for kind, at, end in png_chunks(data) if kind == b"eXIf"]
        image.info |= {**texts, **({"exif": profiles[0]} if profiles else {})}
    fields = Image.Image.getexif(image)
    inner = fields.get_ifd(ExifTags.IFD.Exif)
    found = {}
    for tag, label in _EXIF.items():
        value = fields.get(_TAGS[tag], inner.get(_TAGS[tag]))
        text = _comment(value) if tag == "UserComment" else _text(value)
        if text.strip():
            found[label] = text
    if fields.get_ifd(ExifTags.IFD.GPSInfo):
        found["Place"] = "given, not shown here"
    return found


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value[:MAX_TEXT].decode("utf-8", "replace")
    return "" if value is None else str(value)[:MAX_TEXT].strip("\0 ")


def _comment(value: object) -> str:
    """EXIF's UserComment, whose first eight bytes name its character code."""
    if not isinstance(value, bytes):
        return _text(value)
    code, body = _COMMENT_CODES.get(value[:8]), value[8 : 8 + MAX_TEXT]
    if code is None:
        return _text(value)
    if code == "utf-16":  # without a mark, the order of bytes is told by where the zeros of Latin letters stand
        code = "utf-16-be" if body[::2].count(0) >= body[1::2].count(0) else "utf-16-le"
    return body.decode(code, "replace").strip("\0 ")


def xmp(packet: bytes | str) -> dict[str, str]:
    """The fields of an XMP packet that speak of how the image was made, by their names here.

    Raises:
        ValueError: if the packet is too long, declares a document type, or is not XML.
    """
    if len(packet) > MAX_TEXT:
        raise ValueError("the packet is longer than is read")
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else packet
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise ValueError("the packet declares a document type")
    try:
        parser = ElementTree.XMLParser(target=_Shallow())  # noqa: S314 - without a DTD there are no entity bombs
        parser.feed(text.strip("\ufeff\0 \r\n\t"))
        root = parser.close()
    except ElementTree.ParseError:
        raise ValueError("the packet is not XML") from None
    found: dict[str, str] = {}
    for element in root.iter():
        for name, value in ((element.tag, None), *element.attrib.items()):
            label = _XMP.get(str(name).lstrip("{").replace("}", " "))
            if label and label not in found:
                text = " ".join((" ".join(element.itertext()) if value is None else value).split())
                found |= {label: text} if text else {}
    return found


class _Shallow(ElementTree.TreeBuilder):
    """Builds a tree of bounded depth."""

    _depth = 0

    def start(self, *element) -> ElementTree.Element:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("the packet is nested deeper than is read")
        return super().start(*element)

    def end(self, tag: str) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


def comments(image: Image.Image) -> dict[str, str]:
    """Comments of JPEG and GIF files."""
    value = image.info.get("comment") if image.format in ("JPEG", "MPO", "GIF") else None
    if isinstance(value, bytes):
        value = value[:MAX_TEXT].decode("utf-8", "replace")
    return {"Comment": value} if isinstance(value, str) and value.strip() else {}
