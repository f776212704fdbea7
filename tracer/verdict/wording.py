"""Reasons become sentences, and results become the documents that leave the house. Nothing reads a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from tracer.evidence.absence import WORTHLESS
from tracer.evidence.artifacts.decision import Artifacts
from tracer.evidence.artifacts.null_distribution import WEBP
from tracer.evidence.artifacts.published import PublishedArtifacts
from tracer.evidence.conditions import LOSSLESS
from tracer.evidence.events import Loading
from tracer.evidence.inversion.decision import ALPHA
from tracer.evidence.reasons import Reason
from tracer.evidence.regeneration.decision import ALPHA_LEAD, Regeneration
from tracer.evidence.regeneration.null_distribution import ALPHA_FIT, NOBODY
from tracer.evidence.verdict import Trace, Verdict, listed
from tracer.models import registry
from tracer.verdict import plain
from tracer.verdict.combine import Joint
from tracer.verdict.names import title, titles

UNDRAWN = "pictures that no model drew"
MARKS = {
    "autoencoder": "marks of an autoencoder are in the image, says the detector",
    "none": "the detector finds no marks of any autoencoder",
}
NO_PROOF = "That does not make it a photograph: other models were not asked, and resizing removes the trace."
Result = Trace | Artifacts | PublishedArtifacts | Regeneration | Joint


def sentence(verdict: Verdict) -> str:
    """A verdict in one plain sentence with its full stop; after an absence, a second one says what that is worth."""
    words = _SENTENCES[verdict.reason]
    return words.format_map(_named(verdict)) if isinstance(words, str) else words(verdict)


def document(result: Result) -> dict[str, Any]:
    """What the command line and the HTTP interface give for a result: its own document, with verdicts in words.

    A joint answer's "answer" is what the page says at its top, in plain words.
    """
    told = result.document()
    told["verdict"] = spoken(result.verdict)
    if isinstance(result, Artifacts | PublishedArtifacts):  # which never say whose marks they are
        del told["verdict"]["families"], told["verdict"]["members"]
    if isinstance(result, Regeneration) and result.inversion:
        told["inversion"] = spoken(result.inversion)
    if isinstance(result, Joint):
        told["support"] = " ".join(filter(None, (support(result), error_rates(result))))
        told["evidence"] = {kind: document(each) for kind, each in result.evidence.items()}
        told["answer"] = asdict(plain.answer(result))
    return told


def loading(event: Loading) -> str:
    """How far the loading of a model is, in half a sentence."""
    if not event.total:
        return "loading its weights"
    return f"downloading, {event.done / 1e6:.1f} of {event.total / 1e6:.1f} MB"


def spoken(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the documents have it."""
    families, members = verdict.families, verdict.members
    return {"kind": verdict.kind, "families": families, "members": members, "sentence": sentence(verdict)}


def support(joint: Joint) -> str:
    """How sure a joint answer is, in one sentence that counts the kinds of evidence."""
    asked = len(joint.evidence)
    if joint.contradicting:
        return f"Not sure: {' and '.join(joint.contradicting)} contradict each other, so neither is believed."
    if not asked:
        return "Nothing has been asked yet."
    have = "has" if asked == 1 else "have"
    counted = "all have been asked" if asked == 3 else f"{asked} of the 3 kinds of evidence {have} been asked"
    if not joint.agreeing:
        return f"Not sure: {counted}, and none decides."
    if _absence(joint.verdict):
        return f"No sign of any that was asked ({', '.join(joint.agreeing)}), {counted}; that proves nothing."
    count = {1: "One kind of evidence says", 2: "Two kinds of evidence say", 3: "All three kinds of evidence say"}
    return f"{count[len(joint.agreeing)]} so ({', '.join(joint.agreeing)}), none disagrees, {counted}."


def error_rates(joint: Joint) -> str:
    """How often the kinds of evidence err that agree with a joint answer, in one sentence; "" where none does."""
    if joint.contradicting or not joint.agreeing or _absence(joint.verdict):
        return ""
    inversion, artifacts = joint.evidence.get("inversion"), joint.evidence.get("artifacts")
    known = inversion and plain.measured(inversion.evidence)
    rates = {
        "inversion": known and f"inversion names a family for about {ALPHA:.0%} of pictures that none of them made",
        "artifacts": artifacts and f"the detector calls at most {artifacts.fpr:.0%} of photographs marked",
        "regeneration": f"regeneration misses at most {ALPHA_FIT:.0%} of a model's own pictures, and a lead like this "
        f"one is had on at most {ALPHA_LEAD:.0%} of others' pictures",
    }
    told = [rates[name] for name in joint.agreeing if rates[name]]
    return f"How often they err: {'; '.join(told)}." if told else ""


