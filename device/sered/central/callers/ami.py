"""Call-detail records as Asterisk's manager interface tells them: one `Cdr` event a call."""

from __future__ import annotations

import logging
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sered.central.callers import storing
from sered.central.callers.mappings import side
from sered.central.callers.records import Leg
from sered.central.errors import InputError, StoreError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

    from sered.central.context import Central

_CONNECT_S = 5.0
_LONGEST_LINE = 8192
_WAITS_S = (1.0, 2.0, 5.0, 15.0, 60.0)
_log = logging.getLogger(__name__)


def run(central: Central, stop: threading.Event) -> None:
    """Listen until `stop`; a manager that is away is tried again at growing intervals."""
    tries = 0
    while not stop.is_set():
        try:
            for event in events(central, stop):
                tries = 0
                if (leg := leg_of(event, central.settings.pbx.tz)) is not None:
                    storing.take(central, [leg])
        except (OSError, InputError, StoreError) as error:
            _log.warning("ami.waits why=%s", error)
        stop.wait(_WAITS_S[min(tries, len(_WAITS_S) - 1)])
        tries += 1


def events(central: Central, stop: threading.Event) -> Iterator[Mapping[str, str]]:
    """Events of one connection until it ends; raises OSError, or InputError where it refuses us."""
    pbx = central.settings.pbx
    with socket.create_connection((pbx.ami_host, pbx.ami_port), _CONNECT_S) as sock:
        secret = pbx.ami_password.get_secret_value() if pbx.ami_password else ""
        login = ("Action: Login", f"Username: {pbx.ami_username}", f"Secret: {secret}")
        if any("\n" in line or "\r" in line for line in login):
            msg = "[pbx] ami_username and its password must be one line each."
            raise InputError(msg)
        sock.sendall("\r\n".join((*login, "Events: cdr", "", "")).encode())
        sock.settimeout(1.0)
        for said in _messages(sock, stop):
            if said.get("response", "").lower() == "error":
                msg = f"Asterisk's manager refuses us: {said.get('message', '')[:80]}."
                raise InputError(f"{msg} Check [pbx] ami_username and its password.")
            if said.get("event", "").lower() == "cdr":
                yield said


def leg_of(said: Mapping[str, str], tz: str) -> Leg | None:
    """The record in a `Cdr` event; None where it lacks what is needed."""
    started, ended = _time(said.get("starttime"), tz), _time(said.get("endtime"), tz)
    if not said.get("uniqueid") or started is None:
        return None
    return Leg(
        id=f"ami:{said['uniqueid']}",
        source="ami",
        callers=tuple(filter(None, (said.get("source"), side(said.get("channel", ""))))),
        called=tuple(
            filter(None, (side(said.get("destinationchannel", "")), said.get("destination")))
        ),
        started=started,
        answered=_time(said.get("answertime"), tz),
        ended=ended,
    )


def _messages(sock: socket.socket, stop: threading.Event) -> Iterator[dict[str, str]]:
    """Blocks of `Name: value` lines, names in lower case, until the other end hangs up."""
    waiting, said = b"", dict[str, str]()
    while not stop.is_set():
        try:
            more = sock.recv(65_536)
        except TimeoutError:
            continue
        if not more:
            return
        waiting += more
        while b"\n" in waiting:
            line, waiting = waiting.split(b"\n", 1)
            text = line.decode("utf-8", "replace").strip()
            if not text and said:
                yield said
                said = {}
            name, colon, value = text.partition(":")
            if colon:
                said[name.strip().lower()] = value.strip()
        if len(waiting) > _LONGEST_LINE:
            msg = "wanted Asterisk's manager interface, found endless lines. Check [pbx] ami_port."
            raise InputError(msg)


def _time(text: str | None, tz: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)
    except ValueError:
        return None
