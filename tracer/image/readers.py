"""Reads what a file says about itself; meant to run in a process of its own, which `provenance` starts and ends.

A file comes in on standard input. Each reader answers with a line of JSON on standard output as soon as it is done, the
quickest first, so that one that has to be ended takes nothing along but its own claims.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from PIL import Image

from tracer.image import gate, metadata

LONGEST = 600  # characters of a value
MOST = 80  # claims of one file
# Of a ComfyUI graph: the library walks the links again for each sampler, and the way back for each prompt.
MOST_NODES, MOST_LINKS = 500, 2000
LONGEST_LINE = 2**13  # characters of a line of parameters; honest ones have some hundred
SECONDS, MEMORY = 2, 192 * 2**20  # of this process: on the processor, and bytes of its data

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
_GRAPHS = ("prompt", "workflow")
_TRIGGERS = {"parameters", "invokeai_metadata", "sd-metadata", "Dream", "Comment", "Description", *_GRAPHS}


def main() -> None:
    """Read one file from standard input, within limits that the system keeps."""
    with suppress(ImportError):  # not every system has such limits
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    for answer in answers(sys.stdin.buffer.read()):
        print(json.dumps(answer), flush=True)


def answers(data: bytes) -> Iterator[dict[str, Any]]:
    """What each reader finds, one after the other; nothing for a file that `gate` refuses by its header.

    Yields:
        {"source": its name, "rows": [[label, value], ...] of harmless text, "note": why it could not be read, or ""}.
    """
    try:
        image = gate.header(metadata.lean(data))
    except Exception:  # Pillow raises nearly every type there is
        return
    rows, note = _tried("PNG text", lambda: metadata.png_texts(data) if image.format == "PNG" else ())
    texts = dict(reversed(rows))  # of two with one name, the first counts
    packet = texts.pop("XML:com.adobe.xmp", "") or image.info.get("xmp") or ""
    yield _answer("PNG text", texts.items(), note)
    rows, note = _tried("EXIF", lambda: metadata.exif(image, data, texts).items())
    yield _answer("EXIF", rows, note)
    parameters = {**texts, **({"parameters": value} if (value := dict(rows).get("Comment")) else {})}
    for source, reader in (
        ("XMP", lambda: metadata.xmp(packet).items() if packet else ()),
        ("comment", lambda: metadata.comments(image).items()),
        ("Content Credentials", lambda: _credentials(data, image.format)),
        ("generator parameters", lambda: _parameters(parameters)),
    ):
        yield _answer(source, *_tried(source, reader))


def clean(text: str, longest: int = LONGEST) -> str:
    """Harmless text: one line, of bounded length, with control and direction characters written out."""
    kept = " ".join(text[: 2 * longest].split())
    kept = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in kept)
    if len(kept) <= longest and len(text) <= 2 * longest:
        return kept
    return f"{kept[:longest]} … (cut here; {len(text)} characters in all)"


def _answer(source: str, rows: Iterable[tuple[str, Any]], note: str) -> dict[str, Any]:
    shown = [[clean(label, 60), clean(str(value))] for label, value in rows]
    if len(shown) > MOST:
        note = f"{note} {len(shown) - MOST} more claims of the {source} are not shown.".strip()
    return {"source": source, "rows": shown[:MOST], "note": note}


def _tried(source: str, reader: Callable[[], Iterable[tuple[str, Any]]]) -> tuple[list[tuple[str, Any]], str]:
    """What a reader finds until it fails, and a note if it does. ValueErrors are our own, in our own words."""
    rows: list[tuple[str, Any]] = []
    try:
        rows.extend(reader())
    except ImportError as error:
        return rows, f"The {source} were not read: the package {error.name} is not installed."
    except Exception as error:  # hostile bytes; the libraries' texts may repeat them
        why = str(error) if type(error) is ValueError else "it is damaged"
        return rows, f"The {source} could not be read: {clean(why, 200)}."
    return rows, ""


def _check_lines(text: str) -> None:
    """The library's search for hashes takes time with the square of a line's length."""
    if max(map(len, text.split("\n"))) > LONGEST_LINE:
        raise ValueError("a line is longer than is read")


def _check_graph(text: str) -> None:
    """Counts what was parsed, since a name in JSON can be written in many ways."""
    graph = json.loads(text)
    links = graph.get("links") if isinstance(graph, dict) else None
    if isinstance(graph, dict) and len(graph) > MOST_NODES:
        raise ValueError("the graph has more nodes than are read")
    if isinstance(links, list) and len(links) > MOST_LINKS:
        raise ValueError("the graph has more links than are read")


def _parameters(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Generator parameters of Stable Diffusion user interfaces, by sd-parsers. It sees the texts, never the file."""
    if not _TRIGGERS & set(texts):
        return
    for name, text in texts.items():
        if name in _GRAPHS:
            _check_graph(text)
        elif name == "parameters":  # the only one that is searched for hashes
            _check_lines(text)
    from sd_parsers import Eagerness, ParserManager

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
    models = {str(sampler.model): sampler.model for sampler in found.samplers if sampler.model}
    for model in list(models.values())[:5]:
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


if __name__ == "__main__":
    main()
