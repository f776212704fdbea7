"""The page's sentences and HTML, made from a `Run`. Everything that is not our own constant text is escaped."""
# ruff: noqa: RUF001 - minus, times and prime are meant: this is typeset text

from __future__ import annotations

from html import escape

import numpy as np

from tracer.evidence.conformal import ALPHA
from tracer.evidence.inversion.settings import FAST, PAPER, Settings, checkpoints
from tracer.evidence.verdict import Evidence, QuickLook, listed
from tracer.models import registry
from tracer.reports.figures import plots
from tracer.ui.record import Run, Trajectory
from tracer.verdict import wording

_KINDS = {
    "family": ("◆", "Match"),
    "none": ("○", "No match"),
    "undecided": ("?", "Undecided"),
    "insufficient": ("–", "Too little evidence"),
    "running": ("…", "Tracing"),
    "drawing": ("…", "Drawing"),
    "ready": ("→", "Ready"),
}
_ANSWERS = {True: "✓ fits", False: "✕ does not fit", None: "? open"}


def number(value: float) -> str:
    """Three digits, without exponents where they can be avoided."""
    return f"{value:.3g}" if value == 0 or 1e-4 <= abs(value) < 1e5 else f"{value:.2e}"


def chance(p_value: float | None) -> str:
    """A p-value; a dash where the run was stopped before it had one."""
    return "–" if p_value is None else f"{p_value:.2g}"


def heading(families: list[registry.Family]) -> str:
    """What this page is, and what it can see."""
    built = "; ".join(f"<b>{escape(row.title)}</b>, built like those of {escape(row.stands_for)}" for row in families)
    return (
        '<header class="top"><h1>Latent Lineup</h1>'
        "<p class='question'>Which latent generative model, if any, made this image?</p>"
        f"<details class='coverage'><summary>Covers {len(families)} miniature autoencoders that this project trained, "
        "not the models that you know: their pictures, like photographs, should fit none of them.</summary>"
        f"<p>Bundled: {built}. Tiny and full-size autoencoders from the Hub can be chosen under “Line-up” in the first "
        "tab, where they can be had. Not covered: generators without an autoencoder, and whatever resizing, strong "
        "compression or blur has erased. The detector in the second tab asks no line-up: it was trained on several "
        "autoencoders and may know others' marks. Nothing here proves that a picture is real.</p></details>"
        "</header>"
    )


def banner(run: Run) -> str:
    """The answer, or how far the inspection is. Kind, symbol and sentence all say it; colour only repeats it."""
    if run.trace is None:
        return _progress(run)
    verdict = run.trace.verdict
    lines = [_chances(run)]
    if verdict.members:
        members = listed([escape(name) for name in verdict.members])
        lines.append(
            f"Models known to use {'this autoencoder' if len(verdict.families) == 1 else 'these autoencoders'}: "
            f"{members}. This evidence cannot tell them apart, and a model we do not know may use it too."
        )
    lines += [_undone(row) for row in run.trace.evidence if row.family in verdict.families]
    if run.trace.image.notes:
        lines.append("Before inspection: " + escape("; ".join(run.trace.image.notes)) + ".")
    return frame(verdict.kind, wording.sentence(verdict), lines, subject(run)) + _quick_look(run.trace.quick_look)


def _undone(row: Evidence) -> str:
    """What was done to the picture since it was drawn, as far as was found out, and what else the answer rests on."""
    said = []
    if any(row.frame):
        said.append("the plain frame around it was left out")
    if any(row.drawn):
        tall, wide = row.drawn
        said.append(f"it was taken as drawn at {wide} × {tall} px and resized since")
    if any(row.offset):
        down, right = row.offset
        rest = f"{down} rows above and {right} columns on the left are the rest of a latent's cell"
        said.append(f"it was taken as cropped: {rest}")
    if row.off_grid:
        left_open = row.score > row.threshold
        why = "the score leaves it open" if left_open else "soft pictures by others score hardly worse"
        said.append(f"{why}; half a cell off its grid it fits {row.off_grid:.1f} times worse")
    return f"For {escape(row.family)} {listed(said)}." if said else ""


def _quick_look(look: QuickLook | None) -> str:
    """What the tiny line-up guesses, apart from the verdict, with its error rates."""
    if not look:
        return ""
    caution = f"<p class='fine'>{escape(look.caution)}</p>" if look.caution else ""
    return f"<aside class='quick-look' aria-label='Quick look'><p>{escape(look.sentence)}</p>{caution}</aside>"


