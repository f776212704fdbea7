"""How a latent inversion runs: its two modes. Needs no torch, so that the page can show the settings at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

CHECKPOINTS = (0, 1, 2, 4, 8)


@dataclass(frozen=True)
class Settings:
    """How an inversion runs. A threshold is only valid for the settings it was calibrated with.

    Attributes:
        mode: "fast" scores the relative loss; "paper" the raw loss, from the encoder's latent; "paper-random" the same
            from noise.
        steps: gradient steps at most.
        rate: Adam's learning rate on latents of about unit variance.
        schedule: "constant", or "reference": the rate is halved after every step whose index is a multiple of 50,
            index 0 included, as the reference implementation does.
        start: "encoder" (posterior mean) or "random" (standard normal).
        clamp: whether the decoded image is clamped inside the graph, as the reference does.
        whole: largest side in pixels up to which an image is read whole; larger ones are read on tiles.
        tile: side in pixels of a tile's scored part.
        margin: pixels around a tile that are decoded with it but not scored, since a tile cannot know what lay there.
        tiles: number of tiles, those with the most detail.
        seed: seed of the random start.
    """

    mode: Literal["fast", "paper", "paper-random"] = "fast"
    steps: int = 8
    rate: float = 0.05
    schedule: Literal["constant", "reference"] = "constant"
    start: Literal["encoder", "random"] = "encoder"
    clamp: bool = False
    whole: int = 384
    tile: int = 128
    margin: int = 32
    tiles: int = 4
    seed: int = 0

    def record(self) -> dict[str, object]:
        """What is stored beside a threshold and compared before it is used."""
        return asdict(self)


FAST = Settings()
PAPER = Settings(mode="paper", steps=100, schedule="reference", clamp=True)
# The paper's own comparison: without the encoder it takes about four times as many steps.
PAPER_RANDOM = Settings(mode="paper-random", steps=400, schedule="reference", start="random", clamp=True)
MODES = {settings.mode: settings for settings in (FAST, PAPER, PAPER_RANDOM)}


def checkpoints(settings: Settings) -> tuple[int, ...]:
    """The steps at which a score is compared with its threshold: in the paper's modes only the last one."""
    if settings.mode != "fast":
        return (settings.steps,)
    return (*(index for index in CHECKPOINTS if index < settings.steps), settings.steps)
