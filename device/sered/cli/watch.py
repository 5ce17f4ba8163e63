"""`sered watch`: what boxes say over MQTT, as it comes."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sered.cli import options
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sered.contract.reading import Message, SetAside
    from sered.contract.topics import Place
    from sered.delivery.subscription import Received, Subscription
    from sered.errors import BrokerError
    from sered.settings import MqttSettings

WATCHING = "Watching"
"""First word on stderr once the broker has taken the subscription."""
_AGAIN_S = 3.0


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
    retained, set_aside (why it is no message of the contract, or null), payload.

    Examples: sered watch --host broker.example; sered watch --json | jq .payload
    """
    from sered.contract.topics import topic_filter

    mqtt = options.settings(config).mqtt
    given = {"host": host, "port": port, "username": username}
    mqtt = mqtt.model_copy(update={key: value for key, value in given.items() if value is not None})
    try:
        wanted = topic_filter(mqtt.base, site, device)
    except ValueError as error:
        msg = f"--site {site!r}, --device {device!r}: {error}."
        raise ConfigError(msg) from None
    try:
        _Watch(mqtt, wanted, count, _as_json if as_json else _Human()).follow()
    except KeyboardInterrupt:
        return


class _Watch:
    """Shows messages until there were `count`; a connection that is lost is made again."""

    def __init__(
        self,
        mqtt: MqttSettings,
        wanted: str,
        count: int | None,
        show: Callable[[Received], bool],
    ) -> None:
        self._mqtt, self._wanted = mqtt, wanted
        self._left = count
        self._show = show
        self._subscribed = False
        self._all_seen = threading.Event()

    def follow(self) -> None:
        """Raises BrokerError when the first connection does not come about."""
        from sered.delivery.subscription import follow

        follow(
            self._mqtt,
            [self._wanted],
            self._tell,
            within_s=0.0,
            stopping=self._all_seen,
            connected=self._connected,
            lost=self._lost,
            delays_s=(_AGAIN_S, _AGAIN_S),
        )

    def _connected(self, _: Subscription) -> None:
        self._subscribed = True
        place = f"{self._mqtt.host}:{self._mqtt.port}"
        typer.echo(f"{WATCHING} {self._wanted} at {place}", err=True)

    def _lost(self, error: BrokerError) -> None:
        if not self._subscribed:
            raise error
        typer.echo(f"Lost the connection; trying again in {_AGAIN_S:.0f} s.", err=True)

    def _tell(self, batch: Sequence[Received]) -> None:
        for each in batch:
            if self._left == 0:
                return
            if self._show(each) and self._left is not None:
                self._left -= 1
                if not self._left:
                    self._all_seen.set()


def _as_json(received: Received) -> bool:
    """One line a message; what is no JSON has the payload null."""
    from sered.contract.reading import SetAside

    found = received.found
    line = {
        "topic": received.topic,
        "retained": received.retained,
        "set_aside": found.why if isinstance(found, SetAside) else None,
        "payload": _parsed(received.body),
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return True


def _parsed(body: bytes) -> Any:
    from pydantic_core import from_json

    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return None


class _Human:
    """Lines for what moves, a table for what is finished."""

    def __init__(self) -> None:
        self._console = options.console()

    def __call__(self, received: Received) -> bool:
        from sered.cli.tables import show_call
        from sered.contract.messages import CallReport
        from sered.contract.plain import plain
        from sered.contract.reading import SetAside, Why

        if received.place is None:
            return False
        box, leaf = f"{received.place.site}/{received.place.device}", received.place.leaf
        message = received.found
        if isinstance(message, SetAside):
            if message.why is Why.PROBE:
                self._console.print(f"{box}  {leaf}: {message.sentence}", soft_wrap=True)
            elif message.why is not Why.FOREIGN_TOPIC:
                typer.echo(f"{box}  {leaf}: left out: {plain(message.sentence)}", err=True)
            return message.why is not Why.FOREIGN_TOPIC
        message = _as_shown(received.place, received.body)
        if isinstance(message, CallReport):
            show_call(self._console, message, box)
            self._console.print()
            return True
        old = " (as last told)" if received.retained else ""
        self._console.print(f"{box}  {leaf}: {_line(message)}{old}", soft_wrap=True)
        return True


def _as_shown(place: Place, body: bytes) -> Message | SetAside:
    """What was said, without what would steer a terminal."""
    from sered.contract.plain import plain_tree
    from sered.contract.reading import read

    return read(place, json.dumps(plain_tree(_parsed(body))).encode())


def _line(message: Message | SetAside) -> str:
    from sered.cli.tables import signed
    from sered.contract.explain import clock
    from sered.contract.messages import Alert, Health, Live, Status

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
        case Status():
            return f"{message.state} {message.text}".strip()
    return ""
