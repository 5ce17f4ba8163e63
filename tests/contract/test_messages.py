"""What the messages promise to subscribers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import jsonschema
import pytest
from pydantic import ValidationError

from chaos.box import report
from project import ROOT
from sered.contract.messages import PAYLOADS, Alert, Status, encode, schemas

FOLDER = ROOT / "docs" / "mqtt"


@pytest.mark.parametrize("leaf", PAYLOADS)
def test_schema_is_current(leaf: str) -> None:
    """The schema files in docs/mqtt are what the program publishes: else run make-schemas."""
    assert json.loads((FOLDER / f"{leaf}.schema.json").read_text()) == schemas()[leaf]


def test_no_other_schema() -> None:
    """There is one schema file a topic and no forgotten one."""
    assert {path.name for path in FOLDER.glob("*.schema.json")} == {
        f"{leaf}.schema.json" for leaf in PAYLOADS
    }


@pytest.mark.parametrize("leaf", PAYLOADS)
def test_schema_is_a_schema(leaf: str) -> None:
    """Each is a valid JSON Schema that requires its version word."""
    schema = schemas()[leaf]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "schema" in schema["required"]
    assert schema["properties"]["schema"]["const"] == schema["$id"]


def test_report_satisfies_schema() -> None:
    """A report on the wire is compact UTF-8 JSON that its schema accepts, and survives reading."""
    body = encode(report(7))
    assert b": " not in body
    parsed = json.loads(body)
    jsonschema.validate(parsed, schemas()["calls"])
    read = PAYLOADS["calls"].model_validate_json(body)
    assert encode(read) == body


def test_scores_on_the_wire_have_four_digits() -> None:
    """A score is not told more exactly than it is known."""
    found = report(7)
    assert found.sentiment is not None
    odd = found.sentiment.model_copy(update={"score": -0.123456789})
    body = json.loads(encode(found.model_copy(update={"sentiment": odd})))
    assert body["sentiment"]["score"] == -0.1235


def test_alert_satisfies_schema() -> None:
    """An alert's times carry their zone."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    alert = Alert(
        call_id="c",
        site="s",
        device="d",
        line="l",
        state="provisional",
        at=now,
        started_at=now,
        score=-0.7,
        confidence=0.8,
    )
    parsed = json.loads(encode(alert))
    jsonschema.validate(parsed, schemas()["alerts"])
    assert parsed["at"] == "2026-03-01T12:00:00Z"


def test_unknown_is_refused() -> None:
    """A field that the contract does not know cannot be published."""
    with pytest.raises(ValidationError, match="colour"):
        Status.model_validate({"state": "online", "colour": "red"})
