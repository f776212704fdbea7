"""Every kind of file that intake accepts, and every reason it has to refuse one."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import struct
import time
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps, PngImagePlugin

from tracer.image import gate, intake
from tracer.image.intake import IntakeError

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow's remarks on damaged metadata

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"/>'
# 64 x 64 pixels of one grey, 10 bits per channel; Pillow can read such a file but not write one.
DEEP_AVIF = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0"
    "bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAHwAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBy"
    "cAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAQcGl4aQAAAAADCgoKAAAADGF2MUOBIEAAAAAAE2NvbHJuY2x4AAIAAgAGgAAAABdpcG1h"
    "AAAAAAAAAAEAAQQBAoMEAAAAJ21kYXQSAAoJOBV//bwICBpAMhAXgmMEwADyAAAAl8cr7N1e"
)


def scene(width: int = 96, height: int = 80, seed: int = 0) -> Image.Image:
    """Flat 8 x 8 blocks of random colours: survives JPEG well enough to be compared."""
    blocks = np.random.default_rng(seed).integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return Image.fromarray(np.kron(blocks, np.ones((8, 8, 1), np.uint8))[:height, :width])


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff(entries: dict[int, int], strip: bytes) -> bytes:
    """A TIFF of one strip (or tile, if the entries say so), all values stored as 32-bit integers."""
    offset = 8 + 2 + 12 * (len(entries) + 2) + 4
    places = (324, 325) if 322 in entries else (273, 279)
    entries = dict(sorted({**entries, places[0]: offset, places[1]: len(strip)}.items()))
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + strip


def refusal(source: str | Path | bytes) -> str:
    with pytest.raises(IntakeError) as caught:
        intake.read(source)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert intake.problem_with(source) == message
    return message


# ---- accepted ----


@pytest.mark.parametrize(
    ("kind", "options", "lossy"),
    [
        ("PNG", {}, False),
        ("BMP", {}, False),
        ("TIFF", {}, False),
        ("TIFF", {"compression": "tiff_lzw"}, False),
        ("WEBP", {"lossless": True}, False),
        ("WEBP", {"lossless": True, "exif": Image.Exif()}, False),
        ("WEBP", {"quality": 95}, True),
        ("JPEG", {"quality": 95}, True),
        ("JPEG", {"quality": 95, "progressive": True}, True),
        ("TIFF", {"compression": "jpeg"}, True),
        ("AVIF", {"quality": 95, "speed": 10}, True),
        ("GIF", {}, True),
    ],
)
def test_reads_every_format_at_native_size(kind: str, options: dict, lossy: bool) -> None:
    image = scene(97, 83)
    data = encoded(image, kind, **options)
    picture = intake.read(data)
    assert (picture.format, picture.lossy) == (kind, lossy)
    assert (picture.width, picture.height) == (97, 83)
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (83, 97, 3)
    assert picture.pixels.flags.c_contiguous
    assert not picture.pixels.flags.writeable
    difference = np.abs(picture.pixels.astype(int) - np.asarray(image))
    if lossy:
        assert difference.mean() < 12
    else:
        assert difference.max() == 0
        assert picture.notes == ()


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(scene(), "PNG"))
    picture = intake.read(path)
    assert (picture.format, picture.name, picture.jpeg_quality) == ("PNG", "photo.jpg", None)
    assert intake.read(str(path)) == picture
    assert intake.problem_with(path) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [("a/b.png", "b.png"), ("C:\\x\\b.png", "b.png"), ("a\u202egnp.exe\n", "agnp.exe"), ("..", ".."), ("", "")],
)
def test_name_is_a_printable_base_name(given: str, shown: str) -> None:
    assert intake.read(encoded(scene(), "PNG"), given).name == shown


def test_a_plain_image_needs_no_notes() -> None:
    assert intake.read(encoded(scene(), "JPEG")).notes == ()
    assert intake.read(encoded(scene().convert("RGBA"), "PNG")).notes == ()  # opaque alpha: nothing changed


def test_transparency_is_flattened_on_white() -> None:
    image = scene().convert("RGBA")
    alpha = np.full((80, 96), 255, np.uint8)
    alpha[:40], alpha[40:60] = 0, 128
    image.putalpha(Image.fromarray(alpha))
    picture = intake.read(encoded(image, "PNG"))
    original = np.asarray(scene())
    assert (picture.pixels[:40] == 255).all()
    assert (picture.pixels[60:] == original[60:]).all()
    assert np.abs(picture.pixels[40:60] - (original[40:60] * (128 / 255) + 127)).max() <= 1
    assert picture.notes == ("transparency flattened on white",)


@pytest.mark.parametrize("mode", ["LA", "P", "RGB"])
def test_other_kinds_of_transparency(mode: str) -> None:
    image = Image.new("RGB", (64, 64), (7, 7, 7))
    if mode == "LA":
        image = image.convert("LA")
        image.putalpha(0)
        data = encoded(image, "PNG")
    else:
        image = image.quantize() if mode == "P" else image
        data = encoded(image, "PNG", transparency=image.getpixel((0, 0)))
    picture = intake.read(data)
    assert (picture.pixels == 255).all()
    assert "transparency flattened on white" in picture.notes


@pytest.mark.parametrize(
    ("mode", "kind", "word"),
    [
        ("1", "PNG", "black and white"),
        ("1", "TIFF", "black and white"),
        ("L", "PNG", "grey repeated"),
        ("L", "JPEG", "grey repeated"),
        ("LA", "PNG", "grey repeated"),
        ("P", "PNG", "palette"),
        ("P", "BMP", "palette"),
        ("P", "TIFF", "palette"),
        ("P", "GIF", "palette"),
        ("CMYK", "TIFF", "CMYK"),
        ("CMYK", "JPEG", "CMYK"),
        ("LAB", "TIFF", "Lab"),
    ],
)
def test_other_modes_become_rgb_and_say_so(mode: str, kind: str, word: str) -> None:
    if mode == "LAB":
        image, expected = (
            Image.new("LAB", (64, 64), (128, 128, 128)),
            np.full((64, 64, 3), 119),
        )  # L* = 50.2 is sRGB 119
    else:
        image = scene().convert(mode)
        expected = np.asarray(image.convert("RGB"))
    picture = intake.read(encoded(image, kind))
    assert np.abs(picture.pixels.astype(int) - expected).mean() < 3
    assert len(picture.notes) == 1
    assert word in picture.notes[0]
    assert picture.lossy == (kind in ("JPEG", "GIF") or mode == "P")


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    values = np.linspace(0, 65535, 64 * 64).round().astype(np.uint16).reshape(64, 64)
    for kind in ("PNG", "TIFF"):
        picture = intake.read(encoded(Image.fromarray(values), kind))
        assert (picture.pixels[..., 0] == np.rint(values / 257)).all()
        assert picture.notes[0] == "16-bit grey reduced to 8 bit"


def test_16_bit_colour_is_reduced_and_says_so() -> None:
    row = b"\0" + struct.pack(">HHH", 0xFFFF, 0x8000, 0x0100) * 64
    picture = intake.read(png(64, 64, 16, 2, zlib.compress(row * 64)))
    assert (picture.pixels == (255, 128, 1)).all()
    assert picture.notes == ("16-bit colour reduced to 8 bit",)


def test_10_bit_avif_says_so() -> None:
    picture = intake.read(DEEP_AVIF)
    assert np.ptp(picture.pixels) <= 2
    assert picture.notes == ("10-bit colour reduced to 8 bit",)


@pytest.mark.parametrize(
    ("kind", "low", "high", "expected"),
    [
        (np.int32, 0, 200, (0, 200)),
        (np.int32, 0, 65535, (0, 255)),
        (np.int32, -1000, 10**6, (0, 255)),
        (np.float32, 0, 1, (0, 255)),
        (np.float32, 0, 100, (0, 100)),
        (np.float32, -3, 3, (0, 255)),
        (np.float32, 1e30, 1e30, (0, 0)),
    ],
)
def test_32_bit_values_take_the_narrowest_usual_range(
    kind: type, low: float, high: float, expected: tuple[int, int]
) -> None:
    values = np.full((64, 64), low, kind)
    values[32:] = high
    picture = intake.read(encoded(Image.fromarray(values), "TIFF"))
    assert (picture.pixels[0, 0, 0], picture.pixels[-1, 0, 0]) == expected
    assert picture.notes[0] == "32-bit grey reduced to 8 bit"


@pytest.mark.parametrize(
    ("kind", "sample_format", "expected", "bits"),
    [("<u4", 1, (127, 255), 32), ("<i4", 2, (255, 0), 32), ("<i2", 2, (255, 0), 16), ("<u2", 1, (128, 255), 16)],
)
def test_a_tiff_says_whether_its_values_have_signs(
    kind: str, sample_format: int, expected: tuple[int, int], bits: int
) -> None:
    values = np.zeros((64, 64), kind)
    full = 2 ** (8 * values.itemsize) - 1
    values[:31] = np.array(full // 2, f"<u{values.itemsize}").view(kind)  # the largest signed one
    values[32:] = np.array(full if sample_format == 1 else full // 2 + 1, f"<u{values.itemsize}").view(kind)
    entries = {256: 64, 257: 64, 258: bits, 259: 1, 262: 1, 277: 1, 339: sample_format}
    picture = intake.read(tiff(entries, values.tobytes()))
    assert np.abs(np.subtract((picture.pixels[0, 0, 0], picture.pixels[-1, 0, 0]), expected, dtype=int)).max() <= 1
    assert picture.notes[0] == f"{bits}-bit grey reduced to 8 bit"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[:32, :32], pixels[:32, 96:] = (255, 0, 0), (0, 0, 255)
    data = encoded(Image.fromarray(pixels), kind, exif=exif)
    picture = intake.read(data)
    with Image.open(io.BytesIO(data)) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    assert (picture.pixels == expected).all()
    assert (picture.height, picture.width) == ((64, 128) if orientation < 5 else (128, 64))
    assert picture.notes == (("rotated or mirrored as its EXIF says",) if orientation > 1 else ())


def test_exif_behind_the_pixels_of_a_png_counts() -> None:
    data = encoded(scene(), "PNG")
    exif = chunk(b"eXIf", b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, 3, 0))
    assert (intake.read(data[:-12] + exif + data[-12:]).pixels == np.asarray(scene())[::-1, ::-1]).all()


def test_broken_exif_does_not_spoil_the_image() -> None:
    data = encoded(scene(), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff<b>bold</b>")
    assert (intake.read(data).pixels == np.asarray(scene())).all()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF", "MPO"])
def test_only_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue")]
    picture = intake.read(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert np.abs(picture.pixels.astype(int) - (255, 0, 0)).max() <= 4
    assert picture.notes[0] == ("first of 3 pages" if kind == "TIFF" else "first of 3 frames")
    assert picture.format == ("JPEG" if kind == "MPO" else kind)


def test_a_damaged_second_page_leaves_the_first() -> None:
    data = bytearray(encoded(scene(), "TIFF", save_all=True, append_images=[scene(seed=1)]))
    data[data.rindex(struct.pack("<HHI", 262, 3, 1)) + 8] = 99  # the second page's colour model
    picture = intake.read(bytes(data))
    assert (picture.pixels == np.asarray(scene())).all()
    assert picture.notes == ("first of several pages",)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpeg_quality_is_found_exactly(options: dict) -> None:
    for quality in (1, 2, 10, 25, 49, 50, 51, 75, 80, 90, 95, 98, 99, 100):
        assert intake.read(encoded(scene(64, 64), "JPEG", quality=quality, **options)).jpeg_quality == quality


def test_jpeg_quality_uses_the_table_of_the_first_component() -> None:
    assert intake.read(encoded(scene().convert("L"), "JPEG", quality=60)).jpeg_quality == 60
    coarse, fine = [90] * 64, [1] * 64
    assert intake.read(encoded(scene(), "JPEG", qtables=[fine, coarse])).jpeg_quality == 100
    assert intake.read(encoded(scene(), "JPEG", qtables=[coarse, fine])).jpeg_quality < 50


def test_animated_webp_is_read_by_its_first_frame() -> None:
    frames = [scene(seed=0), scene(seed=1)]
    for lossless in (True, False):
        data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=lossless)
        assert intake.read(data).lossy is not lossless


def test_from_array_copies_freezes_and_hashes() -> None:
    pixels = np.asarray(scene())[:, ::-1]  # not contiguous
    picture = intake.from_array(pixels, "dir/made.png")
    assert (picture.pixels == pixels).all()
    assert picture.pixels.flags.c_contiguous
    with pytest.raises(ValueError, match="WRITEABLE"):
        picture.pixels.setflags(write=True)
    assert picture.sha256 == hashlib.sha256(b"80x96x3" + pixels.tobytes()).hexdigest()
    assert picture.sha256 != intake.from_array(pixels.reshape(96, 80, 3), "").sha256
    assert (picture.name, picture.format, picture.lossy, picture.notes) == ("made.png", "ARRAY", False, ())


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 4), (63, 64, 3), (64, 0, 3), (1, 64, 64, 3)])
def test_from_array_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(IntakeError):
        intake.from_array(np.zeros(shape, np.uint8), "")
    with pytest.raises(IntakeError, match="uint8"):
        intake.from_array(np.zeros((64, 64, 3), np.float32), "")


# ---- refused ----


def test_refuses_what_is_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in refusal(tmp_path / "missing.png")
    assert "folder" in refusal(tmp_path)
    assert "cannot be read" in refusal("null\0character")
    assert "cannot be read" in refusal("x" * 10_000)
    os.mkfifo(tmp_path / "pipe.png")
    assert "not an ordinary file" in refusal(tmp_path / "pipe.png")
    assert intake.problem_with(None) == "Choose an image first."

    def denied(*_: object, **__: object) -> None:
        raise PermissionError("/secret/<b>name</b>")

    (tmp_path / "locked.png").write_bytes(encoded(scene(), "PNG"))
    monkeypatch.setattr(Path, "open", denied)
    assert "permission denied" in refusal(tmp_path / "locked.png")


def test_refuses_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    assert refusal(b"") == refusal(tmp_path / "empty.png") == "The file is empty."


def test_refuses_more_than_20_mb_without_reading_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(intake.MAX_BYTES + 1)  # sparse
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("the file was opened"))
    assert refusal(path) == refusal(bytes(intake.MAX_BYTES + 1)) == "The file is larger than 20 MB."


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"\0" * 100,
        b"%PDF-1.7",
        b"8BPS",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\x1f\x8b\x08",
        gzip.compress(b"hello"),
        b"<html><body><svg></svg>",
        b"<!-- <svg> -->",
        b"<svgfoo>",
    ],
)
def test_refuses_what_is_not_an_image(data: bytes) -> None:
    assert "not an image" in refusal(data)


@pytest.mark.parametrize("kind", ["ICO", "PPM", "TGA", "JPEG2000", "PCX"])
def test_refuses_formats_outside_the_list(kind: str) -> None:
    assert "not an image" in refusal(encoded(scene(), kind))


@pytest.mark.parametrize(
    "data",
    [
        SVG,
        b"\xef\xbb\xbf" + SVG,
        b" \r\n\t" + SVG,
        b'<?xml version="1.0"?>\n<!-- made by <hand> -->\n<!-- twice -->' + SVG,
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd" [<!ENTITY a "b">]>' + SVG,
        b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"></svg:svg>',
        SVG.decode().encode("utf-16"),
        b"\xfe\xff" + SVG.decode().encode("utf-16-be"),
        gzip.compress(SVG),
        gzip.compress(b"<!-- -->" + SVG + bytes(10**6)),
    ],
)
def test_names_svg_whatever_the_file_is_called(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "drawing.png"
    path.write_bytes(data)
    assert "SVG" in refusal(path)


def test_svg_search_is_linear() -> None:
    for head in (b"<!--a-->" * 8000, b"<!--" * 16000, b"<?" * 32000, b" " * 65000, b"<!DOCTYPE[" + b"]" * 65000):
        assert "not an image" in refusal(head + b"<sv")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_refuses_a_truncated_image(kind: str, share: float) -> None:
    data = encoded(scene(), kind)
    assert "damaged" in refusal(data[: max(int(len(data) * share), 14)])


def test_refuses_a_truncated_progressive_jpeg() -> None:
    data = encoded(scene(), "JPEG", progressive=True)
    assert "damaged" in refusal(data[: int(len(data) * 0.9)])
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_refuses_corrupt_pixels() -> None:
    assert "damaged" in refusal(png(64, 64, 8, 2, b"not zlib at all"))
    assert "damaged" in refusal(png(64, 64, 8, 2, zlib.compress(bytes(100))))
    assert "finite" in refusal(encoded(Image.fromarray(np.full((64, 64), np.nan, np.float32)), "TIFF"))


@pytest.mark.parametrize("size", [(1, 1), (63, 64), (64, 63), (4000, 10)])
def test_refuses_less_than_64_pixels_on_a_side(size: tuple[int, int]) -> None:
    for kind in ("PNG", "JPEG", "GIF"):
        assert refusal(encoded(Image.new("RGB", size), kind)) == (
            "The image is too small: each side needs at least 64 pixels."
        )
    assert intake.read(encoded(Image.new("RGB", (64, 64)), "PNG")).width == 64


@pytest.mark.parametrize("filters", ["ignore", "error"])
@pytest.mark.parametrize(("width", "height"), [(8000, 5001), (10_000, 10_000), (50_000, 50_000), (2**31 - 1, 64)])
def test_refuses_more_than_40_megapixels_before_decoding(
    width: int, height: int, filters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoding was started"))
    limit = Image.MAX_IMAGE_PIXELS
    gif = bytearray(encoded(Image.new("P", (64, 64)), "GIF"))
    gif[6:10] = struct.pack("<HH", min(width, 65535), min(height, 65535))
    webp = bytearray(encoded(Image.new("RGBA", (64, 64)), "WEBP", save_all=True, append_images=[scene(64, 64)]))
    webp[24:30] = (width - 1).to_bytes(4, "little")[:3] + (height - 1).to_bytes(4, "little")[:3]
    files = [png(width, height, 8, 2, b""), tiff({256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1}, b"")]
    files += [bytes(gif), bytes(webp)] if width <= 50_000 else []
    for data in files:
        with warnings.catch_warnings():
            warnings.simplefilter(filters)
            assert refusal(data) == "The image has more than 40 megapixels."
    assert limit == Image.MAX_IMAGE_PIXELS


def test_refuses_a_later_frame_size_hidden_in_the_first_gif_frame() -> None:
    data = bytearray(encoded(Image.new("P", (64, 64)), "GIF"))
    at = data.index(b"\x2c\0\0\0\0")  # the image descriptor, whose extent may exceed the screen's
    data[at + 5 : at + 9] = struct.pack("<HH", 60_000, 60_000)
    assert "megapixels" in refusal(bytes(data))


def test_refuses_a_tiff_tile_far_larger_than_the_image() -> None:
    entries = {256: 100, 257: 100, 258: 8, 259: 8, 262: 1, 277: 1, 322: 256, 323: 256}
    assert intake.read(tiff(entries, zlib.compress(bytes(256 * 256)))).width == 100
    entries |= {322: 2**15, 323: 2**15}
    assert "megapixels" in refusal(tiff(entries, zlib.compress(bytes(10**6))))


def test_refuses_a_tiff_whose_tags_repeat_its_bytes() -> None:
    """They would be copied once per tag: 3 GB from a file of 0.7 MB."""
    entries = {256: 100, 257: 100, 258: 8, 259: 1, 262: 1, 277: 1, 273: 8, 279: 10_000}
    plain = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    repeated = b"".join(struct.pack("<HHII", tag, 7, 150_000, 8) for tag in range(1000, 61_000))
    data = b"II*\0" + struct.pack("<IH", 8, len(entries) + 60_000) + plain + repeated + bytes(4)
    assert refusal(data) == "The image takes too long to decode."


def exif_that_repeats_itself(entries: int, size: int, length: int) -> bytes:
    repeated = b"".join(struct.pack("<HHII", tag, 7, size, 8) for tag in range(1000, 1000 + entries))
    return b"II*\0" + struct.pack("<IH", 8, entries) + repeated + bytes(length)


def segments(exif: bytes) -> bytes:
    """EXIF as a JPEG's APP1 segments, which Pillow joins."""
    parts = [exif[at : at + 60_000] for at in range(0, len(exif), 60_000)]
    return b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 8) + b"Exif\0\0" + part for part in parts)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_exif_whose_entries_repeat_its_bytes_is_not_read(kind: str) -> None:
    """Every entry would be copied: 4 GB from a file of 0.8 MB."""
    exif = exif_that_repeats_itself(10_000, 400_000, 500_000)
    data = encoded(scene(), kind, **({"exif": exif} if kind == "WEBP" else {}))
    if kind == "PNG":
        data = data[:33] + chunk(b"eXIf", exif) + data[33:]
    elif kind == "JPEG":
        data = data[:2] + segments(exif) + data[2:]
    tracemalloc.start()
    try:
        assert intake.read(data).width == 96
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_no_more_than_two_files_are_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data, inside, most, decode = encoded(scene(), "PNG"), [], [], intake._decode

    def slow(*given: object) -> intake.Picture:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return decode(*given)

    monkeypatch.setattr(intake, "_decode", slow)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(intake.read, [data] * 8))) == 8
    assert max(most) == 2


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
@pytest.mark.parametrize("place", ["before the pixels", "after the pixels"])
def test_compressed_metadata_does_not_blow_up(kind: bytes, place: str) -> None:
    data, bomb = encoded(scene(), "PNG"), chunk(kind, b"a\0\0" + zlib.compress(bytes(10**7)))
    at = 33 if place == "before the pixels" else len(data) - 12
    whole = data[:at] + bomb + data[at:]
    picture = intake.read(whole)
    assert (picture.pixels == np.asarray(scene())).all()
    assert picture.notes == ("texts and colour profile not read: too large",)
    assert picture.sha256 == hashlib.sha256(whole).hexdigest()
    assert "damaged" in refusal(whole[:-20])


