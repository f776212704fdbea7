"""How a latent inversion runs: its two modes. Needs no torch, so that the page can show the settings at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

CHECKPOINTS = (0, 1, 2, 4, 8)


@dataclass(frozen=True)
class Settings:
    """How an inversion runs. A threshold is only valid for the settings it was calibrated with.

    Attributes:
        mode: "fast" scores the relative loss; "paper" the raw loss, from the encoder's latent; "paper-random" the same
            from noise.
        steps: steps at most.
        rate: Adam's learning rate on latents of about unit variance; of "forward" steps, their share of the whole one.
        schedule: "forward": no gradient, each step adds E(x) - E(D(z)) to the latent; "consistent": the same for JPEG
            files and resized pictures, where x is the picture nearest to D(z) that gives what is there; "constant":
            Adam; "reference": Adam, and the rate is halved after every step whose index is a multiple of 50, index 0
            included, as the reference implementation does.
        start: "encoder" (posterior mean) or "random" (standard normal).
        clamp: whether the decoded image is clamped inside the graph, as the reference does.
        whole: largest side in pixels up to which an image is read whole; larger ones are read on tiles.
        tile: side in pixels of a tile's scored part.
        margin: pixels around a tile that are decoded with it but not scored, since a tile cannot know what lay there.
        tiles: number of tiles, those with the most detail.
        seed: seed of the random start.
    """

    mode: Literal["fast", "paper", "paper-random"] = "fast"
    steps: int = 4
    rate: float = 1.0
    schedule: Literal["forward", "consistent", "constant", "reference"] = "forward"
    start: Literal["encoder", "random"] = "encoder"
    clamp: bool = False
    whole: int = 384
    tile: int = 128
    margin: int = 32
    tiles: int = 1
    seed: int = 0

    def record(self) -> dict[str, object]:
        """What is stored beside a threshold and compared before it is used."""
        return asdict(self)


FAST = Settings()
COMPRESSED = replace(FAST, steps=2, schedule="consistent")  # for JPEG files and resized pictures
PAPER = Settings(mode="paper", steps=100, rate=0.05, schedule="reference", clamp=True, tiles=4)
# The paper's own comparison: without the encoder it takes about four times as many steps.
PAPER_RANDOM = replace(PAPER, mode="paper-random", steps=400, start="random")
MODES = {settings.mode: settings for settings in (FAST, PAPER, PAPER_RANDOM)}


def settings_for(mode: str, condition: str) -> Settings:
    """The settings of a mode for images in a condition: "lossless", "jpeg-85", or "resized"."""
    return COMPRESSED if mode == "fast" and condition != "lossless" else MODES[mode]


def checkpoints(settings: Settings) -> tuple[int, ...]:
    """The steps at which a score is compared with its threshold: in the paper's modes only the last one."""
    if settings.mode != "fast":
        return (settings.steps,)
    return (*(index for index in CHECKPOINTS if index < settings.steps), settings.steps)
