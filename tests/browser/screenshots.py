"""`make screenshots`: the main pages of the back office on the demo's data, at two widths, into docs/screenshots/.

Everything is made anew in a directory of its own: database, servers, the stories of two gateways. It takes two minutes.
`python -m tests.browser.screenshots export schedule` keeps the pictures of these alone.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Before the settings read it; a demo that runs in this checkout is left alone.
os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="screenshots-")
os.environ.setdefault("ENVIRONMENT_NAME", "demo")

from playwright.sync_api import Browser, Page, sync_playwright

from config.demo.page import Page as Terminal
from config.demo.story import Story
from config.processes import Stack, stop_on_signals

_TARGET = Path(__file__).resolve().parent.parent.parent / "docs" / "screenshots"
_SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
_TALLEST = 1_800
_QUALITY = 70
_GATEWAYS = ("adyen", "stripe")
Way = Callable[[Page, str], object]


def _at(path: str) -> Way:
    return lambda page, admin: page.goto(f"{admin}{path}")


def _row_of(path: str, index: int) -> Way:
    """Return the way to one row of a list, counted from its top; -1 is the last."""

    def go(page: Page, admin: str) -> None:
        page.goto(f"{admin}{path}")
        page.locator("#result_list tbody tr a[href*='/change/']").nth(index).click()

    return go


def _one_export(page: Page, admin: str) -> None:
    """Ask for an export of real money, of which the demo has none, and of test money; go to that once it is written."""
    today = datetime.now(tz=UTC).date()
    for mode in ("live", "test"):
        page.goto(f"{admin}reconciliation/exportrun/add/")
        for name, choice in {"report": "payments", "period": "OWN", "is_live": mode}.items():
            page.locator(f"[name={name}]").select_option(choice)
        page.locator("[name=first_day]").fill(today.isoformat())
        page.locator("[name=end_day]").fill((today + timedelta(days=1)).isoformat())
        page.get_by_role("button", name="Save", exact=True).click()
    deadline = time.monotonic() + 60
    while not page.locator("#result_list tbody tr").first.locator("a[href$='/file/']").is_visible():
        if time.monotonic() > deadline:
            raise RuntimeError("no export was written within a minute")
        page.wait_for_timeout(500)
        page.reload()
    page.locator("#result_list tbody tr a[href*='/change/']").first.click()


def _one_schedule(page: Page, admin: str) -> None:
    """Set a monthly export that is mailed, and go to it."""
    page.goto(f"{admin}reconciliation/scheduledexport/add/")
    page.locator("[name=report]").select_option("payments")
    page.locator("[name=recipients]").fill("books@example.com")
    page.get_by_role("button", name="Save and continue editing").click()


PAGES: dict[str, Way] = {
    "home": _at(""),
    "queues": _at("queues/"),
    "payments": _at("payments/payment/"),
    # The story's first guest, who paid by card and got a part of it back.
    "payment": _row_of("payments/payment/", -1),
    "booking": _row_of("bookings/booking/", 0),
    "cards": _at("payments/reusablecard/"),
    "departures": _at("bookings/availability/"),
    "ledger": _at("payments/ledgerentry/"),
    "books": _at("books/"),
    "months": _at("months/"),
    "payout": _row_of("reconciliation/settlementbatch/", 0),
    "discrepancies": _at("queues/discrepancies/"),
    "export": _one_export,
    "exports": _at("reconciliation/exportrun/"),
    "export-new": _at("reconciliation/exportrun/add/"),
    "schedule": _one_schedule,
    "schedules": _at("reconciliation/scheduledexport/"),
    "audit": _at("backoffice/auditentry/"),
}


def main() -> int:
    """Make all of them; 0 when each page was answered."""
    terminal = Terminal()
    try:
        with stop_on_signals(), Stack(say=lambda _name, line: terminal.progress(line)) as stack:
            stack.wait_ready()
            for gateway in _GATEWAYS:
                Story(
                    page=terminal,
                    web_url=stack.web_url,
                    sandbox_url=stack.sandbox_url,
                    access=stack.access,
                    manage=stack.manage,
                    gateway=gateway,
                ).tell()
            with sync_playwright() as playwright:
                arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
                _photograph(browser, f"{stack.web_url}/admin/", stack.access)
                browser.close()
    finally:
        shutil.rmtree(os.environ["VAR_DIR"], ignore_errors=True)
    return 0


def _photograph(browser: Browser, admin: str, access: dict[str, str]) -> None:
    _TARGET.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in _SIZES.items():
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
        page = context.new_page()
        page.goto(admin)
        if not sys.argv[1:]:
            _keep(page, f"login-{size}")
        page.get_by_label("Username").fill(access["staff_user"])
        page.get_by_label("Password").fill(access["staff_password"])
        page.get_by_role("button", name="Log in").click()
        for name in sys.argv[1:] or PAGES:
            go = PAGES[name]
            go(page, admin)
            page.wait_for_load_state("networkidle")
            _keep(page, f"{name}-{size}")
        context.close()


def _keep(page: Page, name: str) -> None:
    """Keep a picture of a page from its top; a long one is cut, so that all of them stay small."""
    size = page.viewport_size
    assert size is not None
    height = int(page.evaluate("document.documentElement.scrollHeight"))
    # In a window as high as the picture, what sticks to the window's foot stands at the foot of the picture.
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(height, _TALLEST))})
    page.screenshot(path=_TARGET / f"{name}.jpg", type="jpeg", quality=_QUALITY)
    page.set_viewport_size(size)


if __name__ == "__main__":
    sys.exit(main())
