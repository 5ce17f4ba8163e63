"""What a setting takes, and what was probably meant by a value that it does not take. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    Schema = Mapping[str, Any]

_UNITS: dict[str, tuple[str, dict[str, float]]] = {
    "s": ("seconds", {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}),
    "days": ("days", {"h": 1 / 24, "d": 1, "w": 7, "m": 30, "y": 365}),
    "mb": ("megabytes", {"kb": 1 / 1024, "mb": 1, "gb": 1024, "tb": 1024 * 1024}),
    "hz": ("hertz", {"hz": 1, "khz": 1000}),
}
"""By the end of a setting's name: what it counts, and what other units are in it."""
_SHORT = {
    "sec": "s", "min": "m", "hour": "h", "hr": "h", "day": "d", "week": "w", "month": "m",
    "year": "y", "k": "kb", "g": "gb", "t": "tb", "gib": "gb", "mib": "mb",
}  # fmt: skip
_WITH_UNIT = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*([a-zA-Z]+?)s?")
_NO_SECOND = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*(s)")
_MEANT = {
    "us": "na", "usa": "na", "ca": "na", "gb": "uk", "de": "etsi", "eu": "etsi", "it": "etsi",
    "es": "etsi", "at": "etsi", "ch": "etsi", "nl": "etsi", "nz": "au", "voice": "audio",
    "words": "text", "all": "both", "on": "true", "mqttv5": "5", "mqttv311": "3.1.1", "4": "3.1.1",
    "3.1": "3.1.1", "5.0": "5", "311": "3.1.1", "trace": "debug", "critical": "error", "0": "low",
    "1": "high",
}  # fmt: skip
"""What people write for one of a few words."""


def wanted(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What the setting takes, in a few words; empty where the fault says it itself."""
    kind = error["type"]
    if kind == "value_error" or kind.startswith("assertion"):
        return ""
    schema = _schema(error["loc"], model)
    if kind == "too_short":
        return "wanted at least one"
    if kind in {"too_long", "string_too_long"}:
        most = error.get("ctx", {}).get("max_length")
        return f"wanted at most {most}" + (" characters" if "string" in kind else " of them")
    return _takes(schema, str(error["loc"][-1]) if error["loc"] else "")


def meant(error: ErrorDetails, model: type[BaseModel]) -> str:
    """`: write name = value`, where a value tells what was meant; else empty."""
    name, found = str(error["loc"][-1]) if error["loc"] else "", error["input"]
    schema = _schema(error["loc"], model)
    kind = schema.get("type")
    if "enum" in schema:
        value = _choice(str(found), schema["enum"])
    elif kind in {"integer", "number"}:
        value = _number(name, found, schema)
    elif kind == "array" and isinstance(found, str) and found:
        value = f'["{found}"]'
    elif kind == "string" and isinstance(found, int | float) and not isinstance(found, bool):
        value = f'"{found}"'
    else:
        value = ""
    return f": write {name} = {value}" if value and not name.isdigit() else ""


def _takes(schema: Schema, name: str) -> str:
    if "enum" in schema:
        *some, last = (f'"{each}"' for each in schema["enum"])
        return f"wanted {', '.join(some)} or {last}"
    if schema.get("type") in {"integer", "number"}:
        what = "a whole number" if schema["type"] == "integer" else "a number"
        if unit := _UNITS.get(name.rpartition("_")[2]):
            what = f"{what} of {unit[0]}"
        low, high = schema.get("minimum"), schema.get("maximum")
        return f"wanted {what} from {_plain(low)} to {_plain(high)}"
    if "pattern" in schema:
        return "wanted two small letters, as in en"
    if schema.get("format") == "path":
        return "wanted a path in quotation marks"
    return {
        "boolean": "wanted true or false",
        "string": "wanted a text in quotation marks",
        "array": "wanted a list in brackets",
    }.get(str(schema.get("type")), "wanted another value")


def _choice(found: str, choices: list[str]) -> str:
    small = found.strip().lower()
    by_case = next((each for each in choices if each.lower() == small), "")
    other = _MEANT.get(small, "")
    near = next(iter(difflib.get_close_matches(small, choices, n=1)), "")
    value = by_case or (other if other in choices else near)
    return f'"{value}"' if value else ""


def _number(name: str, found: Any, schema: Schema) -> str:
    """What a number with a unit, on another scale or with another sign comes to."""
    if isinstance(found, str):
        text = found.strip()
        match = _NO_SECOND.fullmatch(text) or _WITH_UNIT.fullmatch(text)
        tried = [_counted(name, match[1], match[2])] if match else [_float(text)]
    elif isinstance(found, int | float) and not isinstance(found, bool):
        scales = {"s": (0.001,), "hz": (1000.0,)}.get(name.rpartition("_")[2], (-1.0, 0.01, -0.01))
        tried = [found * scale for scale in scales]
    else:
        return ""
    low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    for value in tried:
        if value is not None and low <= value <= high and not (
            schema["type"] == "integer" and round(value, 6) % 1
        ):  # fmt: skip
            return _plain(round(value, 6))
    return ""


def _counted(name: str, number: str, unit: str) -> float | None:
    small = unit.lower()
    _, factors = _UNITS.get(name.rpartition("_")[2]) or ("", dict[str, float]())
    factor = factors.get(_SHORT.get(small, small)) or factors.get(small)
    value = _float(number)
    return value * factor if factor and value is not None else None


def _float(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def _plain(number: float | None) -> str:
    if number is None:
        return "any"
    return str(int(number)) if number == int(number) else f"{number:g}"


def _schema(loc: tuple[int | str, ...], model: type[BaseModel]) -> Schema:
    """What JSON Schema says of the setting; empty for one that there is not."""
    whole = model.model_json_schema()
    at: Schema = whole
    for part in loc:
        inner: Schema = at.get("items" if isinstance(part, int) else "properties", {})
        named: Schema = inner if isinstance(part, int) else inner.get(part, {})
        at = _resolved(named, whole)
    return at


def _resolved(at: Schema, whole: Schema) -> Schema:
    """Without references and without the null that stands for `not set`."""
    some = [each for each in at.get("anyOf", ()) if each.get("type") != "null"]
    if some:
        at = some[0]
    if "$ref" in at:
        return dict(whole["$defs"][at["$ref"].rpartition("/")[2]])
    return at
