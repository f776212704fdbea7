"""The registry: one row per autoencoder family, per generator, and per model that reads pictures.

A family is everything that shares one autoencoder. Latent inversion and the artifact detector can name a family, never
one of its members; the rows say which members those are.

The rows are data: a new family is a new table in a TOML file of `catalogue/`, with what differs from the defaults
below; a new line-up is a new file there, and its name in `LINEUPS`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ConfigDict

from tracer import assets
from tracer.models import catalogue

MINIS = assets.MINIS
LINEUPS = ("real", "tiny", "full", "minis")  # the first is the default
CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"  # of an autoencoder in diffusers layout

_CLOSED = ConfigDict(extra="forbid")  # an unknown field is an error, not a typing mistake that nobody sees


@dataclass(frozen=True)
class Repository:
    """What is read of a repository on the Hub.

    Attributes:
        id: key in the lock file.
        title: the name that messages show.
        source: "owner/name".
        kind: the pipeline's class in diffusers; "" where it is none.
        folders: the parts of a pipeline, each a folder.
        files: instead of folders, the files to read.
        gated: whether the Hub asks for a login and an accepted licence.
    """

    __pydantic_config__ = _CLOSED

    id: str
    title: str
    source: str
    kind: str = ""
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    gated: bool = False


@dataclass(frozen=True)
class Member:
    """A model known to draw with a family's autoencoder.

    Attributes:
        name: as its makers call it.
        year: in which it was first published; 0 where that is not known.
        licence: of the model, which may differ from the autoencoder's; "" where it was not read.
    """

    __pydantic_config__ = _CLOSED

    name: str
    year: int = 0
    licence: str = ""


@dataclass(frozen=True)
class Family:
    """One autoencoder and the models that draw with it.

    Attributes:
        id: short name used on the command line, in results and in file names.
        title: the name that the page shows.
        lineup: one of `LINEUPS`.
        kind: class of the autoencoder, one of `folder.CLASSES`.
        source: a folder in the package (bundled) or a Hub repository "owner/name".
        subfolder: folder of the autoencoder inside `source`; "" for the top.
        models: those known to draw with this autoencoder.
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
        refinements: of the grid test, see `evidence.inversion.grid.Reconstruction`.
        bands, spread, answer: the same, see `evidence.inversion.contrast.Reading`.
        gated: whether the Hub asks for a login and an accepted licence.
        note: what a reader should know about this row.
    """

    __pydantic_config__ = _CLOSED

    id: str
    title: str
    lineup: str
    kind: str
    source: Path | str
    subfolder: str = "vae"
    models: tuple[Member, ...] = ()
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
    refinements: int = 0
    bands: tuple[float, ...] = (1.0, 1.0)
    spread: float = 0.02
    answer: float = 0.3
    gated: bool = False
    note: str = ""

    @property
    def bundled(self) -> bool:
        """Whether the weights are a folder of the package rather than a Hub repository."""
        return isinstance(self.source, Path)

    @property
    def stand_in(self) -> bool:
        """Whether this autoencoder only shares the latents of the models that it stands for, not their decoder."""
        return self.kind in ("Surrogate", "AutoencoderTiny")

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the models known to draw with this autoencoder."""
        return tuple(model.name for model in self.models)

    @property
    def repository(self) -> Repository:
        """What is read of the Hub, for a family that is not bundled."""
        folder = f"{self.subfolder}/" if self.subfolder else ""
        return Repository(
            self.id, self.title, str(self.source), files=(folder + CONFIG, folder + WEIGHTS), gated=self.gated
        )


