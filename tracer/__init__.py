"""Latent Lineup: which latent generative model, if any, made this image?

    >>> import tracer
    >>> tracer.trace("picture.png").verdict.sentence
    'Made by a model that uses the mini-kl autoencoder; the other one inspected does not fit.'

Importing this package is cheap: torch and diffusers are loaded when the first model is.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["Evidence", "Family", "IntakeError", "ModelUnavailable", "Picture", "Trace", "Verdict", "families", "read"]
__all__ += ["ThresholdMismatch", "reconstruct", "trace", "trace_stream"]

_HOMES = {
    "Evidence": "evidence",
    "Family": "lineup",
    "IntakeError": "intake",
    "ModelUnavailable": "faults",
    "ThresholdMismatch": "calibration",
    "Picture": "intake",
    "Trace": "evidence",
    "Verdict": "evidence",
    "families": "lineup",
    "read": "intake",
    "reconstruct": "api",
    "trace": "api",
    "trace_stream": "api",
}


def __getattr__(name: str):
    """Import a public name from its module when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
