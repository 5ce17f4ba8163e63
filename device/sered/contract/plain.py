"""What strangers wrote, as a terminal may show it: nothing steers it, nothing is endless."""

from __future__ import annotations

import unicodedata
from typing import Any

MOST = 500
"""Characters of one text that are shown."""
_STEERING = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Control, direction and formatting characters, halves of pairs, private ones, line ends."""


def plain(text: str, most: int = MOST) -> str:
    """The text in one line of at most `most` characters; what would steer a terminal is `�`."""
    kept = "".join(map(_shown, text[:most]))
    return kept if len(text) <= most else f"{kept}…"


def plain_tree(value: Any) -> Any:
    """The same for every text within parsed JSON."""
    match value:
        case str():
            return plain(value)
        case list():
            return [plain_tree(item) for item in value]
        case dict():
            return {plain(key): plain_tree(item) for key, item in value.items()}
    return value


def _shown(character: str) -> str:
    if character in "\t\n\r":
        return " "
    return "�" if unicodedata.category(character) in _STEERING else character