@dataclass(frozen=True)
class Generator:
    """One model that draws from text.

    Attributes:
        id: short name used on the command line and in results.
        family: id of the autoencoder family whose decoder it draws with.
        source: a folder in the package; "" for a full-size model, which has `repositories`.
        style: what its pictures look like, in a few words.
        licence: licence of the weights.
        data: what it learned from, with the licence.
        side: image side in pixels.
        repositories: of a full-size model, what is read from the Hub: the pipeline, and its prior where it has one.
        steps: sampling steps.
        guidance: scale of classifier-free guidance, or of what the model was distilled with instead.
        evaluations: how often the network that removes noise runs for one image; twice per step with guidance.
        step_work: multiplications of one such run, in 10^12.
        other_work: those of text encoders, prior and safety checker for one image, in 10^12; the autoencoder's are in
            the family's row.
        parameters: number of weights of all parts, in millions.
        megabytes: download size as announced by the parameters in 16 bit; the Hub is asked for the true one.
        half: the type that weights have on an accelerator.
        note: what a reader should know about this row.
    """

    __pydantic_config__ = _CLOSED

    id: str
    family: str
    source: Path | str = ""
    style: str = ""
    licence: str = "Apache-2.0"
    data: str = ""
    side: int = 128
    repositories: tuple[Repository, ...] = ()
    steps: int = 20
    guidance: float = 3.0
    evaluations: int = 40
    step_work: float = 0.0
    other_work: float = 0.0
    parameters: float = 0.0
    megabytes: float = 0.0
    half: str = "float16"
    note: str = ""

    @property
    def bundled(self) -> bool:
        """Whether the weights are a folder of the package rather than a Hub repository."""
        return not self.repositories

    @property
    def title(self) -> str:
        """The name that the page and messages show."""
        return self.repositories[0].title if self.repositories else self.id

    @property
    def lineup(self) -> str:
        """Which line-up it is in."""
        return "minis" if self.bundled else "full"

    @property
    def gated(self) -> bool:
        """Whether the Hub asks for a login and an accepted licence."""
        return any(each.gated for each in self.repositories)

    @property
    def checked(self) -> bool:
        """Whether the model was published with a safety checker, without which it is not to draw."""
        return any("safety_checker" in each.folders for each in self.repositories)

    @property
    def work(self) -> float:
        """Multiplications for one image, in 10^12: noise removal, autoencoder and the rest."""
        decoding = FAMILIES[self.family].decoder_work * self.side**2 / 1e6
        return self.evaluations * self.step_work + self.other_work + decoding

    @property
    def present(self) -> bool:
        """Whether a bundled generator's files are there."""
        return self.bundled and all(
            (Path(self.source) / name).exists() for name in ("generator.json", "unet/config.json")
        )

    def prompts(self) -> list[str]:
        """The captions that a bundled generator has learned; empty where its files are not there."""
        return json.loads((Path(self.source) / "generator.json").read_text())["prompts"] if self.present else []


@dataclass(frozen=True)
class Reader:
    """A model from the Hub that captions pictures, or compares them, where full-size models draw.

    Attributes:
        id: short name used on the command line.
        kind: "captioner" (BLIP, of transformers) or "encoder" (CLIP, of open_clip).
        repository: what is read from the Hub.
        licence: licence of the weights.
        megabytes: download size; the Hub is asked for the true one.
        instead: the row to take where this one's repository lacks a file; "" for none.
        note: what a reader should know about this row.
    """

    __pydantic_config__ = _CLOSED

    id: str
    kind: Literal["captioner", "encoder"]
    repository: Repository
    licence: str = "unknown"
    megabytes: float = 0.0
    instead: str = ""
    note: str = ""


Row = TypeVar("Row", "Family", "Generator", "Reader")
_TABLES = {name: catalogue.read(name) for name in reversed(LINEUPS)}  # what is bundled and draws comes first
FAMILIES = catalogue.validated(
    Family, [{"lineup": name, **row} for name, tables in _TABLES.items() for row in tables.get("family", ())]
)
GENERATORS = catalogue.validated(Generator, [row for tables in _TABLES.values() for row in tables.get("generator", ())])
READERS = catalogue.validated(Reader, catalogue.read("readers")["reader"])


def generator(name: str) -> Generator:
    """The generator called `name`.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    return _named(name, "generator", GENERATORS)


def reader(name: str, kind: str) -> Reader:
    """The captioner or image encoder called `name`.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    return _named(name, kind, {row.id: row for row in READERS.values() if row.kind == kind})


def family(name: str) -> Family:
    """The row called `name`.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    return _named(name, "family", FAMILIES)


def _named(name: str, kind: str, rows: dict[str, Row]) -> Row:
    if name not in rows:
        raise KeyError(f"no {kind} called {name!r}; there are: {', '.join(rows)}")
    return rows[name]


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
