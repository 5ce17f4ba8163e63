"""Where a setting stands in a TOML text, and what was meant by a text that is none. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tomllib import TOMLDecodeError

_WIDTH = 100
"""Characters of a line that are shown around its fault."""
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*)\s*=\s*")
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?")
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_CURLY = "“”„‟‘’‚«»‹›″"
_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a text, from 1."""

    line: int
    column: int
    length: int
    """Characters that are meant."""
    text: str
    """The whole line."""

    def picture(self) -> list[str]:
        """The line and a caret under the place; nothing where a secret may stand in it."""
        if re.search(r"password|secret|@", self.text, re.IGNORECASE) or not self.text.strip():
            return []
        begin = max(0, self.column - 1 - _WIDTH // 2) if len(self.text) > _WIDTH else 0
        shown = _visible(self.text[begin : begin + _WIDTH])
        at = self.column - 1 - begin
        return [f"    {shown}", f"    {' ' * at}{'^' * max(1, min(self.length, len(shown) - at))}"]


def _visible(text: str) -> str:
    """The same with a mark for each sign that is not seen or moves the others."""
    plain = text.replace("\t", " ")
    return "".join("?" if unicodedata.category(c)[0] in "CZ" and c != " " else c for c in plain)


def find(text: str, loc: tuple[int | str, ...]) -> Spot | None:
    """Where a setting stands, or the nearest table around it; follows tables and their arrays."""
    if not loc:
        return None
    keys = tuple(part for part in loc)
    table: tuple[int | str, ...] = ()
    seen: dict[str, int] = {}
    best: Spot | None = None
    depth = 0
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.fullmatch(line.rstrip("\r")):
            names = _names(header[2])
            table = _numbered(names, seen)
            if header[1] == "[[":
                name = ".".join(names)
                seen[name] = seen.get(name, -1) + 1
                table = (*table, seen[name])
            if len(table) > depth and _leads(table, keys):
                begin = line.index("[")
                best = Spot(number, begin + 1, len(line.strip()), line)
                depth = len(table)
        elif key := _KEY.match(line):
            whole = (*table, *_names(key[1]))
            if len(whole) > depth and _leads(whole, keys):
                best = Spot(number, key.end() + 1, len(line) - key.end(), line)
                depth = len(whole)
    return best


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _numbered(names: tuple[str, ...], seen: dict[str, int]) -> tuple[int | str, ...]:
    """A table's names, with the number of the array that it is in."""
    out: list[int | str] = []
    for count, name in enumerate(names, 1):
        out.append(name)
        number = seen.get(".".join(names[:count]))
        if number is not None and count < len(names):
            out.append(number)
    return tuple(out)


def _leads(place: tuple[int | str, ...], keys: tuple[int | str, ...]) -> bool:
    """Whether a place is the setting or around it; [line] is one of `line`, [[mqtt]] of `mqtt`."""
    names = tuple(key for key in keys if isinstance(key, str))
    return place in {keys[: len(place)], names} or (place[-1] == 0 and place[:-1] == keys)


def mistake(error: TOMLDecodeError, text: str) -> tuple[Spot, str]:
    """Where a text stops being TOML, and a sentence: what is wrong, what to write."""
    said = str(error)
    at = _AT.search(said)
    said = said[: at.start()] if at else said
    lines = text.split("\n")
    if at is None or at[1] is None:
        number = max(i for i, line in enumerate(lines, 1) if line.strip() or i == 1)
        column = len(lines[number - 1].rstrip()) or 1
    else:
        number, column = int(at[1]), int(at[2])
    line = lines[min(number, len(lines)) - 1].rstrip("\r")
    spot = Spot(number, column, 1, line)
    said = f"{said.lower()}{_meant(line, said)}"
    return spot, f"wanted TOML, found a mistake in line {number}: {said}. Mend that line"


def _meant(line: str, said: str) -> str:
    """What was probably meant, as the end of a sentence."""
    guesses = (
        _odd_sign(line), _of_another_language(line), _said(line, said), _header(line),
        _setting(line),
    )  # fmt: skip
    return next((guess for guess in guesses if guess), "")


def _odd_sign(line: str) -> str:
    for sign in line:
        if sign in _CURLY:
            return f': {sign} is no quotation mark of TOML; write " on both sides'
        if unicodedata.category(sign) in {"Cc", "Cf", "Zs", "Zl", "Zp"} and sign not in " \t":
            return (
                f": an invisible sign (U+{ord(sign):04X}) stands in this line, copied along "
                "perhaps; write the line anew"
            )
    return ""


_FOREIGN = (
    (r"(?:;|//|--|/\*|<!--|rem\s).*", ": a comment begins with #"),
    (r"(?:<{7}|={7}|>{7}).*", ": a merge left it there; keep one of both versions"),
    (r"\{.*", ": this is JSON; a setting is written name = value, one a line"),
    (r"(?:export|set)\s+.*", ": this is a shell's; write name = value alone"),
    (r"[\w.-]+\s*=\s*(?:null|none|nil|undefined|~)", ": TOML has no such value; delete the line"),
    (r"[^\]]*=[^\]]*\[[^\]]*", ": a list's ] is missing"),
    (r"([\w.-]+)\s*=\s*0+(\d+)", ": a number has no zeros in front; write {0} = {1}"),
    (r"([\w.-]+)\s*=\s*(.*[^,;\s])\s*([,;])", ": no {2} stands at the end; write {0} = {1}"),
    (r"[\w.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|\S+)\s+[\w.-]+\s*=.*", ": write one setting a line"),
)
"""What other kinds of files have and TOML has otherwise."""


def _of_another_language(line: str) -> str:
    for pattern, meant in _FOREIGN:
        if found := re.fullmatch(pattern, line.strip(), re.IGNORECASE):
            return meant.format(*found.groups())
    return ""


def _said(line: str, said: str) -> str:
    said = said.lower()
    if any(word in said for word in ("overwrite", "twice", "redefine", "mutate", "immutable")):
        return ": it stands there twice; delete one of both"
    if "escape" in said or re.search(r'=\s*"[^"]*\\', line):
        return ": in \"...\" a backslash has a meaning of its own; write '...' or / in its place"
    return ""


def _header(line: str) -> str:
    if header := re.fullmatch(r"\s*\[+\s*([\w.]+)\s*\]*\s*", line):
        return f": write [{header[1]}] or, where there may be several, [[{header[1]}]]"
    return ""


def _setting(line: str) -> str:
    parts = re.match(r"\s*([\w.-]+)\s*([=:]?)\s*(.*)", line)
    if parts is None:
        return ""
    key, sign, rest = parts.groups()
    value = re.sub(r"\s+#.*", "", rest).strip()
    if not value:
        return f": {key} has no value"
    if re.search(r"password|secret", key, re.IGNORECASE):
        return f': write {key} = "..."'
    if not sign or sign == ":" or not re.match(r"[\"'\[{]", value):
        return f": write {key} = {_as_value(value)}"
    if value.count('"') % 2 or value.count("'") % 2:
        return ": a quotation mark is missing"
    return ""


def _as_value(value: str) -> str:
    """A value as TOML has it."""
    if value.lower() in {"true", "false", *_WORDS}:
        return _WORDS.get(value.lower(), value.lower())
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        return value.replace(",", ".")
    if re.fullmatch(r"\".*\"|'.*'|[+-]?\d+(\.\d+)?|\[.*\]", value):
        return value
    return '"' + value.strip("\"'") + '"'
