"""Mutated files and parameters through everything that reads what strangers send: `python -m benchmarks.fuzz [COUNT]`.

Each target has something valid to start from, and the errors that it may raise; any other one, more than `SECONDS` on
the processor or more than `MEMORY` is a finding. The suite runs some hundred mutations; this runs some thousand, which
takes minutes.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from benchmarks.process import peak
from tracer import assets
from tracer.evidence.inversion import calibration, settings
from tracer.evidence.store import ThresholdMismatch
from tracer.image import intake, readers
from tracer.models import folder as folders
from tracer.models.errors import ModelUnavailable
from tracer.ui import parameters

SECONDS, MEMORY = 2, 200  # of one mutation; MiB above the start, over all of them
MINI = assets.CALIBRATION.parent / "minis" / "mini-kl" / "vae"
_PIECES = (b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"9" * 400, b"-1", b"1e999", b"NaN")
_PIECES += (b"null", b"[" * 3000, b'"', b"{")


@dataclass(frozen=True)
class Target:
    """What is sent to whom.

    Attributes:
        valid: files, or other bytes, that are mutated.
        read: takes the mutated bytes.
        allowed: what it may raise.
    """

    valid: tuple[bytes, ...]
    read: Callable[[bytes], Any]
    allowed: tuple[type[Exception], ...] = ()


def targets(place: Path) -> dict[str, Target]:
    """All of them by name; those that read files write them to `place`."""
    pictures = tuple(_pictures())
    paths = calibration.null_path("autoencoder"), calibration.path_of("mini-kl", "paper")
    stored = tuple(path.read_bytes() for path in paths)
    given = b'["image.png", 4, "caption", true, ["mini-kl"], "grid", null, 1.5]'
    return {
        "intake": Target(pictures, intake.read, (intake.IntakeError,)),
        "claims": Target(pictures, lambda data: list(readers.answers(data))),
        "config.json": Target(
            ((MINI / folders.CONFIG).read_bytes(),), lambda data: _configured(place, data), (ModelUnavailable,)
        ),
        "thresholds": Target(stored, lambda data: _threshold(place, data), (ThresholdMismatch,)),
        "parameters": Target((given,), _parameters),
    }


def _pictures() -> Iterator[bytes]:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (66, 72, 3), dtype=np.uint8))
    info, exif = PngImagePlugin.PngInfo(), Image.Exif()
    info.add_text("parameters", "apple\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Hashes: {}", zip=True)
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'><a><b/></a></x:xmpmeta>")
    info.add_text("prompt", json.dumps({"1": {"class_type": "KSampler", "inputs": {"steps": 1, "model": ["1", 0]}}}))
    info.add_text("workflow", json.dumps({"links": [[0, 1, 0, 1, 0, "X"]]}))
    exif[0x010F], exif[0x0112] = "Maker", 6
    for kind, options in (
        ("PNG", {"pnginfo": info, "exif": exif}),
        ("JPEG", {"exif": exif, "xmp": b"<a/>", "comment": b"made"}),
        ("WEBP", {"exif": exif, "lossless": True}),
        ("AVIF", {}),
        ("GIF", {"comment": b"made"}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ):
        file = io.BytesIO()
        image.save(file, kind, **options)
        yield file.getvalue()


def _configured(place: Path, data: bytes) -> None:
    (place / folders.CONFIG).write_bytes(data)
    (place / folders.WEIGHTS).touch()
    folders.config(place, "theirs")


def _threshold(place: Path, data: bytes) -> None:
    calibration.null_path("autoencoder", place).write_bytes(data)
    calibration.path_of("mini-kl", "paper", place).write_bytes(data)
    with suppress(ThresholdMismatch):
        calibration.shared("autoencoder", place)
    calibration.losses("mini-kl", "paper", "", place)


def _parameters(data: bytes) -> None:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return  # refused before it gets here
    for value in values if isinstance(values, list) else [values]:
        for check in (
            parameters.image,
            lambda each: parameters.whole("tries", each, 1, 100),
            lambda each: parameters.text("caption", each, 200),
            lambda each: parameters.yes_or_no("draw", each),
            lambda each: parameters.one_of("mode", each, settings.MODES),
            lambda each: parameters.some_of("families", each, ("mini-kl",)),
        ):
            try:
                check(value)
            except parameters.Wrong as error:
                if len(str(error)) > 200:
                    raise ValueError("a message repeats what was sent") from None


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """A copy with up to eight bytes or pieces changed, put in, taken out or repeated; headers are hit most."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 9)):
        reach = max(len(changed) if random.random() < 0.5 else min(len(changed), 200), 1)
        at, piece = int(random.integers(reach)), _PIECES[random.integers(len(_PIECES))]
        match random.integers(5):
            case 0:
                changed[at : at + 1] = random.bytes(1)
            case 1:
                changed[at : at + len(piece)] = piece
            case 2:
                changed[at:at] = piece
            case 3:
                del changed[at : at + int(random.integers(1, 30))]
            case 4:
                changed[at:at] = changed[at : at + 40] * int(random.integers(1, 200))
    return bytes(changed)


@dataclass
class Outcome:
    """What so many mutations did: what went wrong, a line each; seconds of the slowest; MiB that all of them took."""

    findings: list[str]
    slowest: float = 0.0
    memory: float = 0.0


def run(target: Target, count: int, seed: int = 0) -> Outcome:
    """Send so many mutations."""
    random, begun, outcome = np.random.default_rng(seed), peak(), Outcome([])
    for number in range(count):
        data = mutated(target.valid[number % len(target.valid)], random)
        start = time.thread_time()  # a busy machine takes longer by the clock
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's remarks on damaged metadata
                target.read(data)
        except target.allowed:
            pass
        except Exception as error:
            outcome.findings.append(f"{number}: {type(error).__name__}: {error}"[:200])
        seconds = time.thread_time() - start
        outcome.slowest = max(outcome.slowest, seconds)
        if seconds > SECONDS:
            outcome.findings.append(f"{number}: {seconds:.1f} s")
    outcome.memory = peak() - begun
    if outcome.memory > MEMORY:
        outcome.findings.append(f"{outcome.memory:.0f} MiB")
    return outcome


def main(count: int = 5000) -> int:
    """Run every target; 1 if anything was found."""
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, target in targets(Path(folder)).items():
            done = run(target, count)
            worst = max(worst, len(done.findings))
            figures = f"{len(done.findings)} findings, slowest {done.slowest:.2f} s, {done.memory:.0f} MiB more"
            print(f"{name}: {count} mutations, {figures}", *done.findings[:10], sep="\n  ", flush=True)
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
