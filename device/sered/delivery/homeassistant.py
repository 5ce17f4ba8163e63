"""What Home Assistant is told of a box: one discovery message that names its entities. Pure."""

from __future__ import annotations

import json
from typing import Any


def discovery(root: str, site: str, device: str, version: str) -> tuple[str, bytes]:
    """Topic and payload of the announcement; `root` is the box's topic up to the leaf."""
    box = f"sered-{site}-{device}"
    entities = {
        "online": {
            "platform": "binary_sensor",
            "name": "Listening",
            "device_class": "connectivity",
            "state_topic": f"{root}status",
            "value_template": "{{ 'OFF' if value_json.state == 'offline' else 'ON' }}",
        },
        "problem": {
            "platform": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "state_topic": f"{root}status",
            "value_template": "{{ 'ON' if value_json.state == 'degraded' else 'OFF' }}",
            "json_attributes_topic": f"{root}status",
        },
        "waiting": {
            "platform": "sensor",
            "name": "Messages waiting",
            "state_topic": f"{root}health",
            "value_template": "{{ value_json.spool_depth }}",
            "state_class": "measurement",
            "entity_category": "diagnostic",
        },
        "category": {
            "platform": "sensor",
            "name": "Last call",
            "state_topic": f"{root}calls",
            "value_template": _of_last_call("category", "default('undetermined', true)"),
        },
        "score": {
            "platform": "sensor",
            "name": "Last call's score",
            "state_topic": f"{root}calls",
            "value_template": _of_last_call("score", "default('None')"),
            "state_class": "measurement",
        },
    }
    payload: dict[str, Any] = {
        "device": {
            "identifiers": [box],
            "name": f"{device} ({site})",
            "manufacturer": "sered",
            "model": "Call sentiment box",
            "sw_version": version,
        },
        "origin": {"name": "sered", "sw_version": version},
        "components": {
            name: entity | {"unique_id": f"{box}-{name}"} for name, entity in entities.items()
        },
        "qos": 1,
    }
    return f"homeassistant/device/{box}/config", json.dumps(payload, ensure_ascii=False).encode()


def _of_last_call(field: str, otherwise: str) -> str:
    # an unanswered call has no sentiment, an undetermined one no category; what is no report,
    # such as a probe of `sered diagnose`, changes nothing
    value = "{{ (value_json.sentiment or {})." + field + " | " + otherwise + " }}"
    report = "{% if value_json.schema == 'sered.call/1' %}"
    return report + value + "{% else %}{{ this.state }}{% endif %}"
