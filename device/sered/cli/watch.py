"""`sered watch`: what boxes say over MQTT, as it comes."""

from __future__ import annotations

import json
import time
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

_AGAIN_S = 3.0
_ANSWER_S = 8.0
_LOOP_S = 0.5


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
    """Show messages until there were `count`; a connection that is lost is made again.

    Raises BrokerError when the first one does not come about.
    """
    watcher = _Watcher(mqtt, topic, count, show)
    while not watcher.follow():
        typer.echo(f"Lost the connection; trying again in {_AGAIN_S:.0f} s.", err=True)
        time.sleep(_AGAIN_S)


class _Watcher:
    """A subscription and what came of it."""

    def __init__(self, mqtt: MqttSettings, topic: str, count: int | None, show: Show) -> None:
        self._mqtt = mqtt
        self._topic = topic
        self._left = count
        self._show = show
        self._subscribed = False

    def follow(self) -> bool:
        """One connection; True when all was seen, False when it was lost."""
        from sered.delivery.broker import LARGEST_READ, make_client, unreachable

        client = make_client(self._mqtt, client_id="", largest_in=LARGEST_READ)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        answered = time.monotonic() + _ANSWER_S
        try:
            client.connect(self._mqtt.host, self._mqtt.port, self._mqtt.keepalive_s)
            while client.loop(_LOOP_S) == 0:
                if self._left == 0:
                    client.disconnect()
                    return True
                if not self._subscribed and time.monotonic() > answered:
                    break
        except OSError as error:
            if not self._subscribed:
                raise unreachable(self._mqtt, error) from error
        if not self._subscribed:
            place = f"{self._mqtt.host}:{self._mqtt.port}"
            msg = f"{place} took the connection and says nothing. Is it an MQTT broker?"
            raise BrokerError(msg)
        return False

    def _on_connect(self, client: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        from sered.delivery.broker import refusal

        if reason.is_failure:
            raise refusal(self._mqtt, reason)
        client.subscribe(self._topic, qos=1)

    def _on_subscribe(self, _c: Client, _u: Any, _m: Any, reasons: list[Any], _p: Any) -> None:
        place = f"{self._mqtt.host}:{self._mqtt.port}"
        if reasons[0].is_failure:
            msg = f"{place}: the broker does not let us read {self._topic}. Mend its ACL."
            raise BrokerError(msg)
        self._subscribed = True
        typer.echo(f"{WATCHING} {self._topic} at {place}", err=True)

    def _on_message(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        if self._left == 0:
            return
        try:
            payload = json.loads(message.payload)
        except ValueError:
            typer.echo(f"{message.topic}: not JSON, left out", err=True)
            return
        self._show(message.topic, message.retain, payload)
        if self._left is not None:
            self._left -= 1


def _as_json(topic: str, retained: bool, payload: Any) -> None:
    line = {"topic": topic, "retained": retained, "payload": payload}
    print(json.dumps(line, ensure_ascii=False), flush=True)


_PROBE = "sered.probe/1"


class _Human:
    """Lines for what moves, a table for what is finished."""

    def __init__(self) -> None:
        self._console = options.console()

    def __call__(self, topic: str, retained: bool, payload: Any) -> None:
        from pydantic import ValidationError

        from sered.cli.tables import show_call
        from sered.contract.messages import PAYLOADS, CallReport

        box, _, leaf = topic.partition("/")[2].rpartition("/")
        if leaf not in PAYLOADS:
            return
        if isinstance(payload, dict) and payload.get("schema") == _PROBE:
            self._console.print(f"{box}  {leaf}: sered diagnose tries the topic", soft_wrap=True)
            return
        try:
            message = PAYLOADS[leaf].model_validate(payload)
        except ValidationError:
            typer.echo(f"{topic}: not a message of this version of sered, left out", err=True)
            return
        if isinstance(message, CallReport):
            show_call(self._console, message, box)
            self._console.print()
            return
        old = " (as last told)" if retained else ""
        self._console.print(f"{box}  {leaf}: {_line(message)}{old}", soft_wrap=True)


def _line(message: Any) -> str:
    from sered.cli.tables import signed
    from sered.contract.explain import clock
    from sered.contract.messages import Alert, Health, Live

    match message:
        case Alert():
            terms = f" ({', '.join(message.terms)})" if message.terms else ""
            return f"{message.line} {message.state} {signed(message.score)}{terms}"
        case Live():
            feeling = message.emotion or "unclear"
            at, running = clock(message.offset_s), signed(message.running)
            return f"{message.line} at {at} sounds {feeling}, running score {running}"
        case Health():
            calls = sum(line.in_call for line in message.lines)
            heat = f", {message.temperature_c:.0f} °C" if message.temperature_c is not None else ""
            return (
                f"{len(message.lines)} line(s), {calls} in a call, {message.spool_depth} waiting, "
                f"{message.rss_mb:.0f} MB{heat}"
            )
    return f"{message.state} {message.text}".strip()
