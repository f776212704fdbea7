"""The page's HTML: templates that escape whatever they are given."""

from __future__ import annotations

import functools
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

_BRACES = {ord(character): f"&#{ord(character)};" for character in "{}$`"}


def render(template: str, /, **values: object) -> Markup:
    """A template of this folder, filled in."""
    return Markup(_environment().get_template(template).render(**values))  # noqa: S704 - the templates escape


def caption(text: object, css: str = "caption") -> Markup:
    """A line of small print."""
    return Markup("<p class='{}'>{}</p>").format(css, _shown(text))


def status(text: object) -> Markup:
    """A line of small print that a screen reader announces when it changes."""
    return Markup("<p class='caption' role='status'>{}</p>").format(_shown(text))


@functools.cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(
        loader=loader,
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> Markup:
    """Escaped, also against gradio's own templates, which would fill in braces and dollars."""
    if isinstance(value, Markup):
        return value
    return Markup(escape("" if value is None else value).translate(_BRACES))  # noqa: S704 - escaped
