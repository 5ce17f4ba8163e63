"""The board as people use it: in a real Chromium."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NoReturn

import pytest
from playwright.sync_api import expect

from board_stage import WAIT_MS
from sered.central.errors import StoreError
from sered.central.people import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from board_stage import Look, Served


def test_a_case_appears_while_one_looks(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """A new case comes onto an open page by itself, into its title, and is announced."""
    board = served()
    board.person("ann")
    window = look(board, "ann")
    expect(window.page.locator(".empty")).to_contain_text("Nobody waits.")
    window.page.wait_for_timeout(600)
    board.unhappy(site="hamburg")
    expect(window.page.locator(".case")).to_have_count(1)
    expect(window.page.locator(".case .where")).to_have_text("hamburg")
    expect(window.page).to_have_title("(1) sered")
    expect(window.page.locator("#news")).to_have_text("New case: hamburg")


def test_from_claim_to_closed_in_three_taps(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """Claim, right, recovered: the case is closed, its verdict judged, and one step can go back."""
    board = served()
    board.person("ann")
    case = board.unhappy()
    page = look(board, "ann").page
    page.goto(f"{board.address}/case/{case}")
    expect(page.locator("#head")).to_have_text("Alert the service-recovery team")
    page.get_by_role("button", name="Claim").click()
    expect(page.locator(".call")).to_contain_text("The exchange does not say who called.")
    page.get_by_label("Right", exact=True).check()
    page.get_by_role("button", name="Recovered", exact=True).click()
    expect(page.locator(".left")).to_have_text("Recovered")
    expect(page.locator(".day")).to_contain_text("right 1 of 1")
    page.get_by_role("button", name="Undo the last step").click()
    expect(page.get_by_role("button", name="Recovered", exact=True)).to_be_visible()


def test_it_works_by_keyboard_alone(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """j, Enter, c, o: from the queue to the outcome without a mouse; ? helps."""
    board = served()
    board.person("ann")
    board.unhappy(ago_s=100)
    board.unhappy(ago_s=10)
    page = look(board, "ann").page
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/case/2$"))
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Put back")).to_be_visible()
    page.keyboard.press("o")
    expect(page.locator("#outcome")).to_be_focused()


def test_two_who_click_at_once_get_one_winner_and_a_kind_sentence(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """The slower one reads that somebody else has just taken it."""
    board = served()
    board.person("ann")
    board.person("bob")
    case = board.unhappy()
    ann, bob = look(board, "ann").page, look(board, "bob", java_script_enabled=False).page
    for page in (ann, bob):
        page.goto(f"{board.address}/case/{case}")
    ann.get_by_role("button", name="Claim").click()
    expect(ann.get_by_role("button", name="Put back")).to_be_visible()
    bob.get_by_role("button", name="Claim").click()
    expect(bob.locator(".said")).to_have_text("Somebody else has just taken this one.")
    expect(bob.locator("#case")).to_contain_text("Ann has this one.")


def test_focus_is_never_stolen(served: Callable[..., Served], look: Callable[..., Look]) -> None:
    """A case that arrives leaves the cursor where somebody types, and what was typed."""
    board = served()
    board.person("ann")
    case = board.unhappy()
    page = look(board, "ann").page
    page.goto(f"{board.address}/case/{case}")
    page.get_by_role("button", name="Claim").click()
    page.locator("#note").fill("she wants to hear from billing")
    board.unhappy()
    expect(page.locator(".case")).to_have_count(2)
    expect(page.locator("#note")).to_be_focused()
    expect(page.locator("#note")).to_have_value("she wants to hear from billing")


def test_a_page_without_central_says_so_within_five_seconds(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """When the stream is lost the page tells it and greys its clocks."""
    board = served()
    board.person("ann")
    board.unhappy()
    page = look(board, "ann").page
    expect(page.locator("#lost")).to_be_hidden()
    page.wait_for_timeout(500)
    board.stop_answering()
    began = time.monotonic()
    expect(page.locator("#lost")).to_be_visible(timeout=9000)
    assert time.monotonic() - began < 8.5
    assert "stale" in (page.locator("body").get_attribute("class") or "")


def test_a_page_says_that_the_store_is_away_and_recovers(
    served: Callable[..., Served], look: Callable[..., Look], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open page names the store that is away, then the intake's trouble, and forgets both."""
    board = served()
    board.person("ann")
    board.unhappy()
    page = look(board, "ann").page
    lost, store = page.locator("#lost"), board.central.store
    expect(page.locator(".case")).to_have_count(1)
    with monkeypatch.context() as patch:
        patch.setattr(store, "reading", _away)
        expect(lost).to_contain_text(
            "nothing is lost. The database does not answer", timeout=WAIT_MS
        )
        # a stream that is asked for now is answered with an error
        page.reload()
        expect(page.locator("main")).to_contain_text("The database does not answer")
    page.reload()
    expect(lost).to_be_hidden(timeout=WAIT_MS)
    board.central.intake_says.sentence = "The store's disk is full."
    expect(lost).to_have_text(
        "Nothing new comes in just now, nothing is lost. The store's disk is full.", timeout=WAIT_MS
    )
    board.central.intake_says.sentence = ""
    expect(lost).to_be_hidden(timeout=WAIT_MS)
    board.unhappy()
    expect(page.locator(".case")).to_have_count(2)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_word_without_end_stays_in_its_column(
    served: Callable[..., Served], look: Callable[..., Look], width: int
) -> None:
    """A cause or phrase that never breaks covers nothing beside it, on a desk and on a phone."""
    board = served()
    board.person("ann")
    case = board.unhappy(causes=("x" * 64, "y" * 64), text="z" * 300)
    page = look(board, "ann", viewport={"width": width, "height": 800}).page
    for path in ("/", f"/case/{case}"):
        page.goto(board.address + path)
        wide = "[...document.querySelectorAll('#queue, #case, body')]"
        assert page.evaluate(f"{wide}.every((e) => e.scrollWidth <= e.clientWidth)")


