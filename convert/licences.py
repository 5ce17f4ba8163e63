"""The corpora's licences, and what they mean for who uses a network that learned from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LICENCES = {
    "aesdd": "AESDD: research; no text of a licence found",
    "callers": "GetGoing Database, Copyright (c) 2019-2020 Carnegie Mellon University, all rights "
    "reserved; by DialRC. May be used, copied, modified and licensed for any purpose without fee "
    "where this notice, the conditions and the disclaimer of warranty are kept and changes are "
    "named: cut, resampled and compressed here",
    "crema-d": "CREMA-D: Open Database License 1.0, contents Database Contents License 1.0",
    "emodb": "EmoDB, Berlin Database of Emotional Speech: CC0 1.0, usage unrestricted, in the "
    "record of its publication by its first author's company (audEERING, emodb 1.1.0); its own "
    "pages ask to be cited",
    "emovo": "EMOVO: research; CC BY-NC-SA 4.0 by one list",
    "nemo": "nEMO: CC BY-NC-SA 4.0",
    "ravdess": "RAVDESS: CC BY-NC-SA 4.0",
    "savee": "SAVEE: free for research",
    "tess": "TESS, Toronto Emotional Speech Set: CC BY-NC-ND 4.0",
}
CLOSED = frozenset({"aesdd", "emovo", "nemo", "ravdess", "savee", "tess"})
"""Whose licences forbid commercial use, or which have none that allows it."""


def terms(corpora: Iterable[str]) -> str:
    """One paragraph for the sidecar and the card: who may use a network made of these."""
    names = sorted(corpora)
    closed = [name for name in names if name in CLOSED]
    own = [name for name in names if name not in LICENCES]
    if closed:
        return (
            f"Made of {', '.join(names)}: {', '.join(closed)} may not be used commercially, or "
            "have no licence that allows it. Whether that binds a network made of them is not "
            "settled, so use it for research, teaching and trial."
        )
    if own:
        return f"Made of recordings of your own too ({', '.join(own)}): their terms are yours."
    return (
        f"Made of {', '.join(names)} alone, whose licences allow commercial use: CREMA-D under the "
        "Open Database License (say that it was used), the callers under Carnegie Mellon "
        "University's notice (it stands below), EmoDB under CC0."
    )