def test_large_plain_text_is_no_obstacle() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "<script>alert(1)</script>" * 80_000)  # 2 MB
    assert intake.read(encoded(scene(), "PNG", pnginfo=info)).notes == ()


def test_stops_decoding_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_SECONDS", 0.05)
    jpeg = encoded(Image.new("RGB", (640, 640)), "JPEG", progressive=True)
    last_scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    gif = encoded(Image.new("P", (64, 64)), "GIF")
    pixels_at = gif.index(b"\x2c\0\0\0\0")
    comment = b"!\xfe" + (b"\xff" + bytes(255)) * 40_000 + b"\0"
    for data in (jpeg[:-2] + last_scan * 10_000 + jpeg[-2:], gif[:pixels_at] + comment + gif[pixels_at:]):
        assert refusal(data) == "The image takes too long to decode."


def test_messages_repeat_nothing_from_the_file(tmp_path: Path) -> None:
    mark = "<img src=x onerror=alert(1)>"
    info = PngImagePlugin.PngInfo()
    info.add_text(mark, mark)
    data = encoded(scene(), "PNG", pnginfo=info)
    folder = tmp_path / mark
    folder.mkdir()
    for number, body in enumerate([b"", mark.encode(), data[:200], data[:-40], data.replace(b"IDAT", b"<b>>")]):
        (folder / f"{mark}{number}.png").write_bytes(body)
        assert "<" not in refusal(folder / f"{mark}{number}.png")
    assert "<" not in refusal(folder / "<b>missing</b>.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "MPO", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "LZW", "PALETTE", "DEEP"])
def test_mutations_raise_nothing_but_intake_errors(kind: str) -> None:
    image, random = scene(72, 66), np.random.default_rng(sum(kind.encode()))
    two = {"save_all": True, "append_images": [scene(72, 66, seed=1)]}
    valid = {
        "LZW": lambda: encoded(image, "TIFF", compression="tiff_lzw"),
        "PALETTE": lambda: encoded(image.convert("P"), "PNG", transparency=3),
        "DEEP": lambda: encoded(Image.fromarray(np.full((66, 72), 999, np.uint16)), "PNG"),
        "JPEG": lambda: encoded(image, "JPEG", exif=b"Exif\0\0" + encoded(Image.new("L", (1, 1)), "TIFF")),
        "BMP": lambda: encoded(image, "BMP"),
    }.get(kind, lambda: encoded(image, kind, **two))()
    for _ in range(40):
        data = bytearray(valid)
        for _ in range(random.integers(1, 12)):
            reach = len(data) if random.random() < 0.5 else min(len(data), 200)  # headers are where it hurts
            at = int(random.integers(reach))
            match random.integers(4):
                case 0:
                    data[at] = random.integers(256)
                case 1:
                    data[at : at + 4] = (b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff")[random.integers(3)]
                case 2:
                    del data[at : at + int(random.integers(1, 9))]
                case 3:
                    data[at:at] = random.bytes(int(random.integers(1, 9)))
        try:
            picture = intake.read(bytes(data))
        except IntakeError:
            pass
        else:
            assert picture.pixels.dtype == np.uint8
            assert min(picture.width, picture.height) >= intake.MIN_SIDE
    for length in (1, 2, 5, 12, 13, 16, 30, 60):
        assert refusal(valid[:length])
        assert refusal(valid[:4] + random.bytes(length))
