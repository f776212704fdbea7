"""What the field's words mean, told where they stand: on hover, and with the keyboard's focus."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

TERMS = {
    "decoder": "The last part of an AI image model: it turns a grid of numbers into pixels, cell by cell",
    "grid": "Where a decoder's cells lie in the picture, each 8 or 16 pixels wide",
    "marks": "Faint rhythms in the finest detail that a decoder leaves, whichever it is",
    "model": "A program that draws pictures from words",
    "strength": "How far the grid test's answer is beyond what chance reaches; the numbers are below",
    "inversion": "Latent inversion: can a model's own decoder redraw the picture, on its grid better than beside it?",
    "artifacts": "Autoencoder artifacts: does a detector see the marks that any decoder leaves?",
    "regeneration": "Prompt regeneration: asked for what is in the picture, which model draws something most like it?",
}
_WORDS = re.compile(r"\b(decoder|grid|marks)\b")


def term(name: str, shown: str = "") -> Markup:
    """A word with its meaning."""
    return Markup("<abbr tabindex='0' title='{}'>{}</abbr>").format(TERMS[name], shown or name)


def marked(text: str) -> Markup:
    """A text in which every word of the glossary has its meaning where it first stands."""
    seen: set[str] = set()

    def once(found: re.Match) -> str:
        word = found.group()
        if word in seen:
            return word
        seen.add(word)
        return term(word)

    return Markup(_WORDS.sub(once, escape(text)))  # noqa: S704 - escaped
