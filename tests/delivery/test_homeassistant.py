"""What Home Assistant makes of a box: ids that it takes, and a real one that shows the states."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.publish as mqtt
import pytest

from broker import Broker, wait_until
from project import ROOT
from sered.delivery.homeassistant import box_id, discovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HASS = ROOT / ".venv-homeassistant/bin/python"
BOX = "sered/oslo/desk.ä 1/"


@pytest.mark.parametrize(
    ("site", "device"), [("oslo", "desk4"), ("Zürich", "desk.1"), ("东京", "x" * 120), ("a", "b")]
)
def test_an_id_is_one_that_home_assistant_takes(site: str, device: str) -> None:
    """The announcement's topic has only signs that Home Assistant looks for."""
    topic, _ = discovery(f"sered/{site}/{device}/", site, device, "1")
    # homeassistant/components/mqtt/discovery.py, TOPIC_MATCHER, behind its prefix
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topic)
    assert len(topic) < 100


def test_no_two_boxes_share_an_id() -> None:
    """Names that run together to one text, or differ in a sign that is replaced, stay apart."""
    pairs = [("berlin-1", "desk"), ("berlin", "1-desk"), ("ä", "x"), ("ö", "x"), ("a.b", "c")]
    assert len({box_id(*pair) for pair in pairs}) == len(pairs)


States = dict[str, dict[str, Any]]


@pytest.fixture
def states(broker: Broker, tmp_path: Path) -> Iterator[Callable[[], States]]:
    """A real Home Assistant at the broker; its entities' last states."""
    if not HASS.exists():
        pytest.skip("needs Home Assistant in an environment of its own: make test-homeassistant")
    told = (tmp_path / "told").open("w+")
    process = subprocess.Popen(
        [HASS, Path(__file__).with_name("home_assistant.py"), broker.host, str(broker.port),
         tmp_path / "hass"],
        stdin=subprocess.PIPE, stdout=told, stderr=(tmp_path / "log").open("w"), text=True,
    )  # fmt: skip

    def look() -> States:
        assert process.poll() is None, (tmp_path / "log").read_text()[-2000:]
        lines = (tmp_path / "told").read_text().splitlines()
        found: States = json.loads(lines[-1]) if lines else {}
        return {key.rpartition("_oslo_")[2] or key: value for key, value in found.items()}

    yield look
    process.terminate()
    process.wait(20)
    log = (tmp_path / "log").read_text()
    assert "sered" not in "".join(line for line in log.splitlines() if "ERROR" in line), log[-2000:]


def report(score: float | None, category: str | None, *, escalate: bool) -> dict[str, Any]:
    sentiment = {"score": score, "category": category, "escalate": escalate}
    return {"schema": "sered.call/1", "sentiment": sentiment}


def test_a_real_home_assistant_shows_the_box(broker: Broker, states: Callable[[], States]) -> None:
    """Availability, call back, a score that is a number or unknown, and no harm by a probe."""

    def say(leaf: str, payload: dict[str, Any], *, retain: bool = False) -> None:
        body = json.dumps(payload)
        mqtt.single(BOX + leaf, body, 1, retain, broker.host, broker.port)

    def shows(**wanted: str) -> None:
        def right() -> bool:
            found = states()
            return all(found.get(name, {}).get("state") == state for name, state in wanted.items())

        try:
            wait_until(right)
        except AssertionError:
            pytest.fail(f"wanted {wanted}; found {states()}")

    topic, announcement = discovery(BOX, "oslo", "desk.ä 1", "1")
    mqtt.single(topic, announcement, 1, retain=True, hostname=broker.host, port=broker.port)
    wait_until(lambda: len(states()) == 6, 60.0, "Home Assistant to find six entities")
    shows(**dict.fromkeys(states(), "unavailable") | {"listening": "unknown"})
    online = {"schema": "sered.status/1", "state": "online", "reasons": [], "text": ""}
    say("status", online, retain=True)
    shows(listening="on", problem="off", last_call_s_score="unknown")
    say("calls", report(-0.72, "negative", escalate=True))
    shows(last_call="negative", last_call_s_score="-0.72", call_the_customer_back="on")
    for leaf in ("calls", "status", "health"):
        say(leaf, {"schema": "sered.probe/1", "about": "sered diagnose"})
    say("calls", report(0.0, "positive", escalate=False))
    shows(last_call="positive", last_call_s_score="0.0", call_the_customer_back="off")
    say("calls", report(None, None, escalate=False))
    shows(last_call="undetermined", last_call_s_score="unknown")
    say("calls", {"schema": "sered.call/1", "sentiment": None})
    say("health", {"schema": "sered.health/1", "spool_depth": 7})
    shows(messages_waiting="7", last_call="undetermined")
    say("status", {**online, "state": "degraded", "reasons": ["hum"], "text": "Ground the tap."})
    shows(problem="on")
    assert states()["problem"]["reasons"] == ["hum"]
    say("status", {**online, "state": "offline"}, retain=True)
    shows(listening="off", last_call="unavailable", last_call_s_score="unavailable")
