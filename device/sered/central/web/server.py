"""Runs the board on an address, in a thread of its own, until it is told to stop."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import uvicorn

from sered.central.web.app import make_app
from sered.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sered.central.context import Central

_START_S = 15.0


class _Quiet(uvicorn.Server):
    """Signals belong to the service around it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class BoardServer:
    """The board of one central; `port` is the one it really has. Raises ConfigError."""

    def __init__(self, central: Central) -> None:
        web = central.settings.web
        self._socket = _bound(web.host, web.port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            make_app(central),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            forwarded_allow_ips=sorted(_addresses(web.proxies)),
            limit_concurrency=2000,
            h11_max_incomplete_event_size=65_536,
            ssl_certfile=web.cert,
            ssl_keyfile=web.key,
        )
        try:
            config.load()
        except OSError as error:
            msg = (
                f"[web] cert, key: {web.cert} and {web.key} cannot be used ({error}). Both must be"
                " PEM, belong together, and be readable for central's user."
            )
            raise ConfigError(msg) from None
        self._server = _Quiet(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="board", daemon=True
        )

    def start(self) -> None:
        """Begin to answer; returns when it does. Raises ConfigError when it cannot."""
        self._thread.start()
        end = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                msg = f"The board did not begin to answer on port {self.port}. See the log."
                raise ConfigError(msg)
            time.sleep(0.02)

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Close every page's stream and end."""
        self._server.should_exit = True
        self._thread.join(5.0)
        self._socket.close()


def _addresses(proxies: tuple[str, ...]) -> set[str]:
    """Of each name its addresses: a request says where it comes from by address only."""
    found = set[str]()
    for proxy in proxies:
        if "/" in proxy or proxy == "*":
            found.add(proxy)
            continue
        try:
            known = socket.getaddrinfo(proxy, None, type=socket.SOCK_STREAM)
        except OSError as error:
            msg = (
                f"[web] proxies: {proxy} has no address ({error.strerror}). Wanted: names or"
                " addresses of the web servers before the board."
            )
            raise ConfigError(msg) from None
        found |= {str(place[0]) for *_, place in known}
    return found


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        msg = (
            f"[web] The board cannot listen on {host}:{port} ({error.strerror}). Another program"
            " may have that port: choose one that is free."
        )
        raise ConfigError(msg) from None
    return listening
