"""JSON Schemas of the contract: open as readers need them, strict as writers keep to them."""

from __future__ import annotations

from typing import Any

from sered.contract.messages import PAYLOADS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas(*, strict: bool = False) -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of every payload as it goes on the wire, by last topic level.

    Open ones, which are published, let in what a later version may add and what an older one did
    not have. A strict one lets in what this version writes and nothing else.
    """
    found = {}
    for leaf, payload in PAYLOADS.items():
        schema = payload.model_json_schema(mode="serialization")
        _tidy(schema, strict=strict)
        head = {"$schema": _DIALECT, "$id": payload.model_fields["schema_"].default}
        found[leaf] = head | schema
    return found


def _tidy(node: Any, *, strict: bool) -> None:
    """Take out what tells a reader nothing, and for an open schema what would shut it."""
    if isinstance(node, list):
        for item in node:
            _tidy(item, strict=strict)
        return
    if not isinstance(node, dict):
        return
    for name, property_ in node.get("properties", {}).items():
        property_.pop("title", None)
        property_.pop("default", None)
        if not strict and "x-since" in property_:
            node["required"].remove(name)
    if not strict:
        if node.get("additionalProperties") is False:
            del node["additionalProperties"]
        if isinstance(node.get("enum"), list):
            node["examples"] = node.pop("enum")
    for value in node.values():
        _tidy(value, strict=strict)
