"""How LatentTracer's descent runs. Needs no torch, so that the page can show the settings at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from tracer.evidence.store import Record

Mode = Literal["grid", "paper", "paper-random"]


@dataclass(frozen=True)
class Settings:
    """How an inversion by descent runs. A threshold is only valid for the settings it was calibrated with.

    Attributes:
        mode: "paper" starts at the encoder's latent, "paper-random" at noise; both score the raw loss.
        steps: gradient steps.
        rate: Adam's learning rate on latents of about unit variance.
        schedule: "reference": the rate is halved after every step whose index is a multiple of 50, index 0 included, as
            the reference implementation does; "constant".
        start: "encoder" (posterior mean) or "random" (standard normal).
        clamp: whether the decoded image is clamped inside the graph, as the reference does.
        whole: largest side in pixels up to which an image is read whole; larger ones are read on tiles.
        tile: side in pixels of a tile's scored part.
        margin: pixels around a tile that are decoded with it but not scored, since a tile cannot know what lay there.
        tiles: number of tiles, those with the most detail.
        seed: seed of the random start.
    """

    mode: Mode = "paper"
    steps: int = 100
    rate: float = 0.05
    schedule: Literal["constant", "reference"] = "reference"
    start: Literal["encoder", "random"] = "encoder"
    clamp: bool = True
    whole: int = 384
    tile: int = 128
    margin: int = 32
    tiles: int = 4
    seed: int = 0

    def record(self) -> Record:
        """What is stored beside a threshold and compared before it is used."""
        return asdict(self)


PAPER = Settings()
# The paper's own comparison: without the encoder it takes about four times as many steps.
PAPER_RANDOM = replace(PAPER, mode="paper-random", steps=400, start="random")
DESCENTS = {settings.mode: settings for settings in (PAPER, PAPER_RANDOM)}
MODES: tuple[Mode, ...] = ("grid", *DESCENTS)
