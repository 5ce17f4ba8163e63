"""What the messages promise to subscribers."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import jsonschema
import pytest
from pydantic import ValidationError

from chaos.box import report
from message_makers import alert, status
from project import ROOT
from sered.contract.messages import PAYLOADS, Status, encode
from sered.contract.reading import read
from sered.contract.schemas import schemas
from sered.contract.topics import Place

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "docs" / "mqtt"


def test_what_is_made_from_the_classes_is_current(tmp_path: Path) -> None:
    """Schemas, words and examples in docs/mqtt are those of the program: else run make-schemas."""
    subprocess.run([sys.executable, FOLDER / "make-schemas", tmp_path], check=True, timeout=60)
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"words.md", "examples.md", "calls.schema.json"}
    for name in made:
        assert (FOLDER / name).read_text("utf-8") == (tmp_path / name).read_text("utf-8"), name


@pytest.mark.parametrize("leaf", PAYLOADS)
def test_the_example_is_a_message(leaf: str) -> None:
    """Each topic's annotated example fits the strict schema, is read, and explains every field."""
    text = (FOLDER / "examples.md").read_text("utf-8")
    (block,) = re.findall(rf"## `{leaf}`\n```jsonc\n(.*?)```", text, re.DOTALL)
    rows = block.splitlines()
    body = "\n".join(row for row in rows if not row.lstrip().startswith("//"))
    jsonschema.validate(json.loads(body), schemas(strict=True)[leaf])
    assert isinstance(read(Place("berlin", "desk1", leaf), body.encode()), PAYLOADS[leaf])
    for row, before in zip(rows[1:], rows, strict=False):
        if re.match(r'\s*"\w+": ', row):
            assert before.lstrip().startswith("// "), row


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
    jsonschema.validate(parsed, schemas(strict=True)["calls"])
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
    parsed = json.loads(encode(alert()))
    jsonschema.validate(parsed, schemas(strict=True)["alerts"])
    assert parsed["at"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("field", "value"),
    [("colour", "red"), ("state", "happy"), ("site", "a/b"), ("reasons", 5)],
)
def test_a_writer_is_strict(field: str, value: object) -> None:
    """No field, word or name that this version's schema does not have can be published."""
    said = status().model_dump(by_alias=True)
    Status.model_validate(said)
    with pytest.raises(ValidationError, match=field):
        Status.model_validate(said | {field: value})


@pytest.mark.parametrize("leaf", PAYLOADS)
def test_nothing_but_schema_has_a_default_for_a_writer(leaf: str) -> None:
    """A field that a writer forgets is told where the message is made: by mypy or when it runs."""
    source = ast.parse((ROOT / "device/sered/contract/messages.py").read_text("utf-8"))
    source.body += ast.parse((ROOT / "device/sered/contract/call.py").read_text("utf-8")).body
    classes = {node.name: node for node in source.body if isinstance(node, ast.ClassDef)}
    assert PAYLOADS[leaf].__name__ in classes
    filled = [
        f"{name}.{ast.unparse(field.target)}"
        for name, node in classes.items()
        for field in node.body
        if isinstance(field, ast.AnnAssign) and field.value is not None
    ]
    assert {field.partition(".")[2] for field in filled} == {"schema_"}


def test_every_box_says_whose_message_it_is() -> None:
    """Every payload carries site and device, so that a message that lost its topic is not lost."""
    for leaf, schema in schemas(strict=True).items():
        assert {"site", "device"} <= set(schema["required"]), leaf


def test_an_open_schema_takes_what_is_to_come() -> None:
    """Published schemas let in unknown fields and words, and messages of older versions; ours not.

    What a version must not do, lose or retype a field, no schema lets in.
    """
    for leaf, strict in schemas(strict=True).items():
        text = json.dumps(schemas()[leaf])
        assert "additionalProperties" not in text
        assert '"enum"' not in text
        assert "additionalProperties" in json.dumps(strict)
    said = json.loads(encode(status()))
    later = said | {"state": "asleep", "colour": {"deep": [1]}}
    older = {key: value for key, value in said.items() if key not in {"site", "device"}}
    for message in (later, older):
        jsonschema.validate(message, schemas()["status"])
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(message, schemas(strict=True)["status"])
    for broken in (said | {"text": 5}, {k: v for k, v in said.items() if k != "text"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schemas()["status"])
