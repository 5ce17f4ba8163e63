"""Freezes what a box of this version says: python -m contract.freeze FOLDER, from tests/.

The demo call through service, spool and broker, and what a demo call has no occasion for. Before a
release; afterwards its folder never changes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from broker import Broker, Listener
from message_makers import status
from sered.cli.demo import CALL
from sered.contract.messages import (
    Alert,
    CallReport,
    Health,
    LineStatus,
    encode,
)
from sered.records import EndReason

SETTINGS = """
site = "berlin"
device = "desk1"
health_every_s = 1
[[line]]
name = "line1"
sides = "customer=right,agent=left"
[mqtt]
host = "{host}"
port = {port}
live = true
[privacy]
transcript = true
[verdict]
provisional_speech_s = 8.0
provisional_below = -0.4
[spool]
path = "{folder}/spool.db"
"""


def said_by_a_box(folder: Path) -> dict[str, bytes]:
    """A message of each kind of a box that hears the demo call, by `leaf-state`."""
    broker = Broker(folder / "broker").start()
    listener = Listener(broker, "sered/#")
    config = folder / "sered.toml"
    config.write_text(SETTINGS.format(host=broker.host, port=broker.port, folder=folder))
    run = [sys.executable, "-m", "sered", "run", "--config", str(config), "--replay", str(CALL)]
    subprocess.run(run, check=True, timeout=500)
    listener.wait("status", 2)
    listener.close()
    broker.stop()
    found: dict[str, bytes] = {}
    for topic, body, _ in listener.messages:
        leaf = topic.rpartition("/")[2]
        state = json.loads(body)["state"] if leaf in ("alerts", "status") else ""
        if leaf == "health":
            found[leaf] = body
        found.setdefault(f"{leaf}-{state}".rstrip("-"), body)
    return found


def seldom_said(said: dict[str, bytes]) -> dict[str, bytes]:
    """Calls without an answer or a category, what is withdrawn, degraded or not known."""
    call = CallReport.model_validate_json(said["calls"])
    alert = Alert.model_validate_json(said["alerts-confirmed"])
    health = Health.model_validate_json(said["health"])
    assert call.sentiment is not None
    nothing = dict.fromkeys(("sentiment", "acoustic", "verbal", "trend", "worst", "transcript"))
    unclear = {"category": None, "undetermined": "mixed_side", "escalate": False, "causes": ()}
    gone = "USB Audio is gone. Plug it in again."
    made = {
        "calls-unanswered": call.model_copy(
            update={**nothing, "utterances": (), "end_reason": EndReason.UNANSWERED.value}
        ),
        "calls-undetermined": call.model_copy(
            update={
                "sentiment": call.sentiment.model_copy(update=unclear),
                "verbal": None, "worst": None, "transcript": None, "mode": "audio", "mixed": True,
                "end_reason": EndReason.SHUTDOWN.value, "clock_synced": False,
            }
        ),
        "alerts-withdrawn": alert.model_copy(update={"state": "withdrawn", "terms": ()}),
        "status-degraded": status(
            "degraded", f"line1: {gone}", reasons=("unplugged", "no_words"), site="berlin",
            device="desk1", lines=[LineStatus(line="line1", reasons=("unplugged",), text=gone)],
        ),
        "health-idle": health.model_copy(update={"temperature_c": None, "clock_synced": False}),
    }  # fmt: skip
    return {name: encode(message) for name, message in made.items()}


def main(out: Path) -> None:
    """Write a file a message."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        said = said_by_a_box(Path(folder))
    for name, body in (said | seldom_said(said)).items():
        (out / f"{name}.json").write_bytes(body + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
