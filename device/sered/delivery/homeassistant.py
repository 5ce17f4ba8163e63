"""What Home Assistant is told of a box: one discovery message that names its entities. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from sered.contract.vocabulary import CATEGORIES

_KEPT = 40
"""Characters of site and device that an id repeats, for people who read it."""
_PROBLEM = "'ON' if value_json.state == 'degraded' else 'OFF'"
_REASONS = (
    "{{ {'reasons': value_json.reasons | default([]), "
    "'text': value_json.text | default('')} | tojson }}"
)


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
            name: entity | {"unique_id": f"{box}-{name}"}
            for name, entity in _entities(root).items()
        },
        "qos": 1,
    }
    return f"homeassistant/device/{box}/config", json.dumps(payload, ensure_ascii=False).encode()


def _entities(root: str) -> dict[str, dict[str, Any]]:
    offline = "value_json.state == 'offline'"
    alive = _of("status", f"{{{{ 'offline' if {offline} else 'online' }}}}")
    dies = {"availability": [{"topic": f"{root}status", "value_template": alive}]}
    return {
        # says itself that the box is away, so it is never unavailable
        "online": _binary_sensor("Listening", "connectivity")
        | _reads(f"{root}status", _of("status", f"{{{{ 'OFF' if {offline} else 'ON' }}}}")),
        "problem": _binary_sensor("Problem", "problem")
        | _reads(f"{root}status", _of("status", f"{{{{ {_PROBLEM} }}}}"))
        | {"json_attributes_topic": f"{root}status", "json_attributes_template": _REASONS}
        | dies,
        "call_back": _binary_sensor("Call the customer back")
        | {"icon": "mdi:phone-return"}
        | _reads(f"{root}calls", _of_last_call("'ON' if sentiment.escalate else 'OFF'"))
        | dies,
        "category": _sensor("Last call", device_class="enum")
        | {"options": [*CATEGORIES, "undetermined"]}
        | _reads(
            f"{root}calls", _of_last_call("sentiment.category | default('undetermined', true)")
        )
        | dies,
        "score": _sensor("Last call's score", state_class="measurement")
        | {"suggested_display_precision": 2}
        # Home Assistant takes the word None for `no number`
        | _reads(
            f"{root}calls",
            _of_last_call("sentiment.score if sentiment.score is number else 'None'"),
        )
        | dies,
        "waiting": _sensor("Messages waiting", state_class="measurement")
        | {"entity_category": "diagnostic"}
        | _reads(f"{root}health", _of("health", "{{ value_json.spool_depth }}"))
        | dies,
    }


def _binary_sensor(name: str, device_class: str = "") -> dict[str, Any]:
    more = {"device_class": device_class} if device_class else {}
    return {"platform": "binary_sensor", "name": name, **more}


def _sensor(name: str, **more: str) -> dict[str, Any]:
    return {"platform": "sensor", "name": name, **more}


def _reads(topic: str, template: str) -> dict[str, Any]:
    return {"state_topic": topic, "value_template": template}


def _of_last_call(value: str) -> str:
    # an unanswered call has no sentiment
    return _of("call", "{% set sentiment = value_json.sentiment or {} %}{{ " + value + " }}")


def _of(kind: str, template: str) -> str:
    """A template that is empty, which changes nothing, for what is no message of this kind.

    `sered diagnose` publishes a probe on every topic.
    """
    return f"{{% if value_json.schema == 'sered.{kind}/1' %}}{template}{{% endif %}}"
