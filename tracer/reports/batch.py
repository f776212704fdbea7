"""Many images into rows: one per file, the same from every engine, in a file that a run can go on with."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tracer import __version__, api
from tracer.evidence import store
from tracer.evidence.artifacts import detection, null_distribution
from tracer.evidence.inversion import calibration
from tracer.evidence.inversion.settings import MODES
from tracer.evidence.verdict import Trace
from tracer.image import intake, provenance
from tracer.models import checkpoint, hub, registry
from tracer.models.errors import ModelUnavailable
from tracer.reports.table import Row, Table, as_csv
from tracer.verdict import combine, plain, wording
from tracer.verdict.combine import Joint

__all__ = ["SUFFIXES", "Options", "Row", "Table", "as_csv", "found", "row", "rows"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")

_ABOUT = ("file", "sha256", "bytes", "width", "height", "kind", "answer", "sure")
_VERDICT = ("verdict", "family", "sentence", "reason")
_VIEW = ("windows", "offset", "resized_from", "inspected")
_MARKS = ("marks", "marks_probability", "marks_threshold", "marks_p_value")
_EACH = ("score", "threshold", "p_value", "contrast")
_HOW = ("seconds", "settings", "revisions", "not_inspected", "error")


@dataclass(frozen=True)
class Options:
    """What every image of a batch is asked.

    Attributes:
        lineup: one of `registry.LINEUPS`; ignored where `families` are given.
        families: registry ids.
        mode: "grid", "paper" or "paper-random".
    """

    lineup: str = api.LINEUP
    families: tuple[str, ...] = ()
    mode: str = "grid"

    def names(self) -> list[str]:
        """The families to inspect, by id. Raises KeyError for an unknown line-up, family or mode."""
        if self.mode not in MODES:
            raise KeyError(f"no mode called {self.mode!r}; there are: {', '.join(MODES)}")
        chosen = [registry.family(name) for name in dict.fromkeys(self.families)] or registry.families(self.lineup)
        return [row.id for row in chosen]

    def record(self) -> str:
        """Everything that the rows depend on: two rows with the same text and file hash say the same."""
        names, digest = self.names(), hashlib.sha256()
        shared = [calibration.null_path(kind) for kind in calibration.KINDS]
        for path in shared if self.mode == "grid" else [calibration.path_of(name, self.mode) for name in names]:
            digest.update(path.read_bytes() if path.exists() else b"")
        for name in names:
            digest.update(_weights(name).encode())
        digest.update(_detector().encode())
        return (
            f"tracer {__version__}, families {' '.join(names)}, mode {self.mode}, "
            f"weights and thresholds {digest.hexdigest()[:12]}"
        )

    def columns(self) -> list[str]:
        """The keys of every row, in order."""
        each = [f"{name}_{what}" for name in self.names() for what in _EACH]
        return [*_ABOUT, *_VERDICT, *_VIEW, *each, *_MARKS, "claims", *_HOW]


@functools.cache
def _weights(family: str) -> str:
    """What identifies a family's weights, without loading them."""
    row = registry.family(family)
    return checkpoint.digest_of(Path(row.source) / row.subfolder) if row.bundled else hub.revision(row.repository)


