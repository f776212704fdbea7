"""Which captions are never drawn: sexual content involving minors, sexual violence, gore.

A plain list of words, compared whole and without regard to case, accents or spacing characters. It catches what is
written openly and nothing else; the safety checkers of full-size pipelines, where they have one, look at the pictures.
"""

from __future__ import annotations

import re
import unicodedata

REFUSAL = "this caption is not drawn: it asks for sexual content with minors, sexual violence or gore"

_MINORS = (
    r"child(?:ren)?|kids?|minors?|bab(?:y|ies)|infants?|toddlers?|teens?|teenagers?|preteens?|schoolgirls?|schoolboys?|"
    r"(?:little|young|underage) (?:girl|boy|one)s?|girls?|boys?|under ?age|"
    r"(?:[1-9]|1[0-7]) (?:years?|yrs?|yo)(?: old)?|"
    r"kindergart\w*|pupils?"
)
_SEXUAL = (
    r"sex|sexy|sexual\w*|nude|nudes|nudity|naked|topless|undress\w*|porn\w*|erotic\w*|hentai|nsfw|lewd|lingerie|"
    r"genitals?|penis(?:es)?|vaginas?|breasts?|orgasm\w*|masturbat\w*|blowjobs?|intercourse|fetish\w*|seductive\w*|"
    r"explicit"
)
_FORCE = (
    r"forced|forcibl[ey]|against (?:her|his|their) will|non ?consensual\w*|violent\w*|assault\w*|drugged|unconscious"
)
_ALWAYS = (
    r"rap(?:e|es|ed|ing|ist|ists)|gang ?rap\w+|molest\w*|p(?:a)?edophil\w*|child ?porn\w*|csam|loli|lolicon|shota|"
    r"shotacon|incest\w*|bestiality|zoophilia|necrophil\w*|snuff|"
    r"gore|gory|guro|behead\w*|decapitat\w*|disembowel\w*|eviscerat\w*|dismember\w*|mutilat\w*|entrails|"
    r"severed (?:head|limb|arm|leg|hand|finger)s?|tortur\w*"
)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)")


_TOGETHER = ((_words(_SEXUAL), _words(_MINORS)), (_words(_SEXUAL), _words(_FORCE)))  # each harmless alone
_ALONE = _words(_ALWAYS)


class Blocked(ValueError):
    """A caption that is not drawn; the message is one constant sentence."""


def blocked(caption: str) -> bool:
    """Whether a caption is never to be drawn."""
    plain = unicodedata.normalize("NFKD", caption).casefold()
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    plain = re.sub(r"[\W_]+", " ", plain).strip()
    if _ALONE.search(plain):
        return True
    return any(first.search(plain) and second.search(plain) for first, second in _TOGETHER)


def check(caption: str) -> None:
    """Refuse a caption that is never to be drawn.

    Raises:
        Blocked: it is on the list.
    """
    if blocked(caption):
        raise Blocked(REFUSAL)