def _absence(verdict: Verdict) -> bool:
    """Whether a verdict only says what was not found."""
    return verdict.kind == "none" and verdict.reason is not Reason.ANOTHER_AUTOENCODER


def condition(name: str) -> str:
    """A calibrated condition in words."""
    if name.startswith("jpeg-"):
        return f"JPEG files of quality {name.removeprefix('jpeg-')}"
    return {LOSSLESS: "lossless images", WEBP: "lossy WebP files"}[name]


def _named(verdict: Verdict) -> dict[str, Any]:
    """What a sentence may be filled in with."""
    named = {**verdict.details, "members": verdict.members}
    named |= {"families": titles(verdict.families)} if verdict.families else {}
    named |= {"what": titles([named["what"]])} if "what" in named else {}
    named |= {"condition": condition(named["condition"])} if "condition" in named else {}
    named |= {"basis": _basis(named)} if "caption" in named else {}
    named |= {"before": sentence(verdict.rests_on[0]).rstrip(".")} if verdict.rests_on else {}
    return named


def autoencoder(family: str, members: Sequence[str] = ()) -> str:
    """The autoencoder that a family's pictures were drawn with, in a few words; a stand-in's with its users."""
    row = registry.FAMILIES.get(family)
    if row is None or not row.stand_in:
        return f"the {title(family)} autoencoder"
    return f"{title(family)}'s autoencoder" + (f" ({', '.join(members)})" if members else "")


def _basis(details: dict[str, Any]) -> str:
    plural = "s" if details["candidates"] > 1 else ""
    return f"from {details['candidates']} drawing{plural} of “{details['caption']}” each"


def _one_fits(verdict: Verdict) -> str:
    others = len(verdict.details["inspected"]) - 1
    rest = ("", "; the other one inspected does not fit", f"; none of the {others} others fits")[min(others, 2)]
    return f"Made by a model that uses {autoencoder(verdict.families[0], verdict.members)}{rest}."


def _no_trace(verdict: Verdict) -> str:
    """What inversion did not find, in half a sentence; from the verdict that a joint one rests on, where it does."""
    while verdict.reason not in (Reason.NO_FAMILY_FITS, *WORTHLESS) and verdict.rests_on:
        verdict = verdict.rests_on[0]
    return f"No trace of {titles(verdict.details.get('inspected') or ['any that was asked'], 'or')}"


def _likeness(verdict: Verdict) -> str:
    like = f"though it is most like what {verdict.details['model']} draws, says regeneration"
    return f"{_no_trace(verdict)}, says inversion, {like}: the likeness is one of style."


def _another(verdict: Verdict) -> str:
    who = "Made by a latent model that is not in this line-up, or resized since"
    return f"{who}: {MARKS['autoencoder']}. {_no_trace(verdict)}."


def _no_trace_and_no_marks(verdict: Verdict) -> str:
    before = verdict.rests_on[0]
    if before.reason is Reason.LIKENESS_OF_STYLE:
        return f"{sentence(before).rstrip('.')}; {MARKS['none']}."
    return f"{_no_trace(verdict)}, and {MARKS['none']}. {NO_PROOF}"


def _inspection_stopped(verdict: Verdict) -> str:
    found = f"it fits {titles(verdict.families)}" if verdict.families else "nothing fits so far"
    return f"Stopped before every family was inspected: {found}."


def _not_calibrated(verdict: Verdict) -> str:
    best, foreign = verdict.details["best"], verdict.details["foreign"]
    why = "no similarities are stored for this choice of models"
    if foreign:
        why = f"{listed(foreign)} {'is' if len(foreign) == 1 else 'are'} not calibrated here"
    return f"{best} comes closest, but {why}, so nothing is decided."


def _none_draws(verdict: Verdict) -> str:
    named = _named(verdict)
    who = f"None of the {named['models']} models draws" if named["models"] > 1 else f"{named['best']} does not draw"
    return f"{who} anything this much like the image, {named['basis']}."


def _draws_most_alike(verdict: Verdict) -> str:
    named = _named(verdict)
    others = f", clearly ahead of the {named['others']} other{'s' if named['others'] > 1 else ''}"
    return f"Most like what {named['best']} draws{others if named['others'] else ''}, {named['basis']}."


