"""A TCP proxy between box and broker that cuts, stalls, delays and corrupts, by a seeded die."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from dataclasses import dataclass

_CHUNK = 4096


@dataclass
class Weather:
    """What befalls each chunk that passes; probabilities from 0 to 1."""

    cut: float = 0.0
    """The connection ends in the middle of a chunk that comes from the broker: mid-PUBACK."""
    stall: float = 0.0
    """This connection goes silent, open and dead."""
    corrupt: float = 0.0
    """One bit of the chunk flips."""
    delay_s: float = 0.0


class Proxy:
    """Listens on a port of its own for as long as the test runs."""

    def __init__(
        self, host: str, port: int, weather: Weather | None = None, seed: int = 1, at: int = 0
    ) -> None:
        self.weather = weather or Weather()
        self.cuts = self.stalls = self.flips = self.connections = 0
        self._to = (host, port)
        self._die = random.Random(seed)
        self._open: set[socket.socket] = set()
        self._door = socket.create_server(("127.0.0.1", at))
        self.host, self.port = self._door.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._to, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.connections += 1
            self._open |= {near, far}
            for source, target, inbound in ((near, far, False), (far, near, True)):
                threading.Thread(
                    target=self._carry, args=(source, target, inbound), daemon=True
                ).start()

    def _carry(self, source: socket.socket, target: socket.socket, inbound: bool) -> None:
        """Pass chunks on until one side ends or the die says so."""
        try:
            while data := source.recv(_CHUNK):
                weather, die = self.weather, self._die
                if weather.delay_s:
                    time.sleep(die.random() * weather.delay_s)
                if die.random() < weather.stall:
                    self.stalls += 1
                    return
                if die.random() < weather.corrupt:
                    self.flips += 1
                    at = die.randrange(len(data))
                    data = data[:at] + bytes([data[at] ^ 1 << die.randrange(8)]) + data[at + 1 :]
                if inbound and die.random() < weather.cut:
                    self.cuts += 1
                    target.sendall(data[: die.randrange(len(data) + 1)])
                    break
                target.sendall(data)
        except OSError:
            pass
        _end(source, target)

    def cut(self) -> None:
        """End every connection now."""
        ended, self._open = self._open, set()
        _end(*ended)

    def close(self) -> None:
        """End every connection and listen no more."""
        _end(self._door)
        self.cut()


def _end(*sockets: socket.socket) -> None:
    for sock in sockets:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
