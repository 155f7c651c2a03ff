"""A guest at a browser: looks, types and presses; what goes wrong in the browser meanwhile is kept."""

import os
import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import ConsoleMessage, Error, FrameLocator, Page, expect

# Where pictures of the pages are kept, for somebody to look at.
_PICTURES = os.environ.get("BROWSER_PICTURES", "")
_SERIOUS = ("serious", "critical")
_AXE = Axe()
# The frames are the vendors', and what axe would load of their styles the page's policy forbids. What a page does well,
# and where, nobody reads.
_AXE_OPTIONS = {"iframes": False, "preload": False, "resultTypes": ["violations"], "selectors": False}
# The one browser message of a page that is asked for on purpose and answered with 4xx or 5xx.
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (403|410|503)")


class Visitor:
    """Be one guest with one window."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if not self.page.url.startswith(settings.PUBLIC_BASE_URL):
            return  # a bank's page, or a shop's
        # A policy that forbids something is told as an error of the console, too.
        if message.type in ("error", "warning") and not _STATUS.match(message.text):
            self.faults.append(message.text)

    def open(self, url: str) -> None:
        """Follow a link."""
        self.page.goto(url)

    def sees(self, state: str, *words: str) -> None:
        """Wait for the page to show a state, and these words with it; see that everybody can use it."""
        expect(self.page.locator(f'main[data-state="{state}"]')).to_be_visible()
        for each in words:
            expect(self.page.locator("body")).to_contain_text(each)
        self.can_be_used_by_everybody()
        self.picture(state)

    def press(self, name: str) -> None:
        """Press a button, or follow what looks like one."""
        button = self.page.get_by_role("button", name=name, exact=True)
        button.or_(self.page.get_by_role("link", name=name, exact=True)).click()

    def tabs_to(self, *elements: str) -> None:
        """Go by the Tab key alone to the next of these elements."""
        for _ in range(10):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.tagName") in elements:
                return
        raise AssertionError(f"no {' or '.join(elements)} is reached by the Tab key")

    @property
    def form(self) -> FrameLocator:
        """The card's form of a stand-in, in its frame."""
        return self.page.frame_locator('iframe[title="Card details"]')

    def enter(self, number: str, expiry: str, code: str, name: str = "Ada Byron") -> None:
        """Type a card into the form of a gateway in our page."""
        for label, text in (
            ("Card number", number),
            ("Expiry date (MM/YY)", expiry),
            ("Security code", code),
            ("Name on card", name),
        ):
            self.form.get_by_label(label).fill(text)

    def answer_the_bank(self, password: str = "password") -> None:
        """Prove at the bank's page who it is."""
        self.page.get_by_label("Password").fill(password)
        self.press("Confirm")

    def can_be_used_by_everybody(self) -> None:
        """See that axe finds no serious fault, and that nothing is wider than the window."""
        found, width = self._looked_at()
        serious = [f"{each['id']}: {each['help']}" for each in found if each["impact"] in _SERIOUS]
        assert serious == []
        assert width <= 0

    def _looked_at(self, *, tries: int = 3) -> tuple[list[dict[str, Any]], int]:
        """Return what axe finds, and how much is wider than the window; look again, if the page went on meanwhile."""
        try:
            self.page.wait_for_load_state()
            found = _AXE.run(self.page, options=_AXE_OPTIONS).response["violations"]
            return found, self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        except Error as error:
            if tries == 1 or "navigation" not in error.message:
                raise
            return self._looked_at(tries=tries - 1)

    def picture(self, name: str) -> None:
        """Keep a picture of the page, where somebody wants to look at it."""
        if _PICTURES:
            width = (self.page.viewport_size or {"width": 0})["width"]
            self.page.screenshot(path=Path(_PICTURES) / f"{name}-{width}.png", full_page=True, caret="initial")