def _several_draw(verdict: Verdict) -> str:
    named = _named(verdict)
    return f"Undecided: {listed(named['close'])} come about equally close, {named['basis']}."


def _led_by_chance(verdict: Verdict) -> str:
    named = _named(verdict)
    whose = UNDRAWN if named["maker"] == NOBODY else f"pictures by {named['maker']}"
    how = f"{named['best']} comes close, but as close on {named['chance']:.0%} of {whose}"
    return f"Undecided: {how}, {named['basis']}."


def _open_against(verdict: Verdict) -> str:
    left, model = titles(verdict.details["open"]), verdict.details["model"]
    return f"Undecided: the evidence disagrees; inversion leaves {left} open, and regeneration says {model}."


def _models_open(verdict: Verdict) -> str:
    if len(verdict.members) == 1:
        left = f"of its models {verdict.members[0]} draws most alike, but not clearly"
    else:
        left = f"which of its models it was, if it was one, stays open between {listed(verdict.members)}"
    return f"The autoencoder is {titles(verdict.families)}, from inversion; {left}."


def _worthless(verdict: Verdict) -> str:
    """Nothing found, in a file that shows how it was lost."""
    details = verdict.details
    if verdict.reason is Reason.NOTHING_AFTER_RESIZING:
        why = "the picture was resized, which takes a decoder's grid away"
    else:
        lost = "compression can take a decoder's trace away"
        kept = f"it is a {details['format']} file" + (f" of quality {details['quality']}" if details["quality"] else "")
        why = f"{kept if details['format'] else 'it was once a JPEG of quality ' + str(details['quality'])}, and {lost}"
    return f"Cannot tell from this file, because {why}. {_no_trace(verdict)} is left in it."


