"""Latent Lineup: which latent generative model, if any, made this image?

    >>> import tracer
    >>> tracer.sentence(tracer.trace("picture.png").verdict)
    'Made by a model that uses the mini-kl autoencoder; the other one inspected does not fit.'

Importing this package is cheap: torch and diffusers are loaded when the first model is.
"""

from __future__ import annotations

import os

# How torch's threads wait for each other; read when torch is loaded. By default they wait in a loop, which beside any
# other busy program, a browser, say, keeps from running whom they wait for.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
__all__ = ["Evidence", "Family", "IntakeError", "ModelUnavailable", "Picture", "Trace", "Verdict", "families", "read"]
__all__ += ["Artifacts", "ThresholdMismatch", "artifacts_stream", "find_artifacts", "reconstruct", "trace"]
__all__ += ["Joint", "Reason", "document", "give_verdict", "sentence", "trace_stream", "verdict_stream"]

_HOMES = {
    "Artifacts": "evidence.artifacts.decision",
    "Evidence": "evidence.verdict",
    "Family": "models.registry",
    "IntakeError": "image.intake",
    "Joint": "verdict.combine",
    "ModelUnavailable": "models.errors",
    "Picture": "image.intake",
    "ThresholdMismatch": "evidence.store",
    "Trace": "evidence.verdict",
    "Verdict": "evidence.verdict",
    "Reason": "evidence.reasons",
    "artifacts_stream": "api",
    "document": "verdict.wording",
    "families": "models.registry",
    "read": "image.intake",
    "reconstruct": "api",
    "sentence": "verdict.wording",
    "trace": "api",
    "trace_stream": "api",
    "verdict_stream": "api",
}
# Functions of `api` whose own names belong to folders of the package.
_ALIASES = {"find_artifacts": "artifacts", "give_verdict": "verdict"}


def __getattr__(name: str):
    """Import a public name from its module when it is first used (PEP 562)."""
    from importlib import import_module

    if name in _ALIASES:
        return getattr(import_module(f"{__name__}.api"), _ALIASES[name])
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
