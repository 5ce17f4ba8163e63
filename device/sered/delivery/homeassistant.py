"""What Home Assistant is told of a box: one discovery message that names its entities. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from sered.contract.vocabulary import CATEGORIES

_KEPT = 40
"""Characters of site and device that an id repeats, for people who read it."""


def box_id(site: str, device: str) -> str:
    """The box's id at Home Assistant: only signs that it takes, and no other box's.

    It passes over announcements whose id holds anything but letters, digits, `-` and `_`, and two
    boxes' names may run together to one.
    """
    slug = re.sub(r"[^a-zA-Z0-9_-]+", "_", f"{site}-{device}")[:_KEPT]
    digest = hashlib.sha256(f"{site}/{device}".encode()).hexdigest()[:8]
    return f"sered-{slug}-{digest}"


def discovery(root: str, site: str, device: str, version: str) -> tuple[str, bytes]:
    """Topic and payload of the announcement; `root` is the box's topic up to the leaf."""
    box = box_id(site, device)
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
            name: entity | {"unique_id": f"{box}-{name}"} for name, entity in _entities(root)
        },
        "qos": 1,
    }
    return f"homeassistant/device/{box}/config", json.dumps(payload, ensure_ascii=False).encode()


def _entities(root: str) -> list[tuple[str, dict[str, Any]]]:
    offline = "value_json.state == 'offline'"
    alive = {
        "availability": [
            {
                "topic": f"{root}status",
                "value_template": _of("status", f"{{{{ 'offline' if {offline} else 'online' }}}}"),
            }
        ]
    }
    return [
        (
            # says itself that the box is away, so it is never unavailable
            "online",
            {
                "platform": "binary_sensor",
                "name": "Listening",
                "device_class": "connectivity",
                "state_topic": f"{root}status",
                "value_template": _of("status", f"{{{{ 'OFF' if {offline} else 'ON' }}}}"),
            },
        ),
        (
            "problem",
            {
                "platform": "binary_sensor",
                "name": "Problem",
                "device_class": "problem",
                "state_topic": f"{root}status",
                "value_template": _of(
                    "status", "{{ 'ON' if value_json.state == 'degraded' else 'OFF' }}"
                ),
                "json_attributes_topic": f"{root}status",
                "json_attributes_template": (
                    "{{ {'reasons': value_json.reasons | default([]), "
                    "'text': value_json.text | default('')} | tojson }}"
                ),
                **alive,
            },
        ),
        (
            "call_back",
            {
                "platform": "binary_sensor",
                "name": "Call the customer back",
                "icon": "mdi:phone-return",
                "state_topic": f"{root}calls",
                "value_template": _of_last_call("'ON' if sentiment.escalate else 'OFF'"),
                **alive,
            },
        ),
        (
            "category",
            {
                "platform": "sensor",
                "name": "Last call",
                "device_class": "enum",
                "options": [*CATEGORIES, "undetermined"],
                "state_topic": f"{root}calls",
                "value_template": _of_last_call(
                    "sentiment.category | default('undetermined', true)"
                ),
                **alive,
            },
        ),
        (
            "score",
            {
                "platform": "sensor",
                "name": "Last call's score",
                "state_class": "measurement",
                "suggested_display_precision": 2,
                "state_topic": f"{root}calls",
                # Home Assistant takes the word None for `no number`
                "value_template": _of_last_call(
                    "sentiment.score if sentiment.score is number else 'None'"
                ),
                **alive,
            },
        ),
        (
            "waiting",
            {
                "platform": "sensor",
                "name": "Messages waiting",
                "state_class": "measurement",
                "entity_category": "diagnostic",
                "state_topic": f"{root}health",
                "value_template": _of("health", "{{ value_json.spool_depth }}"),
                **alive,
            },
        ),
    ]


def _of_last_call(value: str) -> str:
    # an unanswered call has no sentiment
    return _of("call", "{% set sentiment = value_json.sentiment or {} %}{{ " + value + " }}")


def _of(kind: str, template: str) -> str:
    """A template that is empty, which changes nothing, for what is no message of this kind.

    `sered diagnose` publishes a probe on every topic.
    """
    return f"{{% if value_json.schema == 'sered.{kind}/1' %}}{template}{{% endif %}}"