_LITTLE = "Too little evidence: "
_APART = "Undecided: the evidence disagrees; "
_SENTENCES: dict[Reason, str | Callable[[Verdict], str]] = {
    Reason.ONE_FAMILY_FITS: _one_fits,
    Reason.NO_FAMILY_FITS: lambda verdict: f"{_no_trace(verdict)}. {NO_PROOF}",
    Reason.SEVERAL_FAMILIES_OPEN: "Undecided between {families}.",
    Reason.NOTHING_INSPECTED: "No family was inspected, so there is nothing to say about this image.",
    Reason.INSPECTION_STOPPED: _inspection_stopped,
    Reason.INVERSION_UNAVAILABLE: "Inversion could not be asked: {error}.",
    Reason.NO_FINE_DETAIL: _LITTLE + "without fine detail, nothing in the picture tells one decoder from another.",
    Reason.ANSWER_NOT_VISIBLE: _LITTLE + "it neither answers a decoder's grid nor clearly fails to.",
    Reason.OWN_LATTICE: _LITTLE
    + "the image has a lattice of its own, as an enlargement, pixel art or strong compression "
    "leaves one, which hides a decoder's.",
    Reason.DRAWN_BY_A_PROGRAM: _LITTLE
    + "most of its pixels are exactly like their neighbours, as in an interface or a page of text, and what a decoder "
    "draws never is.",
    Reason.NOTHING_AFTER_RESIZING: _worthless,
    Reason.NOTHING_AFTER_COMPRESSION: _worthless,
    Reason.MARKS_FOUND: "An autoencoder was involved: its marks are in this image.",
    Reason.NO_MARKS: "No marks of an autoencoder were found in this image.",
    Reason.MARKS_OPEN: "Undecided, leaning to an autoencoder: of photographs, only {low:.0%} to {high:.0%} look as "
    "decoded.",
    Reason.IMAGE_TOO_SMALL: _LITTLE + "the image is smaller than {side} pixels.",
    Reason.MARKS_LOST_IN_JPEG: _LITTLE + "JPEG quality {quality} has destroyed the marks that an autoencoder leaves.",
    Reason.FORMAT_WITHOUT_THRESHOLD: _LITTLE + "there is no threshold for {format} with lost colours or details.",
    Reason.NOWHERE_FOR_MARKS: _LITTLE + "without fine detail, there is nowhere for marks to be.",
    Reason.TOO_SMOOTH: _LITTLE + "the image is so smooth, as if it had been enlarged or blurred, that marks would be "
    "lost.",
    Reason.MARKS_RARELY_RECOGNISED: _LITTLE + "in {condition}, most pictures that did go through an autoencoder are "
    "not recognised either.",
    Reason.NO_MARKS_AFTER_COMPRESSION: _LITTLE + "no marks are left, but in {condition} real generators' pictures "
    "mostly show none either.",
    Reason.NO_MARKS_AFTER_RESIZING: _LITTLE + "no marks are left, but the picture was resized, and resized pictures by "
    "real generators mostly show none either.",
    Reason.DETECTOR_NOT_CALIBRATED: "The published detector {detector} gives {probability:.0%} for an autoencoder, on "
    "its own scale; no threshold for it was calibrated here, so that is no verdict.",
    Reason.DRAWN_MOST_ALIKE: _draws_most_alike,
    Reason.NONE_DRAWS_ALIKE: _none_draws,
    Reason.STOPPED_BEFORE_DRAWING: "Stopped before anything was drawn.",
    Reason.DRAWING_STOPPED: "Stopped early; so far {best} comes closest, {basis}.",
    Reason.NOTHING_DRAWN: "Nothing was drawn that could be compared.",
    Reason.MODELS_NOT_CALIBRATED: _not_calibrated,
    Reason.LEAD_NEEDS_A_MODEL: "Undecided: if a model among these drew it, {best} did, but {chance:.0%} of "
    f"{UNDRAWN} lead as clearly, {{basis}}.",
    Reason.LESS_ALIKE_THAN_USUAL: "Undecided: {best} comes closest, but less close than to its own pictures, {basis}.",
    Reason.SEVERAL_DRAW_ALIKE: _several_draw,
    Reason.LEAD_BY_CHANCE: _led_by_chance,
    Reason.MODEL_OF_FAMILY: "Made by {model}: the autoencoder is {families}, from inversion; of its {models} models "
    "{model}, from regeneration.",
    Reason.ONLY_MODEL_OF_FAMILY: "Made by {model}: the autoencoder is {families}, from inversion; regeneration agrees "
    "on its only model, {model}.",
    Reason.FAMILY_AGAINST_MODEL: _APART + "the autoencoder is {families}, from inversion, and regeneration says "
    "{model}.",
    Reason.FAMILY_WITHOUT_MODEL: "The autoencoder is {families}, from inversion, but none of the models draws anything "
    "this much like the image: another model with it, or a picture sent through it.",
    Reason.MODELS_OF_FAMILY_OPEN: _models_open,
    Reason.ONLY_MODEL_UNCONFIRMED: "The autoencoder is {families}, from inversion; {members[0]} is its only model "
    "here, though regeneration does not confirm it.",
    Reason.FAMILY_NOT_DRAWN: "The autoencoder is {families}, from inversion; no model with it was asked to draw.",
    Reason.NONE_REPRODUCES: lambda verdict: f"{_no_trace(verdict)}, says inversion. {NO_PROOF}",
    Reason.LIKENESS_OF_STYLE: _likeness,
    Reason.OPEN_AND_NONE_DRAWS_ALIKE: "{before}, nor does any model draw anything this much like it.",
    Reason.OPEN_AND_DRAWING_OPEN: "{before}, and regeneration cannot decide either.",
    Reason.OPEN_FAMILIES_AGAINST_MODEL: _open_against,
    Reason.MODEL_OF_OPEN_FAMILIES: "Probably made by {model}, from regeneration; inversion leaves its autoencoder "
    "open.",
    Reason.MODEL_WITHOUT_INVERSION: "Probably made by {model}, from regeneration; inversion cannot tell.",
    Reason.INVERSION_NOT_ASKED: "{before}; its autoencoder has not been asked.",
    Reason.NAMED_WITHOUT_MARKS: _APART + f"{{who}} says {{what}}, but {MARKS['none']}.",
    Reason.ANOTHER_AUTOENCODER: _another,
    Reason.NONE_AND_NO_MARKS: _no_trace_and_no_marks,
    Reason.TOO_LITTLE_BUT_MARKS: f"{{before}}; but {MARKS['autoencoder']}.",
    Reason.OPEN_WITHOUT_MARKS: f"{{before}}; {MARKS['none']}.",
    Reason.NOTHING_ASKED: "No evidence has been asked yet.",
    Reason.MARKS_ALONE: "An autoencoder was involved; which one has not been asked yet.",
    Reason.NO_MARKS_SO_FAR: "No marks of an autoencoder so far; the line-up has not been asked yet.",
    Reason.DETECTOR_ALONE_OPEN: "The detector cannot tell; the line-up has not been asked yet.",
}
