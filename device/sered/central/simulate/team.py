"""A scripted team: people who log in, claim, call, close, as a browser would; for demo and load."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from html import unescape
from random import Random
from typing import TYPE_CHECKING

import httpx

from sered.errors import SeredError

if TYPE_CHECKING:
    from collections.abc import Callable

_CASE = re.compile(r'href="/case/(\d+)"')
_NUMBER = re.compile(r'href="tel:([^"]+)"')
_RECORD = re.compile(r'name="record" value="([^"]+)"')
_CSRF = re.compile(r'data-csrf="([^"]*)"')
_AGAIN_S = 0.3
_NUMBER_S = 8.0


@dataclass(slots=True)
class Worked:
    """What one of the team did."""

    claimed: list[int] = field(default_factory=list)
    lost: int = 0
    """Clicks that came second."""
    numbers: int = 0
    """Cases whose number was there."""
    chosen: int = 0
    """Cases whose number was one of several records."""
    asked: int = 0
    """Cases whose number had to be asked for."""
    closed: list[int] = field(default_factory=list)
    recovered: int = 0


class Person:
    """One of the team; raises SeredError where the board turns the login down."""

    def __init__(self, address: str, login: str, password: str, seed: int = 1) -> None:
        self._client = httpx.Client(base_url=address, timeout=20.0)
        answer = self._client.post("/login", data={"login": login, "password": password})
        if answer.status_code != 303:
            msg = f"{login} was not let in ({answer.status_code})."
            raise SeredError(msg)
        self._csrf = _found(_CSRF, self._client.get("/analyse").text)
        self._random = Random(f"{login} {seed}")  # noqa: S311 - a simulation has to be repeatable
        self.worked = Worked()

    def work(self, going: Callable[[], bool]) -> None:
        """Take what is most urgent, until there is nothing to do and `going` says no."""
        while True:
            free = self._free()
            if not free and not going():
                return
            if not free or not self._one(free[0]):
                time.sleep(_AGAIN_S)

    def close(self) -> None:
        """Go home."""
        self._client.close()

    def _free(self) -> list[int]:
        page = self._client.get("/queue").text
        free = []
        for piece in page.split("<li ")[1:]:
            found = _CASE.search(piece)
            if found and "has it" not in piece:
                free.append(int(found[1]))
        return free

    def _one(self, case: int) -> bool:
        page = self._post(case, "claim")
        if page.status_code != 200:
            self.worked.lost += 1
            return False
        self.worked.claimed.append(case)
        self._number(case, page)
        self._post(case, "reached")
        recovered = self._random.random() < 0.7
        right = self._random.random() < 0.8
        self._post(
            case,
            "close",
            outcome="recovered" if recovered else "not_recovered",
            verdict="right" if right else "wrong",
        )
        self.worked.closed.append(case)
        self.worked.recovered += recovered
        return True

    def _number(self, case: int, page: httpx.Response) -> None:
        """Wait for the number, choose among the exchange's records, or ask the desk."""
        end = time.monotonic() + _NUMBER_S
        while not (_NUMBER.search(page.text) or _RECORD.search(page.text)):
            if time.monotonic() > end or "withheld" in page.text:
                self.worked.asked += 1
                return
            time.sleep(_AGAIN_S)
            page = self._post(case, "number")
        if record := _RECORD.search(page.text):
            # the likeliest stands first
            self._post(case, "choose", record=unescape(record[1]))
            self.worked.chosen += 1
        else:
            self.worked.numbers += 1

    def _post(self, case: int, what: str, **values: str) -> httpx.Response:
        return self._client.post(f"/case/{case}/{what}", data={"csrf": self._csrf, **values})


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
