"""What is wrong in a configuration, said with its file, line and a caret under it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from sered.config.toml_text import find
from sered.errors import ConfigError
from sered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from sered.config.toml_text import Spot

Loc = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that cannot work."""

    loc: Loc
    """Names and 0-based numbers that lead to the setting: ("line", 0, "card")."""
    sentence: str
    """What was wanted, what was found, what to do; without a full stop."""


def complain(faults: Iterable[Fault], where: str, text: str = "") -> ConfigError:
    """All faults of one configuration, in the order of the file; `text` is what stands in it."""
    placed = [(find(text, fault.loc), fault) for fault in faults]
    placed.sort(key=lambda each: each[0].line if each[0] else 0)
    short, long = [], []
    for spot, fault in placed:
        place = f"{where}:{spot.line}" if spot else where
        name = _name(fault.loc)
        said = f"{place}: {name}: {fault.sentence}"
        short.append(said if said.endswith((".", "?")) else f"{said}.")
        long += [short[-1], *_shown(spot)]
    return ConfigError("\n".join(long), short)


def _name(loc: Loc) -> str:
    parts = (str(part + 1) if isinstance(part, int) else part for part in loc)
    return ".".join(parts) or "settings"


def _shown(spot: Spot | None) -> list[str]:
    return spot.picture() if spot else []


def from_pydantic(errors: list[ErrorDetails], model: type[BaseModel] = Settings) -> list[Fault]:
    """Pydantic's faults in our words, without a table's that only follow from its keys'."""

    def follows(error: ErrorDetails) -> bool:
        loc = error["loc"]
        return any(len(e["loc"]) > len(loc) and e["loc"][: len(loc)] == loc for e in errors)

    return [Fault(error["loc"], _sentence(error, model)) for error in errors if not follows(error)]


def _sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    loc, found = error["loc"], error["input"]
    if error["type"] == "extra_forbidden":
        return _unknown(loc, model)
    if error["type"] == "missing":
        return "is needed and not there"
    if bracket := _brackets(loc, found, model):
        return bracket
    wanted = error["msg"].removeprefix("Value error, ")
    wanted = wanted[:1].lower() + wanted[1:]
    quiet = "password" in str(loc) or "found " in wanted or isinstance(found, dict | BaseModel)
    return wanted if quiet else f"{wanted}; found {_short(found)}"


def _short(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def _brackets(loc: Loc, found: Any, model: type[BaseModel]) -> str:
    """What to write for a table that is written as something else."""
    name = ".".join(part for part in loc if isinstance(part, str))
    kinds = _at(loc[:-1], model).model_fields if loc else {}
    section = _section(kinds[str(loc[-1])].annotation) if loc and str(loc[-1]) in kinds else None
    if section is None:
        return ""
    many = kinds[str(loc[-1])].annotation is not section
    if many and not isinstance(found, list | tuple):
        return f"write [[{name}]] with two brackets: there may be several"
    if not many and isinstance(found, list):
        return f"write [{name}] with one bracket: there is only one"
    if not many and not isinstance(found, dict):
        return f"write [{name}] on a line of its own, and its settings in the lines below"
    return ""


def _unknown(loc: Loc, model: type[BaseModel]) -> str:
    """A setting that there is not: another place, another name, or all that could be meant."""
    key = str(loc[-1])
    known = sorted(_at(loc[:-1], model).model_fields)
    if close := difflib.get_close_matches(key.lower(), known, n=1):
        return f"no such setting; did you mean {close[0]!r}?"
    if homes := [title for title, names in _sections(model) if key in names]:
        return f"no such setting here; it belongs under {' or '.join(homes)}"
    return f"no such setting; known here: {', '.join(known)}"


def _sections(model: type[BaseModel], prefix: str = "") -> list[tuple[str, set[str]]]:
    """Every table's header and the settings in it."""
    title = f"[{prefix}]" if prefix else "the top, before the first table"
    found = [(title, set(model.model_fields))]
    for name, field in model.model_fields.items():
        if section := _section(field.annotation):
            inner = _sections(section, f"{prefix}.{name}".lstrip("."))
            if section is not field.annotation:
                inner[0] = (f"[{inner[0][0]}]", inner[0][1])
            found += inner
    return found


def _at(loc: Loc, model: type[BaseModel]) -> type[BaseModel]:
    """The table that a setting stands in."""
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:
            model = _section(model.model_fields[part].annotation) or model
    return model


def _section(annotation: Any) -> type[BaseModel] | None:
    inner = (annotation, *get_args(annotation))
    return next((a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)), None)
