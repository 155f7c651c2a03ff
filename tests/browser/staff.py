"""A member of staff at a browser: signs in, finds, reads and presses; what goes wrong in the browser is kept."""

from django.urls import reverse
from playwright.sync_api import Download, Locator, Page, expect

from tests.browser.visitor import Visitor

PASSWORD = "correct horse battery"


class Desk(Visitor):
    """Be the window of one member of staff; every page that is opened is looked at by axe."""

    def __init__(self, page: Page, origin: str) -> None:
        super().__init__(page)
        self._origin = origin

    def sign_in(self, username: str) -> None:
        """Come in by the login page."""
        self.gives_password(username)
        expect(self.page.locator("#nav-sidebar")).to_be_attached()
        self.can_be_used_by_everybody()

    def gives_password(self, username: str) -> None:
        """Fill in the login page, wherever that leads."""
        self.go("admin:login")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.follow(self.page.get_by_role("button", name="Log in"))

    def go(self, name: str, *arguments: object, query: str = "") -> int:
        """Open a page by its name, and return how it was answered."""
        return self.go_to(reverse(name, args=arguments) + query)

    def go_to(self, path: str) -> int:
        """Open a page by its address, and return how it was answered."""
        answer = self.page.goto(f"{self._origin}{path}")
        assert answer is not None
        return answer.status

    def press(self, name: str) -> None:
        """Press a button or a link, and wait until the page that it leads to is there."""
        with self.page.expect_navigation():
            super().press(name)

    def follow(self, element: Locator) -> None:
        """Click what leads to another page, and wait until that is there: words may stand on the one before, too."""
        with self.page.expect_navigation():
            element.click()

    def reads(self, *words: str) -> None:
        """Find these words on the page, and see that everybody can use it."""
        for each in words:
            expect(self.page.locator("#main")).to_contain_text(each)
        self.can_be_used_by_everybody()

    def asks_to(self, action: str, yes: str, **fields: str) -> None:
        """Press an action's button, fill in what it asks, look at what would be done, and say yes."""
        self.press(action)
        for label, text in fields.items():
            field = self.page.get_by_label(label)
            (field.select_option if field.evaluate("field => field.tagName") == "SELECT" else field.fill)(text)
        if fields:
            self.press("Look at it before it is done")
        self.can_be_used_by_everybody()
        self.press(yes)

    def chooses(self, action: str) -> None:
        """Choose the first row of a list, and do with it what the list offers."""
        self.page.locator("input.action-select").first.check()
        self.page.locator("select[name=action]").select_option(action)
        self.follow(self.page.get_by_role("button", name="Run"))

    def is_refused(self, name: str, *arguments: object) -> None:
        """See that a page is not for this person."""
        assert self.go(name, *arguments) == 403

    def downloads(self, words: str) -> Download:
        """Follow a link to a file, and return it."""
        with self.page.expect_download() as arriving:
            self.page.get_by_role("link", name=words).click()
        return arriving.value
