"""A paho client that reads how long a packet is before the packet, and cuts over a limit."""

from __future__ import annotations

from typing import Any

from paho.mqtt.client import Client

_PUBLISH, _PUBREL = 3, 6
_UNRELEASED = 100
"""Messages of QoS 2 that paho would have to keep at once: we ask for none."""


class FloodError(ConnectionError):
    """The broker sends what no box can keep."""


class Framing:
    """Follows MQTT's packets in a stream of bytes, whatever the pieces in which they come.

    `largest`: bytes of the largest packet behind its fixed header.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._kind = 0
        self._length: int | None = None
        """Of the packet whose length is being read; None: its first byte comes next."""
        self._shift = 0
        self._body = 0
        self._unreleased = 0

    def take(self, data: bytes) -> None:
        """Follow the next piece. Raises FloodError at a packet that must not be read on."""
        at = 0
        while at < len(data):
            if self._body:
                skipped = min(self._body, len(data) - at)
                self._body -= skipped
                at += skipped
                continue
            self._header(data[at])
            at += 1

    def _header(self, byte: int) -> None:
        if self._length is None:
            self._kind, self._length, self._shift = byte, 0, 0
            return
        self._length |= (byte & 0x7F) << self._shift
        self._shift += 7
        if byte & 0x80 and self._shift < 28:
            return
        self._body, self._length = self._length, None
        if self._body > self._largest:
            msg = f"sends {self._body} bytes at once; {self._largest} is the most that we take"
            raise FloodError(msg)
        self._count()

    def _count(self) -> None:
        kind, qos = self._kind >> 4, self._kind >> 1 & 3
        if kind == _PUBLISH and qos > 1:
            self._unreleased += 1
        elif kind == _PUBREL and self._unreleased:
            self._unreleased -= 1
        if self._unreleased > _UNRELEASED:
            msg = f"sends more than {_UNRELEASED} messages of QoS 2 and releases none"
            raise FloodError(msg)


class GuardedClient(Client):
    """paho's client with a limit on what may come in; `flood` says how it was passed."""

    def __init__(self, *arguments: Any, largest_in: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.flood = ""
        self._framing = Framing(largest_in)

    def _sock_recv(self, bufsize: int) -> bytes:
        # paho asks for a packet's length byte by byte, and for its body only then
        data = super()._sock_recv(bufsize)
        try:
            self._framing.take(data)
        except FloodError as flood:
            self.flood = str(flood)
            raise
        return data