def waiting() -> str:
    """Shown from the click until the first step."""
    return frame("running", "Waiting for a place in the queue …", [], "")


def empty() -> str:
    """Shown where there is no stored example to begin with."""
    return frame("ready", "Press Trace to see whether a decoder can draw this image again.", [], "")


def failed() -> str:
    """Shown where a run ended in an error; the message itself is in the notice."""
    return frame("insufficient", "This run ended without an answer.", [], "")


def _progress(run: Run) -> str:
    if not run.current:
        line = "The first run after a restart takes a few seconds longer."
        return frame("running", "Starting …", [line], subject(run))
    answered = f"{len(run.evidence)} of {len(run.families)} answered"
    sentence = f"Can the {run.current} decoder draw this picture again? ({answered})"
    trajectory = run.trajectories.get(run.current)
    if run.loading or trajectory is None:
        line = f"{(run.loading or 'loading its weights').capitalize()}."
    else:
        line = f"Step {trajectory.steps[-1]} of at most {trajectory.last}: score {number(trajectory.scores[-1])}."
    return frame("running", sentence, [line], subject(run))


def frame(kind: str, sentence: str, lines: list[str], subject: str, name: str = "") -> str:
    """The banner of a verdict: its kind, the sentence, more lines (HTML), what it is about (HTML), another name."""
    symbol, name = _KINDS[kind][0], name or _KINDS[kind][1]
    below = "".join(f"<p>{line}</p>" for line in lines if line)
    # Only the sentence is announced: a screen reader would never get to the end of the numbers.
    return (
        f"<div class='verdict {kind}' role='group' aria-label='Verdict'>"
        f"<p class='kind'><span aria-hidden='true'>{symbol}</span> {name}<span class='subject'>{subject}</span></p>"
        f"<div role='status'><h2>{escape(sentence)}</h2></div>{below}</div>"
    )


def subject(run: Run) -> str:
    """What is inspected (HTML)."""
    size = f" · {run.width} × {run.height} px" if run.width else ""
    digest = f" · SHA-256 {run.sha256[:8]}…" if run.sha256 else ""
    return f"{escape(run.subject)}{size}{digest}"


def _chances(run: Run) -> str:
    """The p-values, in words that say what they are."""
    rows = [run.evidence[name] for name in run.families if name in run.evidence]
    if not rows:
        return "No family was inspected."
    values = ", ".join(f"{escape(row.family)} <b>p = {chance(row.p_value)}</b>" for row in rows)
    counts = sorted({row.calibrated_on for row in rows})
    count = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"{values}. A small p means that hardly any of the {count} calibration images per family, which its own "
        "decoder made, fits as badly as this one."
    )


