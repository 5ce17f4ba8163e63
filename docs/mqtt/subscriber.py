"""Stores each call once, however often it is delivered: subscriber.py CONFIGURATION FILE."""

import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from sered import config
from sered.contract.messages import CallReport
from sered.contract.reading import SetAside
from sered.contract.topics import topic_filter
from sered.delivery.broker import client_id
from sered.delivery.subscription import Received, follow

mqtt = config.load(Path(sys.argv[1])).mqtt
db = sqlite3.connect(sys.argv[2])
db.execute("CREATE TABLE IF NOT EXISTS calls(call_id TEXT PRIMARY KEY, report TEXT)")


def store(batch: Sequence[Received]) -> None:
    with db:  # committed before the broker hears that we have it
        for each in batch:
            if isinstance(each.found, CallReport):
                row = (each.found.call_id, each.body.decode())
                db.execute("INSERT OR IGNORE INTO calls VALUES (?, ?)", row)
            elif isinstance(each.found, SetAside):  # broken, or of another kind
                print(f"{each.topic}: {each.found.sentence}")


follow(
    mqtt,
    [topic_filter(mqtt.base, leaf="calls")],
    store,
    client_id=client_id(mqtt, "central"),
    session_s=30 * 86_400,
    lost=print,
)
