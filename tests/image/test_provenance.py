"""A file's claims are read as harmless text, forged or damaged as they may be, and nothing is fetched."""

from __future__ import annotations

import datetime
import io
import json
import os
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from tracer.image import provenance, readers

A1111 = "a red apple\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Model: dreamy"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Painter 3"
 xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" ext:DigitalSourceType="{}"
 xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{}"/></rdf:RDF></x:xmpmeta>"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that runs this may be busy; the limit of two seconds on the processor holds all the same."""
    monkeypatch.setattr(provenance, "SECONDS", 100)


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def saved(form: str, **options) -> bytes:
    file = io.BytesIO()
    picture().save(file, form, **options)
    return file.getvalue()


def png(texts: dict[str, str]) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return saved("PNG", pnginfo=info)


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG file with one chunk more, at its end."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return data[:-12] + chunk + data[-12:]


def by_label(found: provenance.Claims) -> dict[str, str]:
    return {claim.label: claim.value for claim in reversed(found.claims)}


def test_a_file_without_claims_says_nothing():
    found = provenance.read(saved("PNG"))
    assert (found.claims, found.notes) == ((), ())
    assert found.summary.startswith("The file carries no note of how it was made.")
    assert "Anyone can" in found.summary


def test_camera_and_software_are_named():
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Maker", "Model 5", "Editor 1.0"
    found = provenance.read(saved("JPEG", exif=exif))
    assert by_label(found) == {"Camera maker": "Maker", "Camera model": "Model 5", "Software": "Editor 1.0"}
    assert {claim.source for claim in found.claims} == {"EXIF"}
    assert "made with Editor 1.0" in found.summary
    assert "the camera Model 5" in found.summary


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_generator_parameters_are_read_in_every_format(form):
    pytest.importorskip("sd_parsers", reason="sd-parsers is not installed")
    if form == "PNG":
        data = png({"parameters": A1111})
    else:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode("utf-16-be")
        data = saved(form, exif=exif)
    said = by_label(provenance.read(data))
    assert said["Generator"] == "AUTOMATIC1111"
    assert (said["Prompt"], said["Negative prompt"], said["Model"]) == ("a red apple", "blurry", "dreamy")
    assert said["Seed"] == "42"


def test_a_long_line_beside_the_parameters_takes_nothing_away():
    pytest.importorskip("sd_parsers", reason="sd-parsers is not installed")
    said = by_label(provenance.read(png({"parameters": A1111, "Description": "x" * 20_000})))
    assert said["Generator"] == "AUTOMATIC1111"


def test_xmp_says_generative_ai_in_words():
    found = provenance.read(saved("JPEG", xmp=XMP.format(SOURCE_TYPE, "").encode()))
    assert by_label(found)["Digital source type"] == "created by generative AI (trainedAlgorithmicMedia)"
    assert by_label(found)["Software"] == "Painter 3"
    assert "it was created by generative AI" in found.summary


def test_values_are_short_and_harmless():
    found = provenance.read(
        png({"Title": "\x1b[31m\u202eevil" + "x" * 10_000, "Comment": "<script>alert(1)</script>\0"})
    )
    said = by_label(found)
    assert all(character.isprintable() for claim in found.claims for character in claim.value)
    assert "\\u202e" in said["Title"]
    assert len(said["Title"]) < 2 * readers.LONGEST
    assert said["Comment"].startswith("<script>")  # text, as it stands; `tests/reports/test_report.py` sees it escaped


def test_entity_bombs_are_refused_unread():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + XMP.format("&a;", "")
    found = provenance.read(saved("JPEG", xmp=bomb.encode()))
    assert found.claims == ()
    assert found.notes == ("The XMP could not be read: the packet declares a document type.",)


def test_a_zip_bomb_in_png_text_stays_small():
    bomb = b"parameters\0\0" + zlib.compress(b"x" * 50_000_000, 9)
    found = provenance.read(with_chunk(saved("PNG"), b"zTXt", bomb))
    assert max(len(claim.value) for claim in found.claims) < 2 * readers.LONGEST


def test_text_after_the_pixels_is_found():
    data = with_chunk(saved("PNG"), b"tEXt", b"Software\0Late Painter")
    assert by_label(provenance.read(data)) == {"Software": "Late Painter"}


def test_a_deep_or_huge_graph_is_a_note_and_no_exception():
    pytest.importorskip("sd_parsers", reason="sd-parsers is not installed")
    deep = "[" * 100_000
    assert isinstance(provenance.read(png({"prompt": deep, "workflow": deep})), provenance.Claims)
    graph = graph_of(2 * readers.MOST_NODES, links=0)
    assert any("more nodes than are read" in note for note in provenance.read(png(graph)).notes)


def test_a_graph_of_usual_size_is_read():
    pytest.importorskip("sd_parsers", reason="sd-parsers is not installed")
    said = by_label(provenance.read(png(graph_of(100, links=0))))
    assert (said["Generator"], said["Model"], said["Prompt"]) == ("ComfyUI", "dreamy", "a red apple")


def graph_of(nodes: int, links: int, spelt: str = "inputs") -> dict[str, str]:
    """A ComfyUI graph of samplers, a model and a prompt, in a chain and with more links, as the texts of a PNG file."""
    sampler = {"sampler_name": "euler", "steps": 1, "cfg": 1, "model": [str(nodes - 2), 0]}
    sampler["positive"] = ["0" if links else str(nodes - 1), 0]  # the way to it, or itself
    graph = {str(number): {"class_type": "KSampler", "inputs": sampler} for number in range(nodes - 2)}
    graph[str(nodes - 2)] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dreamy"}}
    graph[str(nodes - 1)] = {"class_type": "CLIPTextEncode", "inputs": {"text": "a red apple"}}
    ends = [[each, (each + 1) % nodes, 0, each % nodes, each, "X"] for each in range(links)]
    return {"prompt": json.dumps(graph).replace("inputs", spelt), "workflow": json.dumps({"links": ends})}


def packed(keyword: bytes, text: bytes) -> bytes:
    """A PNG file with one compressed text."""
    return with_chunk(saved("PNG"), b"iTXt", keyword + b"\0\1\0\0\0" + zlib.compress(text))


def huge() -> bytes:
    """A PNG file of 176 megapixels."""
    body = zlib.compress(bytes(13_300 * 13_301), 1)
    head = with_chunk(saved("PNG")[:8] + bytes(12), b"IHDR", struct.pack(">IIBBBBB", 13_300, 13_300, 8, 0, 0, 0, 0))
    return with_chunk(head, b"IDAT", body)


WORST = {  # files that stopped a server, each of 1 MB or less
    "processing instructions": lambda: packed(b"XML:com.adobe.xmp", b"<?" * 131_072),
    "nested elements": lambda: packed(b"XML:com.adobe.xmp", b"<a>" * 37_000 + b"</a>" * 37_000),
    "nested descriptions": lambda: packed(
        b"XML:com.adobe.xmp", b'<d:description xmlns:d="http://purl.org/dc/elements/1.1/">' * 4000
    ),
    "hashes": lambda: png({"parameters": "Hashes:{" * 32_768}),
    "hashes in lines": lambda: png({"parameters": ("Hashes:{" * 1000 + "\n") * 32}),
    "links": lambda: png(graph_of(490, links=7_000, spelt="\\u0069nputs")),
    "links within limits": lambda: png(graph_of(readers.MOST_NODES, links=readers.MOST_LINKS)),
    "deep JSON": lambda: png({"prompt": "[" * 200_000, "workflow": "{}"}),
    "pixels": huge,
    "parts": lambda: saved("PNG")[:-12] + b"".join([struct.pack(">I", 0) + b"tEXt" + bytes(4)] * 80_000),
}


@pytest.mark.parametrize("name", WORST)
def test_no_file_takes_long_or_holds_the_process(name: str):
    data = WORST[name]()
    assert len(data) <= 2**20
    here, before = time.thread_time(), os.times()
    assert provenance.read(data).summary
    after = os.times()
    theirs = sum(getattr(after, each) - getattr(before, each) for each in ("children_user", "children_system"))
    assert theirs < readers.SECONDS + 1, "on the processor; a busy machine takes longer by the clock"
    assert time.thread_time() - here < 0.3, "what this process does itself holds up everybody"


def test_a_reader_that_takes_too_long_by_the_clock_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(3600)")
    monkeypatch.setattr(provenance, "READER", (str(tmp_path / "sleeper.py"),))
    monkeypatch.setattr(provenance, "SECONDS", 0.2)
    assert any("takes longer" in note for note in provenance.read(saved("PNG")).notes)


def test_no_more_files_are_read_at_once_than_memory_is_reckoned_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    code = (
        "import os, pathlib, time\nmine = pathlib.Path(f'{os.getpid()}.reading')\nmine.touch()\n"
        "beside = len(list(pathlib.Path().glob('*.reading')))\n"
        "pathlib.Path(f'{os.getpid()}.beside').write_text(str(beside))\n"
        "time.sleep(0.2)\nmine.unlink()"
    )
    (tmp_path / "reader.py").write_text(f"import os; os.chdir({str(tmp_path)!r})\n{code}")
    monkeypatch.setattr(provenance, "READER", (str(tmp_path / "reader.py"),))
    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(lambda _: provenance.read(saved("PNG")), range(6)))) == 6
    counted = [int(path.read_text()) for path in tmp_path.glob("*.beside")]
    assert len(counted) == 6
    assert max(counted) <= provenance.AT_ONCE


def test_no_file_takes_much_memory():
    code = (
        "import resource, sys; from pathlib import Path; from tracer.image import provenance\n"
        "provenance.read(sys.stdin.buffer.read())\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    for make in WORST.values():
        done = subprocess.run([sys.executable, "-c", code], input=make(), capture_output=True, check=True)
        assert int(done.stdout) < 200_000, "in KB"


def test_no_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoding was started"))
    for form in ("PNG", "JPEG", "WEBP", "TIFF", "GIF"):
        assert list(readers.answers(saved(form)))


def test_what_was_read_before_a_reader_had_to_be_ended_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    slow = tmp_path / "slow.py"
    slow.write_text(
        'import time\nprint(\'{"source": "EXIF", "rows": [["Taken", "now"]], "note": ""}\', flush=True)\n'
        "print('{\"source\":', end='', flush=True)\ntime.sleep(60)"
    )
    monkeypatch.setattr(provenance, "READER", (str(slow),))
    monkeypatch.setattr(provenance, "SECONDS", 1)
    found = provenance.read(saved("PNG"))
    assert by_label(found) == {"Taken": "now"}
    assert found.notes == ("The rest was not read: it takes longer than 1 seconds.",)


def test_exif_behind_the_pixels_is_found():
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    data = with_chunk(saved("PNG"), b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    assert by_label(provenance.read(data)) == {"Camera maker": "Maker"}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged EXIF
def test_no_bytes_raise_an_exception():
    rng = np.random.default_rng(1)
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    whole = [png({"parameters": A1111}), saved("JPEG", exif=exif, xmp=XMP.format("", "").encode()), saved("WEBP")]
    for data in whole:
        for _ in range(40):
            broken = np.frombuffer(data, np.uint8).copy()
            broken[rng.integers(8, len(broken), 30)] = rng.integers(0, 256, 30)
            cut = broken.tobytes()[: rng.integers(1, len(broken))]
            assert isinstance(list(readers.answers(cut)), list)
            assert isinstance(list(readers.answers(broken.tobytes())), list)
        assert provenance.read(cut).summary
    assert provenance.read(b"").notes
    assert provenance.read("no-such-file.png").notes


def test_a_missing_library_is_one_plain_sentence():
    code = (
        "import sys; sys.modules.update({'sd_parsers': None, 'c2pa': None})\n"
        "from tracer.image import readers\n"
        "found = list(readers.answers(sys.stdin.buffer.read()))\n"
        "print([each['note'] for each in found]); print(sum(len(each['rows']) for each in found))"
    )
    data = with_chunk(png({"parameters": A1111}), b"caBX", b"c2pa")
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    notes, count = done.stdout.decode().splitlines()
    assert "the package sd_parsers is not installed" in notes
    assert "the package c2pa is not installed" in notes
    assert count == "1"  # the text itself is still shown


@pytest.fixture
def asked():
    """A server on this machine; yields its address and the list of what it was asked."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/manifest.c2pa", requests
    server.shutdown()


