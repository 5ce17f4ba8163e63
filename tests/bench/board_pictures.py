"""`make board-pictures`: the board as it looks, on a desk and on a phone, for docs/central.md."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

OUT = Path(__file__).parents[2] / "docs" / "central"
_WAIT_S = 240.0


def main() -> None:
    """Run the demonstration, look at it, end it."""
    OUT.mkdir(exist_ok=True)
    command = [sys.executable, "-u", "-m", "sered", "central", "demo", "--minutes", "5"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address, login, password = told(demo)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            page = window(browser, 1280, 860, address, login, password)
            page.locator(".case").nth(2).wait_for(timeout=200_000)
            page.locator(".case a").first.click()
            page.get_by_role("button", name="Claim").click()
            # the exchange's record and the call meet within seconds
            page.wait_for_timeout(12_000)
            page.get_by_role("button", name="Show the number").click()
            page.wait_for_selector("[data-shown]")
            page.screenshot(path=OUT / "case.png", full_page=True)
            case = page.url
            phone = window(browser, 390, 844, address, login, password)
            phone.goto(case)
            phone.screenshot(path=OUT / "phone-case.png")
            browser.close()
    finally:
        demo.terminate()
        demo.wait(30)
    print(f"Pictures: {OUT}")


def told(demo: subprocess.Popen[str]) -> tuple[str, str, str]:
    """Address, login and password, once the demonstration says them."""
    assert demo.stdout is not None
    text, end = "", time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        text += demo.stdout.readline()
        found = re.search(r"Open\s+(https?://[^/\s]+)\S*\s+Login\s+(\S+)\s+password (\S+)", text)
        if found:
            return found[1], found[2], found[3]
    raise AssertionError(text)


def window(
    browser: Browser, width: int, height: int, address: str, login: str, password: str
) -> Page:
    """A window of somebody who has logged in."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(60_000)
    page.goto(address)
    page.fill("#login", login)
    page.fill("#password", password)
    page.locator("main button").click()
    page.wait_for_selector("#queue")
    return page


if __name__ == "__main__":
    main()
