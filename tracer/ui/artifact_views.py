"""What tab 2 shows, as HTML and figures: the answer, the probability's scale, the map, the words."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup
from plotly.graph_objects import Figure

from tracer.evidence import conditions, store
from tracer.evidence.artifacts import decision, detection, null_distribution, spectrum
from tracer.evidence.artifacts.decision import Artifacts, Known
from tracer.evidence.artifacts.detection import Settings, Try
from tracer.evidence.artifacts.heatmap import Heatmap
from tracer.evidence.artifacts.null_distribution import LEVELS, NullDistribution, Scores
from tracer.image.intake import Picture
from tracer.models.errors import ModelUnavailable
from tracer.reports.figures import artifacts, maps, plots
from tracer.ui.templates import caption, render
from tracer.ui.words import chance, frame
from tracer.verdict import wording

_FRAMES = {  # kind of answer -> the banner's looks and name
    "autoencoder": ("family", "Marks found"),
    "none": ("none", "No marks"),
    "undecided": ("undecided", ""),
    "insufficient": ("insufficient", ""),
}


@dataclass
class Board:
    """Everything on tab 2 about one image.

    Attributes:
        subject: what was inspected, in our own words; never a visitor's file name.
        total: how many tries there will be.
        picture: the image.
        known: what it is judged by.
        tries: so far.
        heatmap: the map so far.
        shown: its spectrum.
        answer: the finished result, or None.
    """

    subject: str
    total: int
    picture: Picture
    known: Known
    tries: list[Try] = field(default_factory=list)
    heatmap: Heatmap | None = None
    shown: spectrum.Spectrum | None = None
    answer: Artifacts | None = None

    def take(self, update: Try | Artifacts | Heatmap) -> None:
        """Add what the stream says."""
        if isinstance(update, Try):
            self.tries.append(update)
        elif isinstance(update, Heatmap):
            self.heatmap = update
        else:
            self.answer = update

    @property
    def scores(self) -> Scores | None:
        """What the mean of the tries so far is compared with."""
        return self.known.scores(self.picture, len(self.tries)) if self.tries else None


def begun(picture: Picture, total: int) -> Board:
    """A board without a try; refuses what could not be answered.

    Raises:
        ModelUnavailable: the detector is missing.
        ThresholdMismatch: nothing is stored for this detector.
    """
    known = decision.known(picture, Settings())
    total = detection.count(picture.height, picture.width, Settings(tries=total))
    return Board("The image", total, picture, known, shown=spectrum.measure(picture.pixels))


def again(picture: Picture, answer: Artifacts) -> Board:
    """The board of a look that has ended.

    Raises:
        ModelUnavailable, ThresholdMismatch: as `begun`.
    """
    board = begun(picture, len(answer.tries))
    logits = [each.logit for each in answer.tries]
    for index, each in enumerate(answer.tries):
        mean = round(sum(logits[: index + 1]) / (index + 1), 4)
        board.tries.append(Try(index, each.box, each.logit, mean, answer.seconds))
    board.answer = answer
    return board


def usual() -> NullDistribution | str:
    """What lossless images are compared with, or why there is nothing."""
    try:
        return null_distribution.stored(conditions.LOSSLESS, detection.revision(), Settings().record())
    except (ModelUnavailable, store.ThresholdMismatch) as error:
        return str(error)


def empty() -> str:
    """Shown before there is an image, or instead of one."""
    stored = usual()
    if isinstance(stored, str):
        return missing(stored)
    return frame("ready", "Choose a picture, and the detector looks for marks in it.", [], "")


def missing(reason: str) -> str:
    """Shown where the detector or its threshold is not there."""
    return frame("insufficient", "Nothing can be inspected here.", [reason], "", "Not available")


def banner(board: Board) -> str:
    """The answer, or how far the look is."""
    size = f"{board.picture.width} × {board.picture.height} px"  # noqa: RUF001 - typeset
    subject = f"{board.subject} · {size} · SHA-256 {board.picture.sha256[:8]}…"
    if board.answer is None:
        sentence = "Did this image go through an autoencoder?"
        line = f"Try {len(board.tries)} of {board.total}." if board.tries else "Loading the detector."
        return frame("running", sentence, [line], subject, "Looking")
    found, verdict = board.answer, board.answer.verdict
    kind, name = _FRAMES[verdict.kind]
    lines = [_numbers(found)]
    if verdict.kind == "autoencoder":
        lines.append("Which model that was, or whether the scene is invented, this evidence does not say.")
    if verdict.kind == "none":
        lines.append("That does not make it a photograph: marks can be lost, and not every generator leaves them.")
    if found.image.notes:
        lines.append("Before inspection: " + "; ".join(found.image.notes) + ".")
    return frame(kind, wording.sentence(verdict), lines, subject, name)


def _numbers(found: Artifacts) -> Markup:
    count = found.calibrated_on
    above = round(found.p_value * (count + 1)) - 1
    return Markup(
        "Probability <b>{:.3f}</b>, threshold {:.3f}, which at most {:.0%} of photographs exceed. Of {} photographs "
        "that the detector never saw, {} score as high (<b>p = {}</b>)."
    ).format(found.probability, found.threshold, found.fpr, count, above, chance(found.p_value))


def gauge(board: Board | None) -> str:
    """The probability on its scale from 0 to 1, with the band between its thresholds."""
    scores = board.scores if board else None
    if not scores:
        return render("gauge.html", known=False)
    value = float(scores.probability(board.tries[-1].score))
    low, high = (float(scores.probability(limit)) for limit in (scores.threshold(LEVELS[-1]), scores.edge))
    level, loosest = f"{scores.level:.0%}", f"{LEVELS[-1]:.0%}"
    return render("gauge.html", known=True, value=value, low=low, high=high, level=level, loosest=loosest)


def tries(board: Board | None) -> Figure:
    """The figure of the tries."""
    if not board:
        return artifacts.tries([], None, detection.TRIES)
    return artifacts.tries([each.logit for each in board.tries], board.scores, board.total)


def tries_words(board: Board) -> str:
    """The tries in a sentence."""
    if not board.tries:
        return ""
    scores = board.scores
    values = [float(scores.probability(each.logit)) for each in board.tries]
    count = len(values)
    sides = board.tries[0].box
    size = f"{sides[3] - sides[1]} × {sides[2] - sides[0]} px"  # noqa: RUF001 - typeset
    above = sum(each.logit > scores.edge for each in board.tries)
    every = f"{count} crops of {size}, at native size: " if count > 1 else f"One crop of {size}, at native size: "
    spread = f"their probabilities run from {min(values):.3f} to {max(values):.3f}; {above} of {count} lie "
    spread = spread if count > 1 else f"its probability is {values[0]:.3f}, "
    where = "above" if count > 1 or above else "not above"
    return caption(f"{every}{spread}{where} the threshold of the answer.")


def histogram(board: Board | None) -> Figure:
    """The figure of the calibration, with the image's place on it."""
    if board and board.tries:
        return artifacts.histogram(board.scores, board.tries[-1].score)
    stored = usual()
    return artifacts.histogram(None if isinstance(stored, str) else stored.scores(detection.TRIES), None)


