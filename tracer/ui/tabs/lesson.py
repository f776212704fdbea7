"""A guided lesson of six steps on the stored examples: a question, a guess, and then what the evidence says."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from tracer.image import intake
from tracer.ui import hero, record, stored
from tracer.ui.templates import render, status
from tracer.ui.words import number
from tracer.verdict import plain, wording

FOX, OTHER_FOX, PHOTOGRAPH = "fox-by-mini-kl-noto", "fox-by-mini-kl-fluent", "photograph"
QUALITY = 90  # of the pictures, which are looked at and not measured
THROUGH, CROPPED, CRUSHED = "coffee-through-mini-kl", "cat-cropped-off-the-grid", "rocket-crushed-by-jpeg"


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: what it is about.
        pictures: addresses of what is shown, each with what it is.
        question: what is asked.
        answers: to choose from.
        right: the right one of them.
        reveal: why, with the stored numbers.
        rows: what every decoder of the line-up says.
    """

    title: str
    pictures: Callable[[], tuple[tuple[str, str], ...]]
    question: str
    answers: tuple[str, ...]
    right: str
    reveal: Callable[[], str]
    rows: Callable[[], list[str]] = list


def _image(name: str) -> str:
    file = next(each.file for each in record.examples() if each.name == name)
    return record.address(intake.read(file).pixels, QUALITY)


def _left(name: str, family: str, beside: bool = False) -> str:
    """What a decoder leaves over of a part of the picture, amplified."""
    closer = stored.everything(name)[0].closer[family]
    return closer.beside if beside else closer.on


def _part(name: str, family: str) -> str:
    return stored.everything(name)[0].closer[family].original


def _row(name: str, family: str) -> str:
    row = stored.everything(name)[0].evidence[family]
    said = plain.strength(row.score, row.threshold)[0]
    return f"{hero.title(family)}: {hero.ratio(row.contrast)} ({said}; {number(row.score)} of {number(row.threshold)})"


def _rows(name: str) -> list[str]:
    return [_row(name, family) for family in stored.everything(name)[0].evidence]


def _sentence(name: str) -> str:
    _, _, drawn, told = stored.everything(name)
    return wording.sentence(told.joint(drawn.answer if drawn else None).verdict)


def _marks(name: str) -> str:
    looked = stored.everything(name)[1]
    if looked is None:
        return "the detector is not part of this package"
    found = looked.answer
    return f"the detector gives a probability of {found.probability:.2f} (threshold {found.threshold:.2f})"


def _similar(name: str) -> str:
    drawn = stored.everything(name)[2]
    rows = {each.generator: each.similarity for each in drawn.ranking} if drawn else {}
    pair = [each for each in rows if each.startswith("mini-kl-")]
    return ", ".join(f"{each} {rows[each]:.2f}" for each in pair)


