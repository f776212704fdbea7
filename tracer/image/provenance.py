"""What a file says about itself: camera, software, generator parameters, Content Credentials.

All of it is a claim that anyone can write, copy or strip, so it plays no part in a verdict. Values are plain text of
bounded length with control characters written out; nothing is executed or fetched. Whoever shows them as HTML has to
escape them. A reader that fails gives a note instead of its claims.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tracer.image import intake, metadata

LONGEST = 600  # characters of a value
MOST = 80  # claims of one file
MOST_NODES = 500  # of a ComfyUI graph, whose reading takes time with their square
FORGEABLE = "Anyone can write, copy or remove such claims, so they play no part in the verdict."

_CREDENTIALS = {  # c2pa's settings: nothing is fetched, whatever the file asks for, and nobody is trusted
    "version": 1,
    "verify": {
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
        "verify_trust": False,
        "verify_timestamp_trust": False,
    },
    "core": {"allowed_network_hosts": []},
}
_LONGEST_MANIFEST = 2**21  # characters
_SOURCE_TYPES = {  # the last part of IPTC's addresses
    "trainedAlgorithmicMedia": "created by generative AI",
    "compositeWithTrainedAlgorithmicMedia": "edited with generative AI",
    "compositeSynthetic": "composed, with synthetic parts",
    "algorithmicMedia": "created by an algorithm without training",
    "digitalCapture": "captured by a camera",
    "computationalCapture": "captured by a camera with computation",
    "digitalCreation": "drawn by a person",
    "humanEdits": "edited by a person",
}
_TRIGGERS = {"parameters", "prompt", "workflow", "invokeai_metadata", "sd-metadata", "Dream", "Comment", "Description"}


@dataclass(frozen=True)
class Claim:
    """One statement of the file: what about, what it says, and where in the file that stands."""

    label: str
    value: str
    source: str


@dataclass(frozen=True)
class Claims:
    """All statements of one file.

    Attributes:
        summary: one sentence on what the file says, and one that anyone can forge it.
        claims: at most `MOST`.
        notes: what could not be read, and why, a sentence each.
    """

    summary: str
    claims: tuple[Claim, ...]
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The same as plain data for JSON."""
        return asdict(self)


def read(source: str | Path | bytes) -> Claims:
    """Everything that a file says about how it was made. Raises nothing: what fails becomes a note.

    Args:
        source: a path, or the file's bytes; files over `intake.MAX_BYTES` are not read.
    """
    try:
        data = source if isinstance(source, bytes) else _bytes(Path(source))
        image = metadata.opened(data)
    except Exception:  # Pillow raises nearly every type there is
        return Claims(f"The file's claims could not be read. {FORGEABLE}", (), ("The file is not a readable image.",))
    found, notes = [], []
    texts = _tried("PNG text", lambda: metadata.png_text(data) if image.format == "PNG" else {}, notes)
    packet = texts.pop("XML:com.adobe.xmp", "") or image.info.get("xmp") or ""
    fields = _tried("EXIF", lambda: metadata.exif(image), notes)
    parameters = {**texts, **({"parameters": fields["Comment"]} if "Comment" in fields else {})}
    for name, reader in (
        ("Content Credentials", lambda: _credentials(data, image.format)),
        ("generator parameters", lambda: _parameters(parameters)),
        ("EXIF", lambda: fields.items()),
        ("XMP", lambda: metadata.xmp(packet).items() if packet else ()),
        ("PNG text", lambda: texts.items()),
        ("comment", lambda: metadata.comments(image).items()),
    ):
        rows = _tried(name, lambda reader=reader: list(reader()), notes)
        found += [Claim(clean(label, 60), clean(_spoken(str(value))), name) for label, value in rows]
    if len(found) > MOST:
        notes.append(f"{len(found) - MOST} more claims are not shown.")
    claims = tuple(found[:MOST])
    return Claims(f"{_said(claims)} {FORGEABLE}", claims, tuple(notes))


def clean(text: str, longest: int = LONGEST) -> str:
    """Harmless text: one line, of bounded length, with control and direction characters written out."""
    kept = " ".join(text[: 2 * longest].split())
    kept = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in kept)
    if len(kept) <= longest and len(text) <= 2 * longest:
        return kept
    return f"{kept[:longest]} … (cut here; {len(text)} characters in all)"


def _bytes(path: Path) -> bytes:
    if not path.is_file() or path.stat().st_size > intake.MAX_BYTES:
        raise ValueError("not a file, or too large")
    return path.read_bytes()


def _tried(name: str, reader: Callable[[], Any], notes: list[str]) -> Any:
    """What a reader finds; where it fails, nothing, and a note. ValueErrors are our own, in our own words."""
    try:
        return reader()
    except ImportError as error:
        notes.append(f"The {name} were not read: the package {error.name} is not installed.")
    except (ValueError, RecursionError) as error:
        why = str(error) if type(error) is ValueError else "it is damaged"
        notes.append(f"The {name} could not be read: {clean(why, 200)}.")
    except Exception:  # hostile bytes; the libraries' texts may repeat them
        notes.append(f"The {name} could not be read: it is damaged.")
    return {}


