"""The registry: one row per autoencoder family. A new family is one new row.

A family is everything that shares one autoencoder. Latent inversion and the artifact detector can name a family, never
one of its members; the rows say which members those are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tracer import lineup_hub

MINIS = Path(__file__).parent / "minis"
LINEUPS = ("minis", "tiny", "full")


@dataclass(frozen=True)
class Family:
    """One autoencoder and the models that draw with it.

    Attributes:
        id: short name used on the command line, in results and in file names.
        title: the name that the page shows.
        lineup: "minis", "tiny" or "full".
        kind: diffusers class of the autoencoder.
        source: a folder in the package (bundled) or a Hub repository "owner/name".
        subfolder: folder of the autoencoder inside `source`; "" for the top.
        members: the models known to draw with this autoencoder; none of the minis has a generator yet.
        stands_for: for a mini, the real models that are built alike; for a tiny one, those whose latents it shares.
        licence: licence of the weights, as an SPDX id or the licence's own name; "unknown" where it was not read.
        stride: image pixels per latent cell and side.
        latent_channels: channels of the latent.
        scaling: factor that brings latents to about unit variance; None: the configuration's own.
        shift: subtracted before scaling; None: the configuration's own.
        parameters: number of weights, in millions.
        encoder_work, decoder_work: multiplications per pixel of the image, in millions; 0 where they were not counted.
        megabytes: download size; 0 where it is not known before the Hub is asked.
        native: image side in pixels that the members usually draw; 0 where they differ.
        gated: whether the Hub asks for a login and an accepted licence.
        note: what a reader should know about this row.
    """

    id: str
    title: str
    lineup: Literal["minis", "tiny", "full"]
    kind: str
    source: Path | str
    subfolder: str = "vae"
    members: tuple[str, ...] = ()
    stands_for: str = ""
    licence: str = "Apache-2.0"
    stride: int = 8
    latent_channels: int = 4
    scaling: float | None = None
    shift: float | None = None
    parameters: float = 0.0
    encoder_work: float = 0.0
    decoder_work: float = 0.0
    megabytes: float = 0.0
    native: int = 512
    gated: bool = False
    note: str = ""

    @property
    def bundled(self) -> bool:
        """Whether the weights are a folder of the package rather than a Hub repository."""
        return isinstance(self.source, Path)


FAMILIES: dict[str, Family] = {
    row.id: row
    for row in (
        Family(
            id="mini-kl",
            title="mini-kl",
            lineup="minis",
            kind="AutoencoderKL",
            source=MINIS / "mini-kl",
            stands_for="Stable Diffusion and its relatives",
            parameters=0.79,
            encoder_work=0.014,
            decoder_work=0.041,
            native=128,
        ),
        Family(
            id="mini-dc",
            title="mini-dc",
            lineup="minis",
            kind="AutoencoderDC",
            source=MINIS / "mini-dc",
            stands_for="Sana",
            stride=16,
            latent_channels=32,
            parameters=2.46,
            encoder_work=0.018,
            decoder_work=0.028,
            native=128,
        ),
        *(Family(**row) for row in lineup_hub.ROWS),
    )
}


def family(name: str) -> Family:
    """The row called `name`.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    if name not in FAMILIES:
        raise KeyError(f"no family called {name!r}; there are: {', '.join(FAMILIES)}")
    return FAMILIES[name]


def families(lineup: str) -> list[Family]:
    """The rows of a line-up, in registry order.

    Raises:
        KeyError: there is no such line-up.
    """
    if lineup not in LINEUPS:
        raise KeyError(f"no line-up called {lineup!r}; there are: {', '.join(LINEUPS)}")
    return [row for row in FAMILIES.values() if row.lineup == lineup]


def place(name: str) -> int:
    """A family's place within its line-up, which its looks in the figures follow; 0 for one that is not registered."""
    row = FAMILIES.get(name)
    return families(row.lineup).index(row) if row else 0