STEPS = (
    Step(
        "A decoder knows its own",
        lambda: (
            (_image(FOX), "the picture"),
            (_left(FOX, "mini-dc"), "what A leaves over, amplified"),
            (_left(FOX, "mini-kl"), "what B leaves over"),
        ),
        "Two decoders have redrawn a part of the fox; plain grey means: nothing is left over. Which one drew it?",
        ("A", "B"),
        "B",
        lambda: (
            f"B, mini-kl. {_row(FOX, 'mini-kl')}. A is mini-dc. {_row(FOX, 'mini-dc')}. This is latent inversion, "
            "tab 1."
        ),
    ),
    Step(
        "A photograph lies on nobody's grid",
        lambda: (
            (_image(PHOTOGRAPH), "the picture"),
            (_left(PHOTOGRAPH, "mini-kl"), "what mini-kl leaves over on its grid"),
            (_left(PHOTOGRAPH, "mini-kl", beside=True), "and beside its grid"),
        ),
        "The decoder has redrawn a part twice, with its cells at two places. Did it draw this picture?",
        ("Yes", "No"),
        "No",
        lambda: f"No: where the cells lie makes no difference. {_sentence(PHOTOGRAPH)}",
        lambda: _rows(PHOTOGRAPH),
    ),
    Step(
        "Marked is not invented",
        lambda: (
            (_image(THROUGH), "a photograph of coffee, sent once through mini-kl"),
            (_left(THROUGH, "mini-kl"), "what mini-kl leaves over on its grid"),
            (_left(THROUGH, "mini-kl", beside=True), "and beside its grid"),
        ),
        "Nothing here was invented: a photograph was sent through a decoder. What will the evidence say?",
        ("A match with mini-kl", "No match: it is a photograph"),
        "A match with mini-kl",
        lambda: (
            f"{_sentence(THROUGH)} {_row(THROUGH, 'mini-kl')}; {_marks(THROUGH)}. Tabs 1 and 2 detect the decoder, "
            "and a decoder was used. Whether the scene is real is another question."
        ),
    ),
    Step(
        "Twins with one decoder",
        lambda: ((_image(FOX), "drawn by mini-kl-noto"), (_image(OTHER_FOX), "drawn by mini-kl-fluent")),
        "Both models use the mini-kl autoencoder. Which evidence can tell them apart?",
        ("Inversion", "The detector", "Regeneration"),
        "Regeneration",
        lambda: (
            f"Inversion says the same of both: first, {_row(FOX, 'mini-kl')}; second, {_row(OTHER_FOX, 'mini-kl')}. "
            f"What they draw for the same caption differs: the first fox is like {_similar(FOX)}; the second like "
            f"{_similar(OTHER_FOX)}. That is tab 3."
        ),
    ),
    Step(
        "Off the grid",
        lambda: (
            (_image(CROPPED), "a photograph through mini-kl, then cropped by 5 rows and 3 columns"),
            (_left(CROPPED, "mini-kl"), "left over with the cells where the page found them"),
            (_left(CROPPED, "mini-kl", beside=True), "and a few pixels beside"),
        ),
        "A decoder draws in cells of 8 pixels, and the crop has cut through them. Is the picture still recognised?",
        ("Yes", "No"),
        "Yes",
        lambda: (
            f"{_sentence(CROPPED)} Where nobody answers, the page tries every place that the cells may have; here "
            f"they begin {_offset(CROPPED)}. A picture that was resized is tried at the sizes that generators draw at, "
            "too."
        ),
    ),
    Step(
        "When too much is lost",
        lambda: (
            (_image(CRUSHED), "drawn by mini-kl-fluent, saved as JPEG of quality 20"),
            (_left(CRUSHED, "mini-kl"), "what mini-kl leaves over on its grid"),
            (_left(CRUSHED, "mini-kl", beside=True), "and beside its grid"),
        ),
        "A mini drew this, but JPEG threw the finest detail away. What is an honest answer?",
        ("Made by mini-kl", "A photograph", "It cannot be told from this file"),
        "It cannot be told from this file",
        lambda: (
            f"{_sentence(CRUSHED)} A “no” here would be wrong, and a “yes” would be a guess. “Degrade it yourself” "
            "finds the quality at which your own picture gets there."
        ),
    ),
)


def _offset(name: str) -> str:
    rows = stored.everything(name)[0].evidence.values()
    down, right = next((row.offset for row in rows if any(row.offset)), (0, 0))
    return f"{down} px down and {right} px right"


@functools.cache
def page(index: int) -> str:
    """Heading and pictures of a step."""
    step = STEPS[index]
    return render("lesson.html", number=index + 1, count=len(STEPS), title=step.title, pictures=step.pictures())


def answer(index: int, guess: str | None) -> str:
    """What is said to a guess."""
    if guess is None:
        return status("Guess first, then the answer is shown here.")
    step = STEPS[index]
    return render("reveal.html", right=guess == step.right, answer=step.right, text=step.reveal(), rows=step.rows())


def available() -> bool:
    """Whether the examples that the lesson is about have been built."""
    return {FOX, OTHER_FOX, PHOTOGRAPH, THROUGH, CROPPED, CRUSHED} <= {each.name for each in record.examples()}


def build() -> None:
    """Lay the tab out and wire it."""
    if not available():
        gr.HTML("<p>The lesson is about the stored examples, which have not been built here.</p>")
        return
    with gr.Column(elem_classes="tab lesson"):
        shown = gr.HTML(page(0), elem_id="lesson")
        guess = gr.Radio(list(STEPS[0].answers), label=STEPS[0].question, elem_id="guess")
        reveal = gr.HTML(answer(0, None), elem_id="reveal")
        with gr.Row(elem_classes="buttons"):
            back = gr.Button("Back", interactive=False, min_width=90, elem_id="lesson-back")
            onward = gr.Button("Next", interactive=False, min_width=90, elem_id="lesson-next")
    place = gr.State(0)
    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def turn(by: int, index: int) -> list:
        index = min(max(index + by, 0), len(STEPS) - 1)
        step = STEPS[index]
        asked = gr.Radio(choices=list(step.answers), value=None, label=step.question)
        back, onward = gr.Button(interactive=index > 0), gr.Button(interactive=False)
        return [page(index), asked, answer(index, None), back, onward, index]

    def guessed(index: int, chosen: str | None) -> list:
        return [answer(index, chosen), gr.Button(interactive=bool(chosen) and index < len(STEPS) - 1)]

    guess.input(guessed, [place, guess], [reveal, onward], **quiet)
    for button, by in ((back, -1), (onward, 1)):
        button.click(functools.partial(turn, by), place, [shown, guess, reveal, back, onward, place], **quiet)
