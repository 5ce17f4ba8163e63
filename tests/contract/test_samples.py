"""Messages of every release, frozen as they went on the wire, and what today makes of them."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from project import ROOT
from sered import __version__
from sered.contract.messages import PAYLOADS, CallReport, encode
from sered.contract.reading import SetAside, Why, read
from sered.contract.schemas import schemas
from sered.contract.topics import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ROOT / "tests" / "data" / "contract"
SAMPLES = sorted(FOLDER.glob("*/*.json"))
WORDS = {"category", "undetermined", "end_reason", "mode", "state", "emotion"}
"""Fields in which a word stands."""
TODAY = __version__.partition(".dev")[0]
"""The release that is being made: its samples are made anew until it is out."""


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def place(path: Path) -> Place:
    return Place("berlin", "desk1", path.stem.partition("-")[0])


def branches(message: Any) -> Iterator[dict[str, Any]]:
    """Every object within a message, itself first."""
    if isinstance(message, dict):
        yield message
        for value in message.values():
            yield from branches(value)
    elif isinstance(message, list):
        for value in message:
            yield from branches(value)


def test_every_release_left_samples_of_every_topic() -> None:
    """Each version has its folder, and in it at least one message of each topic."""
    versions = {path.parent.name for path in SAMPLES}
    assert {"0.1.0", "0.2.0", TODAY} <= versions
    for version, leaf in product(versions, PAYLOADS):
        assert any(p.parent.name == version and place(p).leaf == leaf for p in SAMPLES)


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_every_sample_is_read(path: Path) -> None:
    """Whatever a release has ever sent is read today, and fits today's published schema."""
    body = path.read_bytes()
    found = read(place(path), body)
    assert isinstance(found, PAYLOADS[place(path).leaf]), found
    assert (found.site, found.device) == ("berlin", "desk1")
    said = json.loads(body)
    jsonschema.validate(said, schemas()[place(path).leaf])
    for was, now in zip(branches(said), branches(json.loads(encode(found))), strict=True):
        plain = {key: value for key, value in was.items() if not isinstance(value, dict | list)}
        assert plain.items() <= now.items(), "nothing that was said is lost or changed"


@pytest.mark.parametrize(
    "path", [path for path in SAMPLES if path.parent.name == TODAY], ids=name
)  # fmt: skip
def test_todays_samples_are_what_is_written_today(path: Path) -> None:
    """A field that was added is in the samples of the release that adds it: else freeze anew."""
    jsonschema.validate(json.loads(path.read_bytes()), schemas(strict=True)[place(path).leaf])


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_a_sample_from_the_future_is_read(path: Path) -> None:
    """Unknown fields everywhere and unknown words wherever words stand do not stop a reader."""
    said = json.loads(path.read_bytes())
    for branch in list(branches(said)):
        branch["from_the_future"] = {"nested": [1, {"deep": None}]}
        for key in {"category", "undetermined", "end_reason", "mode", "state", "emotion"} & {
            *branch
        }:
            branch[key] = "from_the_future"
    found = read(place(path), json.dumps(said).encode())
    assert isinstance(found, PAYLOADS[place(path).leaf]), found
    if isinstance(found, CallReport) and found.sentiment is not None:
        assert found.sentiment.category == found.end_reason == "from_the_future"


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_a_sample_of_another_schema_is_set_aside(path: Path) -> None:
    """A message of version 2 is set aside as such, not read by the rules of version 1."""
    said = json.loads(path.read_bytes())
    said["schema"] = said["schema"].replace("/1", "/2")
    found = read(place(path), json.dumps(said).encode())
    assert isinstance(found, SetAside)
    assert found.why is Why.UNKNOWN_SCHEMA


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_no_broken_sample_stops_a_reader(path: Path) -> None:
    """Cut anywhere, or with any field taken out, a message is read or set aside, never a crash."""
    body = path.read_bytes()
    for cut in range(0, len(body.rstrip()) - 1, 29):
        assert isinstance(read(place(path), body[:cut]), SetAside)
    said = json.loads(body)
    for key in said:
        less = {k: v for k, v in said.items() if k != key}
        found = read(place(path), json.dumps(less).encode())
        assert isinstance(found, PAYLOADS[place(path).leaf] | SetAside)
