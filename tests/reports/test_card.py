"""A card to share holds the picture and the answer, and is about no other picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tracer.image import intake
from tracer.reports import card
from tracer.ui import record, stored


@pytest.mark.parametrize("example", record.examples(), ids=lambda example: example.name)
def test_every_answer_has_a_card_that_holds_its_words_inside(example: record.Example, tmp_path: Path):
    *_, drawn, told = stored.everything(example.name)
    card.write(tmp_path / "card.png", told.joint(drawn.answer if drawn else None), intake.read(example.file))
    made = np.asarray(Image.open(tmp_path / "card.png").convert("RGB"))
    assert made.shape[1::-1] == card.SIZE
    assert (made[:, -20:] == 255).all(), "nothing is cut off at the right"
    assert (
        len(np.unique(made[: card.EDGE + card.SHOWN, card.EDGE : card.EDGE + card.SHOWN].reshape(-1, 3), axis=0)) > 50
    )
    assert (tmp_path / "card.png").stat().st_size < 1_000_000


def test_a_card_about_another_picture_is_refused():
    one, other, *_ = record.examples()
    with pytest.raises(ValueError, match="another picture"):
        card.card(stored.everything(one.name)[-1].joint(), intake.read(other.file))


def test_a_long_line_is_wrapped_by_its_width():
    font = card.ImageFont.load_default(18)
    lines = card._wrapped("word " * 60, font, 300)
    assert len(lines) > 5 and all(font.getlength(line) <= 300 for line in lines)
