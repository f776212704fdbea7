"""What evidence says about an image, as data: results and verdicts. The sentences are made in `verdict/wording.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tracer.evidence.reasons import Reason
from tracer.image.intake import Picture

VerdictKind = Literal["family", "none", "undecided", "insufficient", "autoencoder"]
Detail = str | int | float | tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """An answer, of one kind of evidence or of several.

    Attributes:
        kind: "family", "none", "undecided" or "insufficient"; of artifacts "autoencoder" instead of "family".
        reason: why.
        families: the family, or the families that cannot be told apart.
        members: the models known to use these families' autoencoders.
        details: names and numbers that belong to the reason.
        stopped: whether the run was cancelled before its decision.
        rests_on: the verdicts that this one was made of.
    """

    kind: VerdictKind
    reason: Reason
    families: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    details: Mapping[str, Detail] = field(default_factory=dict)
    stopped: bool = False
    rests_on: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class ImageFacts:
    """What a result says about the file that it is about.

    Attributes:
        file: name; never a path.
        sha256: of its bytes.
        width, height: in pixels.
        format: such as "PNG"; "" where there was no file.
        jpeg_quality: 1 to 100; None where it is no JPEG file.
        notes: what was done to it before inspection.
    """

    file: str
    sha256: str
    width: int = 0
    height: int = 0
    format: str = ""
    jpeg_quality: int | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, picture: Picture) -> ImageFacts:
        """Those of a picture."""
        size = picture.width, picture.height
        return cls(picture.name, picture.sha256, *size, picture.format, picture.jpeg_quality, tuple(picture.notes))


@dataclass(frozen=True)
class Evidence:
    """One family's answer to one image.

    Attributes:
        family: registry id, or the folder of the inspected autoencoder.
        method: "inversion".
        mode: "grid", "paper" or "paper-random".
        score: grid: the strength of the family's answer on its latent grid (`decision.Standing.score`), large where it
            made the image. Paper modes: the smallest reconstruction loss, small where it did.
        threshold: grid: smallest score that names a family. Paper modes: largest loss that still belongs.
        p_value: grid: share of pictures that none of the families made and that score at least as high; small where the
            family made the image. Paper modes: share of the family's own images that lose at least as much; small where
            it did not. None where the run was stopped before there was anything to compare.
        belongs: True, False, or None where that is open.
        steps: grid: windows that were inspected. Paper modes: gradient steps.
        seconds: time that it took, without loading.
        revision: what a reader finds the weights by: the Hub's commit, or `weights_digest` where there is none.
        weights_digest: what identifies the weights themselves.
        dtype: data type of the weights.
        contrast: grid: mean log energy of the reconstruction error on the grid less that beside it; below 0 where the
            family made the image. Paper modes: the same of the two descents' losses; NaN without a control.
        error: grid: standard error of the contrast.
        offset: rows and columns by which the latent grid is shifted, where the picture was cropped.
        resized_from: height and width that the picture was brought back to; None where it was inspected as it is.
        compared_with: pictures behind the threshold.
        stopped: whether the run was cancelled before its decision.
        phases: grid: places of its grid that every window was reconstructed at, on the grid and beside it.
    """

    family: str
    method: str
    mode: str
    score: float
    threshold: float
    p_value: float | None
    belongs: bool | None
    steps: int
    seconds: float
    revision: str
    weights_digest: str = ""
    dtype: str = "float32"
    contrast: float = 0.0
    error: float = 0.0
    offset: tuple[int, int] = (0, 0)
    resized_from: tuple[int, int] | None = None
    compared_with: int = 0
    stopped: bool = False
    phases: int = 0

    @property
    def sort_key(self) -> float:
        """What answers are ordered by, the best first: how far the score is on the wrong side of the threshold."""
        if self.mode == "grid":
            return self.threshold - self.score
        return self.score / self.threshold - 1

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Trace:
    """Everything that inversion says about one image.

    Attributes:
        image: what the result says about the file.
        verdict: the answer.
        evidence: one entry per inspected family.
        versions: of the libraries involved.
        unavailable: why a family of the line-up was not inspected, by id.
        windows: top, left, bottom and right of every window that was inspected, in pixels of the view.
        contrasts: by family, the mean contrast of each of these windows.
    """

    image: ImageFacts
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    versions: dict[str, str] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    windows: tuple[tuple[int, int, int, int], ...] = ()
    contrasts: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON values, without sentences (`wording.document` adds them); what few traces have, only where it is."""
        some = ("unavailable", "windows", "contrasts")
        return {key: value for key, value in asdict(self).items() if value or key not in some}


@dataclass(frozen=True)
class Doubt:
    """What about a file limits its answer, and the names and numbers that belong to that."""

    reason: Reason
    details: Mapping[str, Detail] = field(default_factory=dict)


def listed(names: Sequence[str]) -> str:
    """Names as running text."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
