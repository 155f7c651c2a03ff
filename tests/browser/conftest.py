"""A real browser, Debian's Chromium, for the pages that guests see."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from playwright.sync_api import Browser, expect, sync_playwright

from backoffice.granting import grant
from backoffice.roles import ROLES, Role
from tests.browser.staff import PASSWORD, Desk
from tests.browser.visitor import Visitor
from tests.payments.guest import Guest
from tests.payments.house import House, build_house
from tests.processes import PATIENCE_SECONDS

_MISSING = "Chromium is missing: no page was looked at. Install it: apt-get install chromium"
PHONE, DESKTOP = (390, 844), (1280, 900)
_PATIENCE_MILLISECONDS = 1_000 * PATIENCE_SECONDS
expect.set_options(timeout=_PATIENCE_MILLISECONDS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that no browser was there."""
    if any(_MISSING in str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_sep("!", _MISSING, red=True, bold=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, once for all of these tests."""
    executable = shutil.which("chromium")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    # Playwright runs a loop in the thread of the tests, and Django takes their queries for asynchronous ones.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            # In a container the only user is often root, for whom Chromium has no sandbox.
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            chromium = playwright.chromium.launch(executable_path=executable, args=arguments)
            yield chromium
            chromium.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """How large the guest's window is."""
    found: tuple[int, int] = request.param
    return found


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """A guest at a desktop's browser; in the end nothing may have gone wrong in it."""
    yield from _visitor(browser, DESKTOP)


@pytest.fixture
def visitor_of_any_size(browser: Browser, size: tuple[int, int]) -> Iterator[Visitor]:
    """The same, once at a phone and once at a desktop."""
    yield from _visitor(browser, size)


def _visitor(browser: Browser, size: tuple[int, int]) -> Iterator[Visitor]:
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    visitor = Visitor(context.new_page())
    yield visitor
    faults = visitor.faults
    context.close()
    assert faults == []


@pytest.fixture
def house(transactional_db: None) -> House:
    return build_house()


@pytest.fixture
def guest(house: House, sandbox, live_server) -> Guest:
    """What arrives from the processors while a visitor pays."""
    return Guest(house, sandbox)


@pytest.fixture
def desk_of(browser: Browser, house, live_server) -> Iterator[Callable[..., Desk]]:
    """Return the desk of a member of staff of a role; in the end nothing may have gone wrong at any.

    They are signed in already, or do so at the login page, which takes a browser as long as all else they do.
    """
    grant(apps, ROLES)
    contexts, desks = [], []

    def desk(role: Role, *, size: tuple[int, int] = DESKTOP, is_signed_in: bool = True) -> Desk:
        person = get_user_model().objects.create_user(role.lower(), password=PASSWORD, is_staff=True)
        person.groups.set([Group.objects.get(name=role)])
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB")
        context.set_default_timeout(_PATIENCE_MILLISECONDS)
        contexts.append(context)
        desks.append(Desk(context.new_page(), live_server.url))
        if is_signed_in:
            client = Client()
            client.force_login(person)
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        else:
            desks[-1].sign_in(person.username)
        return desks[-1]

    yield desk
    faults = [fault for each in desks for fault in each.faults]
    for context in contexts:
        context.close()
    assert faults == []
