"""A word of the field is told where it stands, to the mouse and to the keyboard."""

from __future__ import annotations

import re

from tracer.ui import glossary, joined, record, stored


def test_a_word_is_told_once_where_it_first_stands():
    told = glossary.marked("A decoder's grid is a grid <b>.")
    assert told.count("<abbr") == 2 and "&lt;b&gt;" in told
    assert re.sub("<[^>]+>", "", told) == "A decoder&#39;s grid is a grid &lt;b&gt;."


def test_every_word_can_be_reached_by_keyboard():
    for name in glossary.TERMS:
        assert "tabindex='0'" in glossary.term(name)


def test_the_answer_tells_its_words():
    for example in record.examples():
        *_, drawn, told = stored.everything(example.name)
        shown = joined.banner(told, drawn.answer if drawn else None)
        assert glossary.TERMS["decoder"] in shown.replace("&#x27;", "'")
