"""How the corpora of emotional speech name their files, and what their labels mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_ONE_OF_SEVEN = "not one of the seven"
"""Boredom: a class of the corpus', none of ours."""

_TESS = {"ps": "surprise"} | {
    name: name for name in ("angry", "disgust", "fear", "happy", "neutral", "sad")
}
_RAVDESS = dict(
    zip(
        ("01", "02", "03", "04", "05", "06", "07", "08"),
        ("neutral", "neutral", "happy", "sad", "angry", "fear", "disgust", "surprise"),
        strict=True,
    )
)
"""Calm is the corpus' second neutral."""
_EMODB = {
    "W": "angry",
    "L": NOT_ONE_OF_SEVEN,
    "E": "disgust",
    "A": "fear",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_NEMO = {
    "anger": "angry",
    "fear": "fear",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprised": "surprise",
    "surprise": "surprise",
}
_CREMA = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
_EMOVO = {
    "dis": "disgust", "gio": "happy", "neu": "neutral", "pau": "fear", "rab": "angry",
    "sor": "surprise", "tri": "sad",
}  # fmt: skip
_AESDD = {"a": "angry", "d": "disgust", "f": "fear", "h": "happy", "s": "sad"}
VOTES = {
    "A": "angry", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad",
}  # fmt: skip
"""CREMA-D's letters for what its crowd heard."""
_SAVEE = {
    "a": "angry",
    "d": "disgust",
    "f": "fear",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprise",
}


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a corpus names its files."""

    pattern: re.Pattern[str]
    labels: dict[str, str]
    speaker: Callable[[str], str] = str
    folders: tuple[str, ...] = ()
    """Other names that its folder goes by."""


SCHEMES = {
    "tess": Scheme(
        re.compile(r"(?P<speaker>OAF|OA|YAF)_[a-zA-Z]+_(?P<label>[a-z]+)"),
        _TESS,
        # `OA_bite_neutral` is the corpus' own slip
        lambda name: "OAF" if name == "OA" else name,
    ),
    "ravdess": Scheme(
        re.compile(r"03-01-(?P<label>\d\d)-\d\d-\d\d-\d\d-(?P<speaker>\d\d)"), _RAVDESS
    ),
    "emodb": Scheme(re.compile(r"(?P<speaker>\d\d)[ab]\d\d(?P<label>[WLEAFTN])[a-z]?"), _EMODB),
    "nemo": Scheme(re.compile(r"(?P<speaker>[A-Z]{2}\d)_(?P<label>[a-z]+)_.+"), _NEMO),
    "crema-d": Scheme(
        re.compile(r"(?P<speaker>1\d{3})_[A-Z]{3}_(?P<label>[A-Z]{3})_(?:LO|MD|HI|XX|X)"),
        _CREMA,
        folders=("cremad",),
    ),
    "emovo": Scheme(re.compile(r"(?P<label>[a-z]{3})-(?P<speaker>[fm]\d)-[a-z]+\d?"), _EMOVO),
    # officially `a01 (1).wav`
    "aesdd": Scheme(re.compile(r"(?P<label>[adfhs])\d+[_ ]\(?(?P<speaker>\d)\)?[a-z]?"), _AESDD),
    "savee": Scheme(re.compile(r"(?P<speaker>DC|JE|JK|KL)_(?P<label>sa|su|a|d|f|h|n)\d\d"), _SAVEE),
}

CONTRADICTORY = frozenset({
    "1006_TIE_HAP_XX", "1006_TIE_NEU_XX", "1013_WSI_DIS_XX", "1013_WSI_SAD_XX",
    "1017_IWW_ANG_XX", "1017_IWW_FEA_XX",
})  # fmt: skip
"""CREMA-D's own: one recording under two labels."""
