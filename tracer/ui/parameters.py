"""What programs send to the endpoints, checked: a wrong parameter names itself in one sentence."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import gradio as gr

NO_IMAGE = "image: an uploaded image file is needed."


class Wrong(ValueError):
    """A parameter cannot be used; the message names it and repeats nothing of what was sent."""


def as_sent(kind: type[gr.components.Component], **options: object) -> gr.components.Component:
    """A hidden input that hands over what was sent as it is, so that the function can name it when it is wrong."""
    made = {"preprocess": lambda _, payload: payload, "is_template": True}
    # Without gradio's metaclass, which writes a .pyi file beside every module that defines a component.
    return type.__new__(type(kind), kind.__name__, (kind,), made)(visible=False, **options)


def image(value: Any) -> str:
    """The path of the uploaded file."""
    if not isinstance(value, str):
        raise Wrong(NO_IMAGE)
    return value


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number between two others."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and least <= value <= most and value == int(value)):
        raise Wrong(f"{name}: a whole number from {least} to {most} is needed.")
    return int(value)


def text(name: str, value: Any, longest: int) -> str:
    """Text of bounded length."""
    if not isinstance(value, str) or len(value) > longest or any("\ud800" <= each <= "\udfff" for each in value):
        raise Wrong(f"{name}: text of at most {longest} characters is needed.")
    return value


def yes_or_no(name: str, value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise Wrong(f"{name}: true or false is needed.")
    return value


def one_of(name: str, value: Any, choices: Collection[str]) -> str:
    """One of some words."""
    if not isinstance(value, str) or value not in choices:
        raise Wrong(f"{name}: one of {', '.join(choices)} is needed.")
    return value


def some_of(name: str, value: Any, choices: Collection[str]) -> list[str]:
    """Some of these words, or none."""
    value = [] if value is None else value
    if not isinstance(value, list) or not all(isinstance(each, str) and each in choices for each in value):
        raise Wrong(f"{name}: a list is needed, of some of {', '.join(choices)}.")
    return value
