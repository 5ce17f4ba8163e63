"""A real broker behind a door that knows no MQTT 5, in each manner that brokers have."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from broker import Broker

Manner = Literal["answers", "hangs up", "is silent"]


class Old:
    """Stands before a broker as one that knows no MQTT 5 would."""

    def __init__(self, broker: Broker, manner: Manner) -> None:
        self._broker, self.manner = broker, manner
        self.tried: list[int] = []
        """Version of every CONNECT."""
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            first = near.recv(4096)
            at = first.find(b"MQTT") + 4
            if at < 4:
                near.close()
                continue
            self.tried.append(first[at])
            if first[at] == 5:
                if self.manner == "answers":
                    near.sendall(b"\x20\x02\x00\x01")
                if self.manner == "is silent":
                    threading.Timer(3.0, near.close).start()
                else:
                    near.close()
                continue
            far = socket.create_connection((self._broker.host, self._broker.port))
            far.sendall(first)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(4096):
                target.sendall(data)
        except OSError:
            pass
        source.close()
        target.close()

    def close(self) -> None:
        self._door.close()
