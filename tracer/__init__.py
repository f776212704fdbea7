"""Latent Lineup: which latent generative model, if any, made this image?

    >>> import tracer
    >>> tracer.trace("picture.png").verdict.sentence
    'Made by a model that uses the mini-kl autoencoder; the other one inspected does not fit.'

Importing this package is cheap: torch and diffusers are loaded when the first model is.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["Evidence", "Family", "IntakeError", "ModelUnavailable", "Picture", "Trace", "Verdict", "families", "read"]
__all__ += ["Artifacts", "ThresholdMismatch", "artifacts_stream", "find_artifacts", "reconstruct", "trace"]
__all__ += ["Joint", "trace_stream", "verdict", "verdict_stream"]

_HOMES = {
    "Artifacts": "artifacts_verdict",
    "Evidence": "evidence",
    "Family": "lineup",
    "IntakeError": "intake",
    "ModelUnavailable": "faults",
    "Joint": "joint",
    "ThresholdMismatch": "calibration",
    "Picture": "intake",
    "Trace": "evidence",
    "Verdict": "evidence",
    "artifacts_stream": "api",
    "families": "lineup",
    "find_artifacts": "api.artifacts",  # the module is called like the function
    "read": "intake",
    "reconstruct": "api",
    "trace": "api",
    "trace_stream": "api",
    "verdict": "verdicts",
    "verdict_stream": "verdicts",
}


def __getattr__(name: str):
    """Import a public name from its module when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home, _, known_as = _HOMES[name].partition(".")
    return getattr(import_module(f"{__name__}.{home}"), known_as or name)