def test_a_stream_that_was_refused_is_asked_for_again(
    served: Callable[..., Served], look: Callable[..., Look], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page whose stream was answered with an error lives again when central does."""
    board = served()
    board.person("ann")
    page = look(board, "ann").page
    page.route("**/stream", lambda route: route.fulfill(status=503, body="away"))
    page.reload()
    expect(page.locator("#lost")).to_be_visible(timeout=WAIT_MS)
    page.unroute("**/stream")
    expect(page.locator("#lost")).to_be_hidden(timeout=WAIT_MS)
    board.unhappy()
    expect(page.locator(".case")).to_have_count(1)


def _away() -> NoReturn:
    raise StoreError("The database does not answer. Is it running?", "away")


def test_nothing_bars_anybody(served: Callable[..., Served], look: Callable[..., Look]) -> None:
    """Axe finds nothing on any page, on a desk and on a phone, light and dark."""
    board = served()
    board.person("ann", Role.LEAD, Role.ADMIN)
    case = board.unhappy()
    for options in (
        {"viewport": {"width": 1280, "height": 900}},
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    ):
        window = look(board, **options)
        window.go("/login")
        assert window.barriers() == []
        window.log_in("ann")
        for path in ("/", f"/case/{case}", "/analyse", "/channels", "/trail", "/case/999"):
            window.go(path)
            assert window.barriers() == [], path


def test_on_a_phone_the_case_slides_over_the_queue(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """The queue fills the screen, then the case does, and there is a way back; nothing is cut."""
    board = served()
    board.person("ann")
    board.unhappy()
    page = look(board, "ann", viewport={"width": 360, "height": 740}).page
    page.locator(".case a").click()
    expect(page.locator("#queue")).to_be_hidden()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    page.get_by_role("link", name="Back to the queue").click()
    expect(page.locator("#queue")).to_be_visible()


def test_it_works_without_script(served: Callable[..., Served], look: Callable[..., Look]) -> None:
    """Claim, reach, close: every action is a plain form."""
    board = served()
    board.person("ann")
    case = board.unhappy()
    page = look(board, "ann", java_script_enabled=False).page
    page.goto(f"{board.address}/case/{case}")
    page.get_by_role("button", name="Claim").click()
    page.get_by_role("button", name="Customer reached").click()
    page.get_by_role("button", name="Not recovered").click()
    expect(page.locator(".left")).to_have_text("Not recovered")


def test_nothing_comes_from_elsewhere(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """The board asks no other address for anything."""
    board = served()
    board.person("ann")
    board.unhappy()
    window = look(board)
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    window.log_in("ann")
    window.page.wait_for_timeout(500)
    assert asked
    assert [url for url in asked if not url.startswith(board.address)] == []


def test_a_claim_is_kept_while_its_page_is_open(
    served: Callable[..., Served], look: Callable[..., Look]
) -> None:
    """The page renews the lease by itself."""
    board = served(cases={"lease_s": 15.0})
    board.person("ann")
    case = board.unhappy()
    page = look(board, "ann").page
    page.goto(f"{board.address}/case/{case}")
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("button", name="Put back")).to_be_visible()
    renewed: list[int] = []
    page.on(
        "response",
        lambda answer: renewed.append(answer.status) if "/renew" in answer.url else None,
    )
    page.wait_for_timeout(6500)
    assert renewed
    assert set(renewed) == {204}