def histogram_words(board: Board | None) -> str:
    """What the histogram is of, and what its thresholds rest on."""
    known = board.known.null if board else usual()
    if isinstance(known, str):
        return ""
    scores = board.scores if board and board.tries else known.scores(detection.TRIES)
    count = len(scores.negative)
    missing = [f"{100 * level:g} %" for level in LEVELS if scores.threshold(level) is None]
    needed = f" A threshold at {' and '.join(missing)} would need more of them." if missing else ""
    low, high = scores.interval(scores.level)
    makers = ", ".join(sorted(set(known.makers)))
    return caption(
        f"{count} photographs that the detector was not trained on, and each of them through one of {makers}, all as "
        f"{wording.condition(known.condition)}, measured on {known.date}. Of those sent through, {scores.found:.0%} "
        f"lie above the threshold of the answer, which {scores.level:.0%} of such photographs exceed (95 % interval "
        f"{low:.1%} to {high:.1%}).{needed}"
    )


def pair(board: Board) -> tuple[np.ndarray, np.ndarray]:
    """The image with the tries' outlines, and its map."""
    pixels = board.picture.pixels
    boxes = [each.box for each in board.tries]
    scores = board.scores or board.known.scores(board.picture, 1)
    return artifacts.pictured(pixels, boxes), artifacts.heat(board.heatmap, scores, *pixels.shape[:2])


def numbers(board: Board | None) -> Figure:
    """The map as a heat map with the number of every cell under the pointer."""
    if not board or not board.heatmap:
        return maps.marks_map(None)
    scores = board.scores or board.known.scores(board.picture, 1)
    logits = board.heatmap.logits
    return maps.marks_map(np.where(np.isnan(logits), np.nan, scores.probability(logits)), board.heatmap.cell)


def map_words(board: Board | None) -> str:
    """The map in words."""
    if not board or not board.heatmap:
        return caption("The map is drawn on demand, once there is an answer.")
    values = board.scores.probability(board.heatmap.logits[~np.isnan(board.heatmap.logits)])
    if not len(values):
        return caption("The map begins …")
    share = float(np.mean(values > board.scores.probability(board.scores.edge)))
    sparse = board.heatmap.window < board.heatmap.cell
    within = f"window of {board.heatmap.window} px in its middle" if sparse else f"{board.heatmap.window} px around it"
    part = "" if board.heatmap.done == 1 else f"{board.heatmap.done:.0%} drawn. "
    return caption(
        f"{part}Each cell of {board.heatmap.cell} px shows the probability for the {within}. In {share:.0%} of them it "
        "is above the threshold that holds for the image; single cells are far less certain than the whole. White "
        "outlines on the image are the tries."
    )


def legend() -> str:
    """The map's fixed scale."""
    return render("legend.html", gradient=plots.gradient())


def spectra(board: Board | None) -> tuple[Figure, Figure]:
    """The figures of the spectrum and of its peaks."""
    known = board.known.null if board else usual()
    given = board.shown if board else None, None if isinstance(known, str) else known
    return artifacts.spectrum(*given), artifacts.peaks(*given)


def spectrum_words(board: Board | None) -> str:
    """The spectrum in words, with what it is not."""
    caution = (
        "Decoders enlarge a latent eightfold and may leave peaks at multiples of 1/8 cycle per pixel; JPEG leaves some "
        "too. The network measures such peaks crop by crop and in colour; this plain view only supports its answer."
    )
    if not board:
        return caption(caution)
    peaks, usual_high = board.shown.peaks, np.array(board.known.null.spectrum["peaks"][2])
    names = [f"{place + 1}/8" for place in range(len(peaks)) if peaks[place] > max(usual_high[place], 1)]
    found = f"At {', '.join(names)} it stands out more than in nine of ten photographs. " if names else ""
    found = found or "At no multiple of 1/8 does it stand out more than photographs do. "
    return caption(found + caution)
