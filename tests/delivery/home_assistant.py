"""A real Home Assistant with nothing but MQTT: home_assistant.py HOST PORT FOLDER; prints states.

Runs in an environment of its own (`make test-homeassistant`): Home Assistant pins what it needs.
"""
# mypy: ignore-errors
# (the Python that checks types has no Home Assistant)

import asyncio
import json
import sys
from pathlib import Path

from homeassistant import bootstrap, config_entries, core, loader, setup


async def main(host: str, port: int, folder: Path) -> None:
    """Print the states of the box's entities, one JSON object a line, at every change."""
    storage = folder / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    (folder / "configuration.yaml").write_text("")
    entry = {
        "created_at": "2026-01-01T00:00:00+00:00", "modified_at": "2026-01-01T00:00:00+00:00",
        "data": {"broker": host, "port": port, "protocol": "5", "discovery": True},
        "disabled_by": None, "discovery_keys": {}, "domain": "mqtt", "entry_id": "mqtt1",
        "minor_version": 2, "options": {}, "pref_disable_new_entities": False,
        "pref_disable_polling": False, "source": "user", "subentries": [], "title": "mqtt",
        "unique_id": None, "version": 1,
    }  # fmt: skip
    (storage / "core.config_entries").write_text(
        json.dumps({
            "version": 1, "minor_version": 5, "key": "core.config_entries",
            "data": {"entries": [entry]},
        })
    )  # fmt: skip
    hass = core.HomeAssistant(str(folder))
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    loader.async_setup(hass)
    await bootstrap.async_load_base_functionality(hass)
    # what MQTT wants of the web server is its page of settings; nobody looks at one here
    hass.config.components.update({"http", "file_upload"})
    assert await setup.async_setup_component(hass, "mqtt", {"mqtt": {}})
    await hass.async_start()

    def tell(_: object = None) -> None:
        found = {
            state.entity_id: {"state": state.state, **state.attributes}
            for state in hass.states.async_all(("sensor", "binary_sensor"))
        }
        print(json.dumps(found, default=str), flush=True)

    hass.bus.async_listen(core.EVENT_STATE_CHANGED, tell)
    tell()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
