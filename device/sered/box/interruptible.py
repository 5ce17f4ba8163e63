"""Waits for an answer that takes its time, until it is told that there is no more."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Answer = TypeVar("_Answer")


class Interruptible:
    """Asks one question at a time, in a thread of its own: native code cannot be called back.

    Questions come from one thread; `end` is safe from any, and twice.
    """

    def __init__(self) -> None:
        self._asked = ThreadPoolExecutor(1, "answer")
        self._over: Future[None] = Future()

    def ask(self, question: Callable[[], _Answer]) -> _Answer | None:
        """The answer, or what it raises; None when `end` comes first, or came before."""
        if self._over.done():
            return None
        answer = self._asked.submit(question)
        either: tuple[Future[Any], ...] = (answer, self._over)
        wait(either, return_when=FIRST_COMPLETED)
        return answer.result() if answer.done() else None

    def end(self) -> None:
        """Wait no longer: what is being looked for is looked for in vain."""
        if not self._over.done():
            self._over.set_result(None)
