"""Takes out of a transcript what could name a person: numbers, spelling, names, addresses. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIGIT = (
    "zero|oh|o|nought|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|"
    "fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|"
    "seventy|eighty|ninety|hundred|thousand|million|double|triple|first|second|third|fourth|"
    "fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|"
    "sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth"
)
_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
_SPELT = (
    "[a-z]|alpha|bravo|charlie|delta|echo|foxtrot|golf|hotel|india|juliet|kilo|lima|mike|"
    "november|oscar|papa|quebec|romeo|sierra|tango|uniform|victor|whiskey|xray|yankee|zulu"
)
_STREET = "street|road|avenue|lane|drive|close|court|place|square|way|terrace|crescent|boulevard"
_NOT_A_NAME = (
    "not|the|a|an|very|so|really|just|calling|going|sorry|here|fine|good|happy|still|waiting|on|"
    "in|at|with|from|trying|looking|sure|afraid|having|getting|your|my|and|but|because|is|was"
)

_RULES = (
    # before numbers, which would eat half of each
    (
        re.compile(
            r"\b(?:[a-z0-9]+ (?:dot|underscore|dash|hyphen|minus) )*[a-z0-9]+ at "
            r"(?:[a-z0-9]+ ){1,3}?dot (?:com|net|org|co dot uk|uk|de|fr|edu|gov|io|info|eu)\b"
        ),
        "[email]",
    ),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"), "[email]"),
    (
        re.compile(rf"\b(?:(?:\d+|{_DIGIT}) )+(?:(?!(?:{_DIGIT})\b)[a-z]+ ){{1,2}}(?:{_STREET})\b"),
        "[address]",
    ),
    (
        re.compile(
            rf"\b((?:my|the|her|his|our) (?:\w+ )?(?:name is|name's|surname is)|speaking to|"
            rf"this is(?= \w+ (?:speaking|calling|from|here))) "
            rf"(?:(?!(?:{_NOT_A_NAME})\b)[a-z]+)(?: (?!(?:{_NOT_A_NAME}|i|speaking|from)\b)[a-z]+)?"
        ),
        r"\1 [name]",
    ),
    (re.compile(r"\b((?:mister|mr|missus|mrs|miss|ms|doctor|dr) )[a-z]+\b"), r"\1[name]"),
    (
        re.compile(
            rf"\b(?:(?:the )?(?:\d+|{_DIGIT})(?: (?:{_DIGIT}))* (?:of )?(?:{_MONTH})|"
            rf"(?:{_MONTH}) (?:the )?(?:\d+|{_DIGIT}))(?: (?:\d+|{_DIGIT}|and))*\b"
        ),
        "[date]",
    ),
    # two are already a house or a pin; a single one is "one moment"
    (
        re.compile(rf"\b(?:\d+|{_DIGIT})(?:(?: and)? (?:\d+|{_DIGIT}))+\b|\d[\d -]{{2,}}\d"),
        "[number]",
    ),
    (re.compile(rf"\b(?:{_SPELT})(?: (?:{_SPELT})){{2,}}\b"), "[spelling]"),
)


def redact(text: str, words: Iterable[str] = ()) -> str:
    """The text with what could name somebody replaced by `[number]`, `[name]` and the like.

    `words` are a site's own words and phrases to take out as well, in any case; they become
    `[word]`. This catches what is said in the usual forms, not every name there is.
    """
    for word in words:
        if word.strip():
            text = re.sub(rf"\b{re.escape(word.strip())}\b", "[word]", text, flags=re.IGNORECASE)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
