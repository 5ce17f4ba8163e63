"""Every field of every payload says what it is, in which unit, and between which bounds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from sered.contract.schemas import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

UNITS = re.compile(
    r"in seconds|in dB\b|in dBFS|in ppm|in MiB|in °C|[Nn]umber of|Seconds of work a second"
    r"|Share of one core|on its scale|part of the call's score"
)
"""How a description tells its unit, where the number is no bounded share or score."""


def fields() -> Iterator[tuple[str, dict[str, Any]]]:
    """`leaf.Object.field` of every property of every payload, with its schema."""
    for leaf, schema in schemas(strict=True).items():
        for name, node in {leaf: schema, **schema.get("$defs", {})}.items():
            for key, field in node.get("properties", {}).items():
                yield f"{leaf}.{name}.{key}", field


def numbers(field: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The number that a field is, may be, or has as its items."""
    if field.get("type") in ("number", "integer"):
        yield field
    for inner in (*field.get("anyOf", ()), *field.get("prefixItems", ())):
        yield from numbers(inner)
    if isinstance(field.get("items"), dict):
        yield from numbers(field["items"])


FIELDS = dict(fields())
NUMBERS = {name: list(numbers(field)) for name, field in FIELDS.items()}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_described(name: str) -> None:
    """Each field has a sentence of its own, that ends like one."""
    said = FIELDS[name].get("description", "")
    assert len(said.split()) >= 3
    assert said.rstrip("`").endswith(".")


@pytest.mark.parametrize("name", [name for name, found in NUMBERS.items() if found])
def test_every_number_tells_unit_and_range(name: str) -> None:
    """A score or share tells its two ends and is held to them; any other number tells its unit."""
    said = FIELDS[name]["description"]
    for number in NUMBERS[name]:
        ends = number.get("minimum"), number.get("maximum")
        if None not in ends:
            assert re.search(
                rf"\b{ends[0]:g} (\(.*?\) )?to {ends[1]:g}\b".replace(r"\b-", "-"), said
            )
        else:
            assert UNITS.search(said) or re.search(r"-?\d+ (\(.*?\) )?to \d", said)
        if UNITS.search(said) and re.search(r"in seconds|[Nn]umber of|in MiB", said):
            assert number["minimum"] == 0


@pytest.mark.parametrize("name", [name for name in FIELDS if name.endswith(("_s", "_db", "_mb"))])
def test_a_unit_in_a_name_is_the_unit_described(name: str) -> None:
    """A field called after its unit is described in that unit."""
    unit = {"s": "seconds", "db": "dB", "mb": "MiB"}[name.rpartition("_")[2]]
    assert unit in FIELDS[name]["description"]
