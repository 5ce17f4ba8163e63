"""When a recording began, by a pattern that says how its name tells it. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sered.errors import ConfigError

_PARTS = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}",
    "I": r"\d{1,2}", "p": r"[AaPp][Mm]", "M": r"\d{1,2}", "S": r"\d{1,2}", "f": r"\d{1,6}",
    "j": r"\d{1,3}", "b": r"[^\W\d_]{3,}", "B": r"[^\W\d_]{3,}", "z": r"Z|[+-]\d\d:?\d\d",
}  # fmt: skip
_NEEDED = ({"Y", "y"}, {"m", "b", "B", "j"}, {"H", "I"}, {"M"})


class NamedTime:
    """Reads `%Y-%m-%d_%H.%M.%S` out of names; `*` stands for anything, `%s` for Unix seconds.

    A time without a zone (`%z`) is in this machine's own. Raises ConfigError for a pattern that
    cannot tell a moment.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        wanted = "--time-from: wanted a pattern such as 'rec-%Y%m%d-%H%M%S' (as strftime's)"
        letters = re.findall(r"%(.)", pattern)
        unknown = [letter for letter in letters if letter not in _PARTS and letter not in "s%"]
        if unknown:
            msg = f"{wanted}; found %{unknown[0]}, which is not known here."
            raise ConfigError(msg)
        if "s" not in letters and not all(need & set(letters) for need in _NEEDED):
            msg = f"{wanted}; found {pattern!r}, which names no date and time of day."
            raise ConfigError(msg)
        self._regex = re.compile(_regex(pattern))
        self._letters = [letter for letter in letters if letter != "%"]

    def began(self, name: str) -> datetime | None:
        """UTC; None where the name is of another form or names no such day."""
        found = self._regex.search(name)
        if found is None:
            return None
        if "s" in self._letters:
            return datetime.fromtimestamp(int(found[self._letters.index("s") + 1]), UTC)
        form = " ".join(f"%{letter}" for letter in self._letters)
        try:
            at = datetime.strptime(" ".join(found.groups()), form)
        except ValueError:
            return None
        return at.astimezone(UTC)


def _regex(pattern: str) -> str:
    out = []
    for literal, letter, star in re.findall(r"([^%*]+)|%(.)|(\*)", pattern):
        if literal:
            out.append(re.escape(literal))
        elif star:
            out.append(".*?")
        elif letter == "%":
            out.append("%")
        else:
            out.append(f"({_PARTS.get(letter, r'[0-9]{9,11}')})")
    return "".join(out)
