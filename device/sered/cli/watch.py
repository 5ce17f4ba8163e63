"""`sered watch`: what boxes say over MQTT, as it comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sered.cli import options
from sered.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import Client, MQTTMessage

    from sered.settings import MqttSettings

    Show = Callable[[str, bool, Any], None]
    """Called with topic, whether it was retained, and the decoded payload."""

WATCHING = "Watching"
"""First word on stderr once the broker has taken the subscription."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


def watch(
    config: options.Config = None,
    host: Annotated[str | None, typer.Option(help="Another broker than the configured.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Its port.")] = None,
    username: Annotated[
        str | None, typer.Option(help="Login there; the password from SERED_MQTT_PASSWORD.")
    ] = None,
    site: Annotated[str, typer.Option(help="Only this site.")] = "+",
    device: Annotated[str, typer.Option(help="Only this box.")] = "+",
    count: Annotated[int | None, typer.Option(min=1, help="End after so many messages.")] = None,
    as_json: options.Json = False,
) -> None:
    """Show what boxes publish, live.

    Calls, alerts and the state of boxes, until Ctrl-C. With --json one line a message: topic,
    retained, payload.

    Examples: sered watch --host broker.example; sered watch --json | jq .payload
    """
    mqtt = options.settings(config).mqtt
    given = {"host": host, "port": port, "username": username}
    mqtt = mqtt.model_copy(update={key: value for key, value in given.items() if value is not None})
    topic = f"{mqtt.base}/{site}/{device}/+"
    try:
        _listen(mqtt, topic, count, _as_json if as_json else _Human())
    except KeyboardInterrupt:
        return


def _listen(mqtt: MqttSettings, topic: str, count: int | None, show: Show) -> None:
    from sered.broker import make_client, refusal, unreachable  # noqa: PLC0415 - paho

    client = make_client(mqtt, client_id="")
    seen = 0

    def connected(client: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            client.disconnect()
            raise refusal(mqtt, reason)
        client.subscribe(topic, qos=1)

    def subscribed(_c: Any, _u: Any, _m: Any, reasons: list[Any], _p: Any) -> None:
        if reasons[0].is_failure:
            msg = f"{mqtt.host}:{mqtt.port}: the broker does not let us read {topic}. Mend its ACL."
            raise BrokerError(msg)
        typer.echo(f"{WATCHING} {topic} at {mqtt.host}:{mqtt.port}", err=True)

    def came(client: Client, _u: Any, message: MQTTMessage) -> None:
        nonlocal seen
        try:
            payload = json.loads(message.payload)
        except ValueError:
            typer.echo(f"{message.topic}: not JSON, left out", err=True)
            return
        show(message.topic, message.retain, payload)
        seen += 1
        if seen == count:
            client.disconnect()

    client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, came
    try:
        client.connect(mqtt.host, mqtt.port, mqtt.keepalive_s)
    except OSError as error:
        raise unreachable(mqtt, error) from error
    client.loop_forever()


def _as_json(topic: str, retained: bool, payload: Any) -> None:
    line = {"topic": topic, "retained": retained, "payload": payload}
    print(json.dumps(line, ensure_ascii=False), flush=True)


class _Human:
    """Lines for what moves, a table for what is finished."""

    def __init__(self) -> None:
        self._console = options.console()

    def __call__(self, topic: str, retained: bool, payload: Any) -> None:
        _, _, rest = topic.partition("/")
        box, _, leaf = rest.rpartition("/")
        if leaf == "calls":
            self._call(box, payload)
        else:
            text = _LINES.get(leaf, _unknown)(payload)
            old = " (as last told)" if retained else ""
            self._console.print(f"{box}  {leaf}: {text}{old}", soft_wrap=True)

    def _call(self, box: str, payload: Any) -> None:
        from pydantic import ValidationError  # noqa: PLC0415

        from sered.cli.tables import show_call  # noqa: PLC0415
        from sered.messages import CallReport  # noqa: PLC0415

        try:
            call = CallReport.model_validate(payload)
        except ValidationError:
            self._console.print(f"{box}  calls: not a sered.call/1, left out", soft_wrap=True)
            return
        show_call(self._console, call, box)
        self._console.print()


def _status(payload: Any) -> str:
    return " ".join(str(payload.get(key, "")) for key in ("state", "text")).strip()


def _health(payload: Any) -> str:
    lines = payload.get("lines", [])
    calls = sum(bool(line.get("in_call")) for line in lines)
    heat = payload.get("temperature_c")
    warm = f", {heat:.0f} °C" if heat is not None else ""
    return (
        f"{len(lines)} line(s), {calls} in a call, {payload.get('spool_depth')} waiting, "
        f"{payload.get('rss_mb')} MB{warm}"
    )


def _alert(payload: Any) -> str:
    terms = ", ".join(payload.get("terms", ()))
    said = f" ({terms})" if terms else ""
    return f"{payload.get('line')} {payload.get('state')} {payload.get('score'):+.2f}{said}"


def _live(payload: Any) -> str:
    return (
        f"{payload.get('line')} at {payload.get('offset_s'):.0f} s sounds "
        f"{payload.get('emotion') or 'unclear'}, running {payload.get('running'):+.2f}"
    )


def _unknown(payload: Any) -> str:
    return json.dumps(payload, ensure_ascii=False)


_LINES = {"status": _status, "health": _health, "alerts": _alert, "live": _live}