@functools.cache
def _detector() -> str:
    """What identifies the detector of marks and its calibration; "" where there is none."""
    try:
        parts = [detection.revision(), *(path.read_text() for path in sorted(null_distribution.FOLDER.glob("*.json")))]
    except ModelUnavailable:
        return ""
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def found(folder: Path) -> list[tuple[str, Path]]:
    """The image files below a folder, as (path relative to it, path), sorted. Hidden ones are left out.

    Raises:
        ValueError: it is no folder, or there is no image file in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    inside = ((path.relative_to(folder), path) for path in sorted(folder.rglob("*")) if path.is_file())
    files = [
        (_named(name.as_posix()), path)
        for name, path in inside
        if path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in name.parts)
    ]
    if not files:
        raise ValueError(f"there is no image file in {folder}")
    return files


def row(name: str, source: Path | bytes, options: Options, stop: Callable[[], bool] = lambda: False) -> Row:
    """The row of one file. A file that cannot be used gives a row that says why.

    Args:
        name: what to call it.
        source: where it is, or its bytes.
        options: what it is asked.
        stop: as in `api.trace_stream`.

    Raises:
        KeyError, ModelUnavailable, ThresholdMismatch: what is wrong for every file.
    """
    begun, made = time.perf_counter(), dict.fromkeys(options.columns())
    made.update(file=name, settings=options.record())
    try:
        data = _contents(source)
        if len(data) <= intake.MAX_BYTES:
            made.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        asked = {"lineup": options.lineup, "families": list(options.families) or None, "mode": options.mode}
        picture = intake.read(data, name)
        joint = _joint(api.trace(picture, stop=stop, **asked), picture, stop)
        made.update(_answer(joint), claims=_claims(data))
    except (ModelUnavailable, store.ThresholdMismatch):
        raise
    except OSError as error:
        made.update(verdict="error", error=f"cannot be read: {error.strerror or type(error).__name__}")
    except intake.IntakeError as error:
        made.update(verdict="error", error=str(error))
    except (MemoryError, RuntimeError) as error:  # torch's way to say that an image is too large for the machine
        made.update(verdict="error", error=f"could not be inspected: {type(error).__name__}")
    made["seconds"] = round(time.perf_counter() - begun, 3)
    return made


def rows(
    files: Iterable[tuple[str, Path | bytes]],
    options: Options,
    known: Iterable[Row] = (),
    engine: Callable[[Iterable[tuple[str, Path | bytes]], Options], Iterator[Row]] | None = None,
) -> Iterator[Row]:
    """The rows of many files, in their order, leaving out those that are known already; copies come last.

    Args:
        files: (name, path or bytes) each.
        options: what they are asked.
        known: rows of an earlier run. A file with the hash of one of them, made with the same options, is not inspected
            again, nor is one whose bytes came before in this run: under its own name it gets a copy of that row.
        engine: turns files and options into rows, in order; by default one after another in this process.
    """
    settings, known = options.record(), list(known)
    done = {each["sha256"]: each for each in known if each["settings"] == settings and each["sha256"]}
    listed = {(each["file"], each["sha256"]) for each in known if each["settings"] == settings}
    seen, copies = set(done), []

    def fresh() -> Iterator[tuple[str, Path | bytes]]:
        for name, source in files:
            digest = _digest(source)
            if digest not in seen:
                seen.update({digest} - {""})
                yield name, source
            elif (name, digest) not in listed:
                copies.append((name, digest))

    for made in (engine or _one_by_one)(fresh(), options):
        yield made
        done[made["sha256"]] = made
    for name, digest in copies:
        if digest in done:
            yield {**done[digest], "file": name}


def _one_by_one(files: Iterable[tuple[str, Path | bytes]], options: Options) -> Iterator[Row]:
    for name, source in files:
        yield row(name, source, options)


def _joint(trace: Trace, picture: intake.Picture, stop: Callable[[], bool]) -> Joint:
    """What inversion and the detector of marks say together; the former alone where there is no detector."""
    try:
        return combine.join(trace, api.artifacts(picture, stop=stop))
    except (ModelUnavailable, store.ThresholdMismatch) as error:
        return combine.join(trace, unavailable={"artifacts": str(error)})


def _claims(data: bytes) -> str:
    """What a file says about itself, in a few words; anyone can write that."""
    return ", ".join(provenance.telling(provenance.read(data).claims).values())


def _answer(joint: Joint) -> Row:
    trace, marks, said = joint.evidence["inversion"], joint.evidence.get("artifacts"), plain.answer(joint)
    verdict, sentence = joint.verdict, wording.sentence(joint.verdict)
    away = {**trace.unavailable, **joint.unavailable}
    made: Row = {
        "kind": said.kind,
        "answer": said.line,
        "sure": said.sure,
        "width": trace.image.width,
        "height": trace.image.height,
        "verdict": verdict.kind,
        "family": ", ".join(verdict.families) if verdict.kind == "family" else "",
        "sentence": sentence,
        "reason": sentence if verdict.kind in ("undecided", "insufficient") else "",
        "revisions": ", ".join(f"{each.family} {each.revision}" for each in trace.evidence),
        "not_inspected": "; ".join(f"{name}: {why}" for name, why in away.items()),
    }
    for each in trace.evidence:
        made |= {f"{each.family}_{what}": getattr(each, what) for what in _EACH}
    if marks:
        made |= {"marks": marks.verdict.kind, "marks_probability": marks.probability}
        made |= {"marks_threshold": marks.threshold, "marks_p_value": marks.p_value}
    if trace.windows:
        made["inspected"] = "; ".join(" ".join(map(str, box)) for box in trace.windows)
        first = trace.evidence[0]  # all families are asked about the same view
        made["windows"] = len(trace.windows)
        made["offset"] = "{} down, {} right".format(*first.offset) if any(first.offset) else ""
        made["resized_from"] = "{1} x {0}".format(*first.resized_from) if first.resized_from else ""
    return made


def _named(name: str) -> str:
    """A file name that every encoding takes."""
    return name.encode("utf-8", "replace").decode()


def _contents(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    with source.open("rb") as file:  # not more than is needed to see that it is too large
        return file.read(intake.MAX_BYTES + 1)


def _digest(source: Path | bytes) -> str:
    """The hash of a file; "" where it cannot be read or is too large to be."""
    try:
        data = _contents(source)
    except OSError:
        return ""
    return hashlib.sha256(data).hexdigest() if len(data) <= intake.MAX_BYTES else ""
