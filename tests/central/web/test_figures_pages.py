"""The pages of figures: for everybody who may look, without barriers, and by no person."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight_stage import Calls
from sered.central.insight import keeping
from sered.central.people import Role
from sered.central.web.insight import PAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from board_stage import Look, Served


def filled(served: Callable[..., Served]) -> Served:
    """A board with a month behind it."""
    board = served()
    board.person("ann", Role.ANALYST)
    calls = Calls(board.central)
    for day in range(25):
        at = board.central.now() - timedelta(days=day)
        calls.unhappy(at, 8 + day % 3, causes=("delay",))
        calls.add(at, 40)
    calls.closed(calls.unhappy(board.central.now(), 36), "right")
    keeping.count(board.central)
    return board


def test_every_question_has_a_page_without_barriers(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """A heading that asks, a sentence that answers; axe finds nothing, on a phone neither."""
    board = filled(served)
    for options in ({}, {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}):
        window = look(board, "ann", **options)
        for key in PAGES:
            window.go(f"/figures/{key}")
            assert window.page.locator("h1").inner_text().endswith("?")
            assert window.barriers() == [], key
            wide = window.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= window.page.viewport_size["width"]  # type: ignore[index]  # it has one


def test_the_csv_has_the_figures_of_the_page(served: Callable[..., Served]) -> None:
    """Every cell of the page's tables stands in the CSV."""
    board = filled(served)
    ann = board.client("ann")
    for key in PAGES:
        answer = ann.get(f"/figures/{key}.csv")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/csv")
    assert "delay" in ann.get("/figures/unhappy.csv").text


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(["device", "desk", "line", "employee", "agent", "user", "claimed_by"]),
    value=st.sampled_from(["desk1", "line1", "ann", "1", "*", ""]),
    key=st.sampled_from(PAGES),
    export=st.booleans(),
)
def test_nobody_can_ask_about_a_person(
    served: Callable[..., Served],
    board_once: list[Served],
    name: str,
    value: str,
    key: str,
    export: bool,
) -> None:
    """By no address, page or export, can figures be had by desk, line or employee."""
    if not board_once:
        board_once.append(filled(served))
    client = board_once[0].client("ann")
    kind = ".csv" if export else ""
    assert client.get(f"/figures/{key}{kind}", params={name: value}).status_code == 422
    for path in itertools.chain((f"/figures/{name}", f"/figures/{key}/{value or 'x'}")):
        assert client.get(path).status_code in (404, 422)
