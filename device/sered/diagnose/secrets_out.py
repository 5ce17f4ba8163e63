"""Takes secrets out of text that leaves the box. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

STARS = "**********"
_SHORTEST = 4
"""A secret shorter than this is only masked where it stands after its name."""
_PATTERNS = (
    # PEM blocks of keys, whole or cut off
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        STARS,
    ),
    # name = value, name: value, "name": "value", --name value
    (
        re.compile(
            r"(?i)(\b[\w\-]*(?:passw(?:or)?d|passphrase|secret|token|psk|api[_-]?key)"
            r"(?:[\"']?[ \t]*[=:][ \t]*|(?<=--password)[ \t]+))"
            r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;}\]]+)"
        ),
        rf"\1{STARS}",
    ),
    # user:password@host
    (re.compile(r"(\w+://[^\s:/@]+:)[^\s@/]+@"), rf"\1{STARS}@"),
)


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with these secrets, and all that looks like one, as stars."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, STARS)
    for pattern, stars in _PATTERNS:
        text = pattern.sub(stars, text)
    return text
