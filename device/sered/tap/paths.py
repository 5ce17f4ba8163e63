"""File names as they can be printed, whatever bytes they are made of. Pure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import PurePath


def shown(path: PurePath | str) -> str:
    """The name in UTF-8: a byte that is none as `\\xff`, what cannot be seen as its escape."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
