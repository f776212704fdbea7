"""A file's claims are read as harmless text, forged or damaged as they may be, and nothing is fetched."""

from __future__ import annotations

import datetime
import io
import json
import struct
import subprocess
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tracer.image import provenance

A1111 = "a red apple\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Model: dreamy"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Painter 3"
 xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" ext:DigitalSourceType="{}"
 xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{}"/></rdf:RDF></x:xmpmeta>"""


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
    assert found.summary.startswith("The file says nothing about how it was made.")
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
    assert len(said["Title"]) < 2 * provenance.LONGEST
    assert said["Comment"].startswith("<script>")  # text, as it stands; `tests/test_report.py` sees it escaped


def test_entity_bombs_are_refused_unread():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + XMP.format("&a;", "")
    found = provenance.read(saved("JPEG", xmp=bomb.encode()))
    assert found.claims == ()
    assert found.notes == ("The XMP could not be read: the packet declares a document type.",)


def test_a_zip_bomb_in_png_text_stays_small():
    bomb = b"parameters\0\0" + zlib.compress(b"x" * 50_000_000, 9)
    found = provenance.read(with_chunk(saved("PNG"), b"zTXt", bomb))
    assert max(len(claim.value) for claim in found.claims) < 2 * provenance.LONGEST


def test_text_after_the_pixels_is_found():
    data = with_chunk(saved("PNG"), b"tEXt", b"Software\0Late Painter")
    assert by_label(provenance.read(data)) == {"Software": "Late Painter"}


def test_a_deep_or_huge_graph_is_a_note_and_no_exception():
    pytest.importorskip("sd_parsers", reason="sd-parsers is not installed")
    deep = "[" * 100_000
    assert isinstance(provenance.read(png({"prompt": deep, "workflow": deep})), provenance.Claims)
    node = {"class_type": "KSampler", "inputs": {"seed": 1}}
    graph = json.dumps({str(number): node for number in range(2 * provenance.MOST_NODES)})
    found = provenance.read(png({"prompt": graph, "workflow": '{"links": []}'}))
    assert any("more nodes than are read" in note for note in found.notes)


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
            assert provenance.read(cut).summary
            assert provenance.read(broken.tobytes()).summary
    assert provenance.read(b"").notes
    assert provenance.read("no-such-file.png").notes


def test_a_missing_library_is_one_plain_sentence():
    code = (
        "import sys; sys.modules.update({'sd_parsers': None, 'c2pa': None})\n"
        "from tracer.image import provenance\n"
        "found = provenance.read(sys.stdin.buffer.read()); print(found.notes); print(len(found.claims))"
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
    with c2pa.Builder(manifest, context=c2pa.Context.from_dict(provenance._CREDENTIALS)) as builder:
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
