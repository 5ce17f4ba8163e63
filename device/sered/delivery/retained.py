"""The messages that a broker keeps for a box, and which of them it has yet to be told."""

from __future__ import annotations

import threading


class Retained:
    """Last body of each leaf; thread-safe: the service sets them, the publisher tells them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bodies: dict[str, bytes] = {}
        self._untold: set[str] = set()

    def set(self, leaf: str, body: bytes) -> bool:
        """Make this the leaf's message; whether it is news."""
        with self._lock:
            if self._bodies.get(leaf) == body:
                return False
            self._bodies[leaf] = body
            self._untold.add(leaf)
            return True

    def tell_again(self, *leaves: str) -> None:
        """Count these as untold, or all of them: a new connection's broker may have forgotten."""
        with self._lock:
            self._untold |= set(leaves or self._bodies) & set(self._bodies)

    def untold(self) -> list[str]:
        """Leaves that the broker has not been told as they are now, in the order first set."""
        with self._lock:
            return [leaf for leaf in self._bodies if leaf in self._untold]

    def take(self, leaf: str) -> bytes:
        """The leaf's body as it is now, which counts as told from here on."""
        with self._lock:
            self._untold.discard(leaf)
            return self._bodies[leaf]
