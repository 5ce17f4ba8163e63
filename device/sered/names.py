"""One rule for every name that becomes a level of an MQTT topic: base, site, device, line."""

from __future__ import annotations

import unicodedata

LONGEST = 128
"""Characters of a name: room for any host name, and topics far below every broker's limit."""
DEEPEST = 8
"""Levels of a base; brokers and bridges put limits on how deep a topic may be."""

_HIDDEN = {"Cc": "control character", "Cf": "invisible character", "Cs": "half of a character"}
_WILD = {"+": "a wildcard", "#": "a wildcard", "$": "the broker's own mark", "/": "two levels"}


def level(name: str) -> str:
    """The name, when it can be one level of a topic; else ValueError says why not."""
    if not name:
        msg = "must be one level of an MQTT topic, so it cannot be empty"
        raise ValueError(msg)
    if len(name) > LONGEST:
        msg = f"must be one level of an MQTT topic: {len(name)} characters are more than {LONGEST}"
        raise ValueError(msg)
    for character in name:
        if why := _refused(character):
            msg = f"must be one level of an MQTT topic, so it cannot have {why}"
            raise ValueError(msg)
    return name


def levels(base: str) -> str:
    """Levels with `/` between them, when a topic can begin so; else ValueError says why not."""
    parts = base.split("/")
    if base and not all(parts):
        msg = "must be levels of an MQTT topic with one / between them, none at the ends"
        raise ValueError(msg)
    if len(parts) > DEEPEST:
        msg = f"must be at most {DEEPEST} levels of an MQTT topic"
        raise ValueError(msg)
    for part in parts:
        level(part)
    return base


def _refused(character: str) -> str:
    code = ord(character)
    if character in _WILD:
        return f"{character} ({_WILD[character]})"
    if character.isspace():
        return f"blanks (U+{code:04X})"
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return f"U+{code:04X} (no character at all)"
    if hidden := _HIDDEN.get(unicodedata.category(character)):
        return f"U+{code:04X} ({hidden})"
    return ""