def strips(run: Run) -> str:
    """Score against threshold, one row per family: a table that also reads well without its picture."""
    rows = "".join(_strip(run, name) for name in run.families)
    return (
        "<table class='strips'><caption>Score against threshold, per autoencoder family</caption>"
        "<thead><tr><th scope='col'>Family</th><th scope='col'>Answer</th>"
        "<th scope='col'><span class='scale'><span>fits</span><span>threshold</span><span>does not fit</span></span>"
        "</th>"
        "<th scope='col'>Score</th><th scope='col'>Threshold</th><th scope='col'>p</th>"
        f"<th scope='col'>Decided</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _strip(run: Run, name: str) -> str:
    row = run.evidence.get(name)
    looks = plots.style(registry.place(name))
    glyph = f"<span aria-hidden='true' style='color:{looks.colour}'>{looks.glyph}</span>"
    family = f"<th scope='row'>{glyph} {escape(name)}</th>"
    if row is None:
        waiting = "waiting" if run.trace is None else "not inspected"
        if name in run.unavailable:
            return f"<tr class='off'>{family}<td colspan='6'>not inspected: {escape(run.unavailable[name])}</td></tr>"
        state = "being inspected …" if run.current == name else waiting
        return f"<tr>{family}<td colspan='6'>{state}</td></tr>"
    place = plots.fit_position(row.score, row.threshold)
    answer = "? stopped" if row.stopped else "? gave way" if row.gave_way else _ANSWERS[row.belongs]
    steps = f"step {row.steps}, {row.seconds:.1f} s"
    mark = f"<i style='left:{place:.1f}%;color:{looks.colour}'>{looks.glyph}</i>"
    return (
        f"<tr>{family}<td class='answer'>{answer}</td>"
        f"<td class='bar' aria-hidden='true'><span class='track'>{mark}</span></td>"
        f"<td data-label='Score'>{number(row.score)}</td><td data-label='Threshold'>{number(row.threshold)}</td>"
        f"<td data-label='p'>{chance(row.p_value)}</td><td data-label='Decided'>{steps}</td></tr>"
    )


def curve_words(run: Run) -> str:
    """The loss curves in a sentence each."""
    sentences = []
    for name, trajectory in run.trajectories.items():
        first, last = trajectory.scores[0], trajectory.scores[-1]
        path = f"{name} starts at {number(first)}"
        if len(trajectory.steps) > 1:
            path += f" and reaches {number(last)} after {trajectory.steps[-1]} steps"
        row = run.evidence.get(name)
        if row:
            where = "at most" if row.score <= row.threshold else "above"
            path += f"; at step {row.steps} it is {where} its threshold of {number(row.threshold)}"
        sentences.append(f"{path}.")
    ring = " A ring marks the step that decided; dotted lines are the thresholds." if run.evidence else ""
    return f"<p class='caption'>{escape(' '.join(sentences))}{ring}</p>"


def pair_words(trajectory: Trajectory | None) -> str:
    """Reconstruction and residual in words, with the residual's legend."""
    if trajectory is None or trajectory.reconstruction is None:
        return "<p class='caption'>The reconstruction appears here with the first step.</p>"
    levels = plots.difference(trajectory.original, trajectory.reconstruction)
    top, left, bottom, right = trajectory.box
    where = ""
    if trajectory.tiles > 1:
        where = (
            f"Of this large picture {trajectory.tiles} tiles are inspected, at native size; shown is the first, "
            f"pixels {left} to {right} across and {top} to {bottom} down. "
        )
    share = float(np.mean(levels > plots.RESIDUAL_TOP))
    beyond = f"{share:.0%} of the pixels differ" if share >= 0.01 else "less than 1% of the pixels differ"
    beyond = beyond if share else "no pixel differs"
    return (
        f"<p class='caption'>{where}The {escape(trajectory.family)} reconstruction after {trajectory.steps[-1]} steps "
        f"differs from the original by {levels.mean():.1f} of 255 levels on average; {beyond} by more than "
        f"{plots.RESIDUAL_TOP}.</p>"
    )


def legend() -> str:
    """What the residual's map shows."""
    return (
        "<div class='legend'><p>Residual: absolute difference, in levels of 255. The scale is the same for every "
        "image; point at a place for its number.</p></div>"
    )


def explainer(run: Run, name: str) -> str:
    """The method at three depths, with this image's numbers in it."""
    row, trajectory = run.evidence.get(name), run.trajectories.get(name)
    if row is None or trajectory is None:
        return ""
    said = wording.sentence(run.trace.verdict) if run.trace else "Still running."
    return (
        "<div class='depths'>"
        f"<section><h3>1 · The sentence</h3><p>{escape(said)}</p>"
        "<p>A latent model draws with a decoder: it turns a small code, the latent, into pixels. A decoder cannot draw "
        "everything. What it drew once it can draw again, almost exactly; anything else it only approximates.</p>"
        "</section>"
        f"<section><h3>2 · The evidence</h3>{_evidence_words(run)}"
        "<p>For each family the page takes the encoder's latent of your image, then moves it step by step so that the "
        "decoder's picture comes closer. How close it gets is compared with images that this decoder really made.</p>"
        f"</section><section><h3>3 · The formula, with this image's numbers ({escape(name)})</h3>"
        f"{_formula(row, trajectory)}</section></div>"
    )


def _evidence_words(run: Run) -> str:
    said = []
    for row in run.evidence.values():
        against = "at most" if row.score <= row.threshold else "more than"
        said.append(
            f"<li><b>{escape(row.family)}</b>: score {number(row.score)}, {against} the threshold "
            f"{number(row.threshold)}{_grid_words(row)}: "
            f"{'gave way' if row.gave_way else _ANSWERS[row.belongs][2:]}.</li>"
        )
    return f"<ul>{''.join(said)}</ul>"


def _grid_words(row: Evidence) -> str:
    """What was asked besides where the score left it open."""
    return f", and {row.off_grid:.1f} times worse off its grid" if row.off_grid else ""


def _formula(row: Evidence, trajectory: Trajectory) -> str:
    step, count = row.steps, row.calibrated_on
    if row.mode == "fast":
        fine, second, detail = (
            number(value)
            for value in (trajectory.fine[trajectory.steps.index(step)], trajectory.second, trajectory.detail)
        )
        score = (
            f"<dt>Fine loss, after {step} steps: what is wrong in the fine detail</dt>"
            f"<dd>‖h(x − D(z))‖² = <b>{fine}</b></dd>"
            f"<dt>Second loss: the same for the reconstruction, reconstructed</dt>"
            f"<dd>‖h(x′ − D(E(x′)))‖² = <b>{second}</b></dd>"
            f"<dt>Detail: how much there was to get wrong</dt><dd>‖h(x)‖² = <b>{detail}</b></dd>"
            f"<dt>Score: the relative loss, so that a busy picture is not blamed for being busy</dt>"
            f"<dd>{fine} / √({second} · {detail}) = <b>{number(row.score)}</b></dd>"
        )
    else:
        score = (
            f"<dt>Score: the smallest loss within {step} steps</dt>"
            f"<dd>min ‖x − D(z)‖² = <b>{number(row.score)}</b></dd>"
        )
    if row.p_value is None:
        return f"<dl>{score}</dl><p class='fine'>Stopped before there was anything to compare this with.</p>"
    at_least = round(row.p_value * (count + 1)) - 1
    sign = "≤" if row.score <= row.threshold else "&gt;"
    known = {key: escape(str(value)) for key, value in trajectory.calibrated.items()}
    return (
        f"<dl>{score}<dt>Against the threshold at that step</dt>"
        f"<dd>{number(row.score)} {sign} <b>{number(row.threshold)}</b></dd>"
        f"<dt>p: of {count} calibration images, {at_least} score at least as high</dt>"
        f"<dd>(1 + {at_least}) / ({count} + 1) = <b>{row.p_value:.2g}</b></dd></dl>"
        "<p class='fine'>x is the image in [0, 1], D the decoder, E the encoder, z the latent, x′ = D(E(x)); h keeps "
        "the fine detail, which is what remains without the mean of 3 × 3 pixels; losses are means over pixels, "
        f"without the noise of 8-bit rounding. Calibrated on {known['date']} with {known['images']} "
        f"({known['condition']}).</p>"
    )


LIMITS = """
<ul>
<li><b>A family, never a member.</b> Models that share an autoencoder leave the same trace. A match says which
autoencoder drew the pixels, not which model, prompt or person was behind it.</li>
<li><b>Only the families listed.</b> "No match" does not mean "a photograph": any other generator gives the same
answer.</li>
<li><b>A match does not prove that a model invented the picture.</b> A photograph that was merely sent through an
autoencoder carries the same marks; so do edits made with one.</li>
<li><b>Processing hides the trace, or erases it.</b> What JPEG compression, a crop, resizing to a usual size and a
screenshot's plain frame do is known and allowed for; strong compression, noise, blur, and several of these together can
turn a match into none.</li>
<li><b>Flat pictures say little.</b> An empty sky is easy for every decoder; detail is what tells decoders apart.</li>
</ul>
"""


def settings_table() -> str:
    """Every setting of the two modes side by side, as Markdown; from the settings themselves, so that it stays true."""

    def column(chosen: Settings) -> dict[str, str]:
        reference, fast = chosen.schedule == "reference", chosen.mode == "fast"
        return {
            "score": "loss of fine detail, relative to a second reconstruction's and to the detail there is"
            if fast
            else "smallest loss",
            "a step": f"Adam on the loss, rate {chosen.rate:g}, halved after steps 0 and 50"
            if reference
            else "forward only: E(x) − E(D(z)) is added to the latent",
            "steps": f"at most {chosen.steps}; stops when it is decided" if fast else f"{chosen.steps}",
            "start": "the encoder's latent" if chosen.start == "encoder" else "random",
            "loss": "mean squared error" + (" of the clamped picture" if chosen.clamp else ""),
            "image": f"whole up to {chosen.whole} px a side, else the {chosen.tiles} tiles of {chosen.tile} px "
            "with the most detail"
            if chosen.tiles > 1
            else f"whole up to {chosen.whole} px a side, else the tile of {chosen.tile} px with the most detail",
            "threshold": f"conformal at an error of {ALPHA:.0%}, checked at steps "
            + ", ".join(map(str, checkpoints(chosen))),
        }

    fast, paper = column(FAST), column(PAPER)
    rows = [f"| {name} | {fast[name]} | {paper[name]} |" for name in fast]
    return "\n".join(["| setting | fast | paper |", "|---|---|---|", *rows])


PRIVACY = (
    "Your image is processed on this server, deleted after about 1 hour, and not used for training. Until then, "
    "whoever knows a cached file's address can fetch it."
)
