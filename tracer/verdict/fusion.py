"""Latent inversion and prompt regeneration together: the one names an autoencoder, the other a model that has it.

Inversion is the stronger evidence where both speak: a decoder either can or cannot make these pixels, whatever the
picture shows. Regeneration is the only one that can tell apart models that share an autoencoder.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracer.evidence.verdict import Verdict, listed
from tracer.models import registry


def candidates(inversion: Verdict, generators: Sequence[str]) -> list[str]:
    """Which generators are worth comparing after inversion.

    Args:
        inversion: the verdict of latent inversion.
        generators: registry ids of all that could be compared.

    Returns:
        The members of the family that inversion named, where there are several; otherwise all of them, since then
        regeneration has nothing to decide inside a family, and is worth most as independent evidence.
    """
    members = [name for name in generators if registry.generator(name).family in inversion.families]
    return members if inversion.kind == "family" and len(members) > 1 else list(generators)


def fuse(inversion: Verdict, regeneration: Verdict, generators: Sequence[str]) -> Verdict:
    """The joint verdict, whose sentence says which evidence decided what.

    Args:
        inversion: the verdict of latent inversion.
        regeneration: the verdict of prompt regeneration among `candidates`.
        generators: registry ids of all that could be compared.
    """
    if inversion.kind == "family":
        (family,) = inversion.families
        members = [name for name in generators if registry.generator(name).family == family]
        return _inside(family, members, regeneration)
    if inversion.kind == "none":
        if regeneration.kind != "family":
            return Verdict("none", (), (), "None of the autoencoders can reproduce this image, says inversion.")
        like = f"it is most like what {regeneration.members[0]} draws, says regeneration"
        why = "but none of the autoencoders can reproduce it, says inversion: the likeness is one of style"
        return Verdict("none", (), (), f"None of these: {like}, {why}.")
    if regeneration.kind != "family":
        sentence = inversion.sentence.rstrip(".")
        also = {"none": "nor does any model draw anything this much like it"}.get(
            regeneration.kind, "and regeneration cannot decide either"
        )
        return Verdict(inversion.kind, inversion.families, inversion.members, f"{sentence}, {also}.")
    named = regeneration.members[0]
    if inversion.families and regeneration.families[0] not in inversion.families:
        left = f"inversion leaves {listed(list(inversion.families))} open, and regeneration says {named}"
        return Verdict("undecided", (), (), f"Undecided: the evidence disagrees; {left}.")
    open_ = "inversion leaves its autoencoder open" if inversion.families else "inversion cannot tell"
    return Verdict("family", regeneration.families, (named,), f"Probably made by {named}, from regeneration; {open_}.")


def _inside(family: str, members: Sequence[str], regeneration: Verdict) -> Verdict:
    """The verdict where inversion named a family."""
    autoencoder = f"the autoencoder is {family}, from inversion"
    if regeneration.kind == "family":
        named = regeneration.members[0]
        if named not in members:
            sentence = f"Undecided: the evidence disagrees; {autoencoder}, and regeneration says {named}."
            return Verdict("undecided", (family,), (), sentence)
        if len(members) > 1:
            which = f"of its {len(members)} models {named}, from regeneration"
        else:
            which = f"regeneration agrees on its only model, {named}"
        return Verdict("family", (family,), (named,), f"Made by {named}: {autoencoder}; {which}.")
    if regeneration.kind == "none":
        why = "but none of the models draws anything this much like the image: another model with it, or a picture sent"
        return Verdict("family", (family,), (), f"{autoencoder[0].upper()}{autoencoder[1:]}, {why} through it.")
    left = [name for name in regeneration.members if name in members] or list(members)
    if len(members) == 1:
        open_ = f"{members[0]} is its only model here, though regeneration does not confirm it"
    else:
        open_ = f"which of its models made the image stays open between {listed(left)}"
    return Verdict("family", (family,), tuple(left), f"{autoencoder[0].upper()}{autoencoder[1:]}; {open_}.")
