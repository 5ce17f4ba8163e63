"""`make figures-pictures`: the pages of figures over a simulated year, for docs/central.md."""

from __future__ import annotations

import subprocess
import sys

from playwright.sync_api import sync_playwright

from bench.board_pictures import OUT, told, window

PAGES = {
    "right": "figures/right", "helped": "figures/helped", "holdout": "figures/holdout",
    "unhappy": "figures/unhappy?site=hamburg",
}  # fmt: skip


def main() -> None:
    """Run the demonstration with its year, look at the pages, end it."""
    OUT.mkdir(exist_ok=True)
    command = [sys.executable, "-u", "-m", "sered", "central", "demo", "--year", "--minutes", "5"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address, login, password = told(demo)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            page = window(browser, 1100, 860, address, login, password)
            for name, path in PAGES.items():
                page.goto(f"{address}/{path}")
                page.wait_for_selector("h1")
                page.screenshot(path=OUT / f"figures-{name}.png")
            browser.close()
    finally:
        demo.terminate()
        demo.wait(30)
    print(f"Pictures: {OUT}")


if __name__ == "__main__":
    main()
