"""Calibrated numbers on disk: where they are, what they rest on, and when they may not be used."""

from __future__ import annotations

from tracer import __version__, assets

FOLDER = assets.CALIBRATION


class ThresholdMismatch(ValueError):
    """A stored threshold was made with other weights or settings; the message names the command that makes one."""


def versions() -> dict[str, str]:
    """Versions of this package and of the libraries that the scores depend on."""
    from importlib.metadata import version

    return {"tracer": __version__, "torch": version("torch"), "diffusers": version("diffusers")}
