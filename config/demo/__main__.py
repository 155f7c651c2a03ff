"""`make demo`: set everything up, start it, tell the story, and stay up until Ctrl-C (or stop, with --once)."""

import argparse
import os
import signal
import sys

from config.demo.page import Page
from config.demo.people import StoryFailed
from config.demo.story import Story
from config.demo.texts import TEXTS
from config.processes import Stack, StackFailed, stop_on_signals
from config.servers import EmbeddedServersFailed
from config.settings import local as settings
from config.supervisor import ChildFailed


def main() -> int:
    """Run the demo; 0 when every step of the story held."""
    parser = argparse.ArgumentParser(prog="python -m config.demo", description="Walk one booking through the house.")
    parser.add_argument("--once", action="store_true", help="stop after the story")
    parser.add_argument(
        "--gateway", choices=sorted(TEXTS), default=next(iter(TEXTS)), help="which gateway the guests pay through"
    )
    arguments = parser.parse_args()
    once = arguments.once
    # The processes that are started have it on every page of the back office.
    os.environ.setdefault("ENVIRONMENT_NAME", "demo")
    page = Page()
    page.title("Card payments: from a reservation to the books")
    with stop_on_signals():
        try:
            with Stack(say=lambda name, line: page.progress(line if name == "set-up" else f"{name}: {line}")) as stack:
                stack.wait_ready()
                page.progress("ready")
                Story(
                    page=page,
                    web_url=stack.web_url,
                    sandbox_url=stack.sandbox_url,
                    access=stack.access,
                    manage=stack.manage,
                    gateway=arguments.gateway,
                ).tell()
                _say_what_is_open(page, stack)
                if not once:
                    page.text()
                    page.text("All of it stays up until Ctrl-C.")
                    signal.pause()
        except KeyboardInterrupt:
            page.text()
            page.progress("stopped; nothing is left running")
        except (StoryFailed, StackFailed, ChildFailed, EmbeddedServersFailed) as error:
            page.failed(str(error))
            page.text(f"What the processes wrote is in {settings.VAR_DIR / 'log'}")
            return 1
    return 0


def _say_what_is_open(page: Page, stack: Stack) -> None:
    access = stack.access
    page.step("Look around")
    page.fact("admin", f"{stack.web_url}/admin/", f"{access['staff_user']} / {access['staff_password']}")
    page.fact("OCTO", f"{stack.web_url}/octo/docs/", f"Authorization: Bearer {access['octo_key']}")
    page.fact("sandbox", f"{stack.sandbox_url}/control/money", "more in docs/sandbox.md")
    page.fact("all keys", ".venv/bin/python manage.py seed_demo")


if __name__ == "__main__":
    sys.exit(main())
