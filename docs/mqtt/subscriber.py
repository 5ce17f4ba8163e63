"""Stores each call once, however often it is delivered: subscriber.py HOST PORT FILE."""

import json
import sqlite3
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

host, port, path = sys.argv[1:]
db = sqlite3.connect(path)
db.execute("CREATE TABLE IF NOT EXISTS calls(call_id TEXT PRIMARY KEY, report TEXT)")


def store(client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
    report = json.loads(message.payload)
    if report.get("schema") == "sered.call/1":
        with db:  # committed before the broker hears that we have it
            db.execute(
                "INSERT OR IGNORE INTO calls VALUES (?, ?)",
                (report["call_id"], message.payload.decode()),
            )
    client.ack(message.mid, message.qos)


central = mqtt.Client(CallbackAPIVersion.VERSION2, "central", False, manual_ack=True)
central.on_connect = lambda client, *_: client.subscribe("sered/+/+/calls", qos=1)
central.on_message = store
central.connect(host, int(port))
central.loop_forever()
