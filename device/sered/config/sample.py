"""The configuration as TOML: one to start from, and the one in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from sered.settings import Settings

_BOX = "sered: what this box listens to and where its verdicts go."


def default_toml(model: type[BaseModel] = Settings, about: str = _BOX) -> str:
    """A whole configuration in which every setting stands commented with its default."""
    head = f"# {about}\n# Every line that starts with '#' and has a value shows the default.\n"
    tables: list[str] = []
    lines = _commented(model, tables, prefix="")
    return head + "\n" + lines + "".join(tables)


def _commented(model: type[BaseModel], tables: list[str], prefix: str) -> str:
    out: list[str] = []
    for name, field in model.model_fields.items():
        inner = [a for a in (field.annotation, *get_args(field.annotation)) if isinstance(a, type)]
        section = next((a for a in inner if issubclass(a, BaseModel)), None)
        if section:
            many = section is not field.annotation
            title = f"[[{prefix}{name}]]" if many else f"[{prefix}{name}]"
            about = (section.__doc__ or "").partition(": ")[2].strip()
            about = about[:1].upper() + about[1:]
            # a table of tables that is empty by default, or needs something said, stays a comment
            needs = any(each.is_required() for each in section.model_fields.values())
            live = not many or (prefix == "" and not needs)
            slot = len(tables)
            tables.append("")
            body = _commented(section, tables, f"{prefix}{name}.")
            tables[slot] = f"\n# {about}\n{'' if live else '# '}{title}\n{body}"
            continue
        default = field.get_default(call_default_factory=True)
        about = " ".join((field.description or "").split())
        shown = "(not set)" if default in (None, PydanticUndefined) else _toml(default)
        out.append(f"# {about}\n# {name} = {shown}\n")
    return "".join(out)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str | Path):
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, SecretStr):
        return '"**********"'
    return f"{value}"


def show(settings: BaseModel) -> str:
    """The configuration in force as TOML, secrets as stars."""
    out: list[str] = []
    _dump(settings, "", out)
    return "\n".join(out).strip() + "\n"


def _dump(section: BaseModel, prefix: str, out: list[str]) -> None:
    nested: list[tuple[str, BaseModel, bool]] = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            nested.append((name, value, False))
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            nested.extend((name, item, True) for item in value)
        elif value is not None:
            out.append(f"{name} = {_toml(value)}")
    for name, item, many in nested:
        title = f"{prefix}{name}"
        out.append(f"\n[[{title}]]" if many else f"\n[{title}]")
        _dump(item, f"{title}.", out)
