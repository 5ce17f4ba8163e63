"""Settings out of the environment, as containers have them: SERED__MQTT__HOST=broker. Pure."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sered.config.faults import Loc

PREFIX = "SERED__"


def settings_in(environ: Mapping[str, str]) -> dict[Loc, tuple[str, Any]]:
    """Way to each setting, to its variable and its value; raises ConfigError.

    `__` stands between levels, a number for one of several tables from 0: SERED__LINE__0__CARD.
    A value that begins with [ or { is TOML, any other the text itself.
    """
    found: dict[Loc, tuple[str, Any]] = {}
    for variable in sorted(environ):
        if variable.startswith(PREFIX):
            parts = variable.removeprefix(PREFIX).split("__")
            if not all(parts):
                msg = f"{variable}: wanted names with __ between them, such as SERED__MQTT__HOST."
                raise ConfigError(msg)
            way = tuple(int(part) if part.isdigit() else part.lower() for part in parts)
            found[way] = (variable, _value(variable, environ[variable]))
    return found


def _value(variable: str, text: str) -> Any:
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        msg = f'{variable}: wanted a list or table as TOML has it, such as ["one", "two"].'
        raise ConfigError(msg) from None


def laid_over(tree: dict[str, Any], found: Mapping[Loc, tuple[str, Any]]) -> dict[str, Any]:
    """The file's tree with the environment's values in it; raises ConfigError."""
    whole: Any = _copied(tree)
    for way, (variable, value) in found.items():
        place = whole
        for part, following in zip(way, (*way[1:], None), strict=True):
            fresh = value if following is None else [] if isinstance(following, int) else {}
            place = _step(place, part, fresh, variable, last=following is None)
    return dict(whole)


def _copied(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    return [_copied(value) for value in tree] if isinstance(tree, list) else tree


def _step(place: Any, part: int | str, fresh: Any, variable: str, *, last: bool) -> Any:
    """Where `part` leads; what is not there yet becomes `fresh`, as does the `last`."""
    if isinstance(part, int) and isinstance(place, list):
        if part > len(place):
            msg = f"{variable}: there is no number {part} yet; the next one is {len(place)}."
            raise ConfigError(msg)
        if part == len(place):
            place.append(fresh)
    elif isinstance(part, str) and isinstance(place, dict):
        place.setdefault(part, fresh)
    else:
        msg = f"{variable}: {part} leads nowhere: what is before it holds no settings of its own."
        raise ConfigError(msg)
    if last:
        place[part] = fresh
    return place[part]


def variable_of(loc: Loc, found: Mapping[Loc, tuple[str, Any]]) -> str | None:
    """The variable that a fault is of; None: the file's."""
    for way, (variable, _) in found.items():
        if loc[: len(way)] == way:
            return variable
    return None
