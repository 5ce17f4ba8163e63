"""Tells systemd how the service is: READY, STATUS, WATCHDOG and STOPPING datagrams."""

from __future__ import annotations

import socket


class Notifier:
    """Sends to the socket that systemd names; without one it says nothing.

    `address` is $NOTIFY_SOCKET. A datagram that cannot be sent is dropped: systemd's own
    watchdog notices what matters.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address.replace("@", "\0", 1) if address else None
        self._said = ""

    def ready(self) -> None:
        """Every line has delivered sound or said why not."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows; repeated text is not sent again."""
        if text != self._said:
            self._said = text
            self._send(f"STATUS={text}")

    def alive(self) -> None:
        """There was progress since the last time."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                # whoever does not read must not hang the service
                sender.sendto(message.encode(), socket.MSG_DONTWAIT, self._address)
            except OSError:
                return