def test_credentials_kept_elsewhere_are_not_fetched(asked):
    c2pa = pytest.importorskip("c2pa", reason="c2pa-python is not installed")
    address, requests = asked
    data = saved("JPEG", xmp=XMP.format("", address).encode())
    assert "not fetched" in by_label(provenance.read(data))["Credentials"]
    assert requests == []
    with pytest.raises(c2pa.C2paError):  # the library's own default does ask, so the test above can fail
        c2pa.Reader("image/jpeg", io.BytesIO(data))
    assert requests == ["/manifest.c2pa"]


def signed(data: bytes) -> bytes:
    """The JPEG with Content Credentials, signed by a certificate made here and now."""
    c2pa = pytest.importorskip("c2pa", reason="c2pa-python is not installed")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def certificate(name: str, issuer: str, key, issuer_key, authority: bool):
        now, public = datetime.datetime.now(datetime.UTC), key.public_key()
        names = [
            x509.Name(
                [
                    x509.NameAttribute(x509.NameOID.COMMON_NAME, each),
                    x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, each),
                ]
            )
            for each in (name, issuer)
        ]
        usage = dict.fromkeys(
            ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"], False
        )
        usage |= {"encipher_only": False, "decipher_only": False}
        builder = (
            x509.CertificateBuilder(names[1], names[0], public, x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, **usage), critical=True
            )
        )
        if not authority:
            usages = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(usages, critical=False)
        return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = certificate("Some Signer", "Some Root", leaf, root, False)
    chain += certificate("Some Root", "Some Root", root, root, True)
    private = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}
    manifest = {
        "claim_generator_info": [{"name": "Painter", "version": "3"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, private, None))
    out = io.BytesIO()
    with c2pa.Builder(manifest, context=c2pa.Context.from_dict(readers._CREDENTIALS)) as builder:
        builder.sign(signer, "image/jpeg", io.BytesIO(data), out)
    return out.getvalue()


def test_content_credentials_are_read_and_a_broken_signature_is_said():
    data = signed(saved("JPEG"))
    said = by_label(provenance.read(data))
    assert said["Made with"] == "Painter 3"
    assert said["Signed by"] == "Some Signer"
    assert said["Digital source type"].startswith("created by generative AI")
    assert said["Signature"].startswith("matches this file")
    pixels = len(data) - 200  # within the compressed pixels
    changed = data[:pixels] + bytes([data[pixels] ^ 1]) + data[pixels + 1 :]
    assert by_label(provenance.read(changed))["Signature"].startswith("does not match this file")


def test_the_model_is_told_however_long_the_prompt_before_it_is():
    long = A1111.replace("a red apple", "a red apple, " * 200)
    found = provenance.telling(provenance.read(png({"parameters": long})).claims)
    assert "dreamy" in found["model"]
    assert all(len(value) <= 80 for value in found.values())