def _spoken(value: str) -> str:
    """A digital source type in words; anything else as it is."""
    meaning = _SOURCE_TYPES.get(value.rsplit("/", 1)[-1]) if "/digitalsourcetype/" in value else None
    return f"{meaning} ({value.rsplit('/', 1)[-1]})" if meaning else value


def _said(claims: tuple[Claim, ...]) -> str:
    """The most telling claims in a sentence."""
    values: dict[str, str] = {}
    for claim in claims:
        values.setdefault(claim.label, claim.value[:80])
    parts = []
    if source := values.get("Digital source type"):
        parts.append(f"it was {source.split(' (')[0]}")
    if tool := values.get("Generator") or values.get("Made with") or values.get("Software"):
        parts.append(f"it was made with {tool}")
    if model := values.get("Model"):
        parts.append(f"the model was {model}")
    if camera := values.get("Camera model") or values.get("Camera maker"):
        parts.append(f"it came from the camera {camera}")
    if parts:
        return f"The file claims that {' and that '.join(parts)}."
    return "The file says nothing about how it was made." if not claims else "The file carries claims, listed below."


def _parameters(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Generator parameters of Stable Diffusion user interfaces, by sd-parsers. It sees the texts, never the file."""
    if not _TRIGGERS & set(texts):
        return
    from sd_parsers import Eagerness, ParserManager

    if sum(text.count('"inputs"') for text in texts.values()) > MOST_NODES:
        raise ValueError("the graph has more nodes than are read")
    bearer = Image.new("RGB", (1, 1))
    bearer.format, bearer.info = "PNG", dict(texts)
    found = ParserManager().parse(bearer, eagerness=Eagerness.FAST)
    if found is None:
        return
    yield "Generator", found.generator.value
    for prompt in found.prompts[:5]:
        yield "Prompt", str(prompt)
    for prompt in found.negative_prompts[:5]:
        yield "Negative prompt", str(prompt)
    for model in list(dict.fromkeys(sampler.model for sampler in found.samplers if sampler.model))[:5]:
        yield "Model", str(model)
        if model.name and model.hash:
            yield "Model hash", str(model.hash)
    for sampler in found.samplers[:3]:
        yield "Sampler", str(sampler.name)
        for key, value in list(sampler.parameters.items())[:12]:
            yield str(key).replace("_", " ").capitalize(), str(value)


def _credentials(data: bytes, kind: str) -> Iterator[tuple[str, str]]:
    """Content Credentials (C2PA), read from the file alone; who signed is reported and not judged."""
    mime = Image.MIME.get("JPEG" if kind == "MPO" else kind, "")
    # Without the marks of a manifest, or of an address of one, the library need not be loaded.
    if not any(mark in data for mark in (b"c2pa", b"C2PA", b"provenance")):
        return
    os.environ.setdefault("C2PA_LOG", "off")
    import c2pa

    if mime not in c2pa.Reader.get_supported_mime_types():
        return
    try:
        reader = c2pa.Reader.try_create(mime, io.BytesIO(data), context=c2pa.Context.from_dict(_CREDENTIALS))
    except c2pa.C2paError.RemoteManifest:
        yield "Credentials", "kept elsewhere, at an address that the file names; not fetched"
        return
    except c2pa.C2paError as error:
        if str(error).startswith("Remote"):
            yield "Credentials", "kept elsewhere, at an address that the file names; not fetched"
            return
        raise ValueError("the manifest is damaged") from None
    if reader is None:
        return
    with reader:
        text, state = reader.json(), reader.get_validation_state()
    if len(text) > _LONGEST_MANIFEST:
        raise ValueError("the manifest is longer than is read")
    store = json.loads(text)
    yield from _manifest(store["manifests"][store["active_manifest"]])
    valid = str(state).lower() in ("valid", "trusted")
    words = "matches this file" if valid else "does not match this file, or is damaged"
    yield "Signature", f"{words}; whether the signer is who it says was not checked"


def _manifest(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    tools = [manifest.get("claim_generator") or "", *manifest.get("claim_generator_info", [])[:3]]
    for tool in tools[1:] or tools[:1]:
        name = f"{tool.get('name', '')} {tool.get('version', '')}" if isinstance(tool, dict) else str(tool)
        if name.strip():
            yield "Made with", name
    signature = manifest.get("signature_info") or {}
    for key, label in (("common_name", "Signed by"), ("issuer", "Issuer"), ("time", "Signed at")):
        if signature.get(key):
            yield label, str(signature[key])
    if manifest.get("title"):
        yield "Title", str(manifest["title"])
    for assertion in manifest.get("assertions", [])[:20]:
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in assertion.get("data", {}).get("actions", [])[:10]:
                yield "Action", str(action.get("action", ""))
                if action.get("digitalSourceType"):
                    yield "Digital source type", str(action["digitalSourceType"])
    if manifest.get("ingredients"):
        yield "Made from", f"{len(manifest['ingredients'])} other files"
