"""The configuration file: a JSON object with one section per processor."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BadConfig(Exception):
    """The configuration cannot be used; the message is a sentence for the person who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the sandbox starts with.

    `webhook_retry_scale` multiplies the processors' real waits between attempts; `webhook_delay_seconds` is the time
    from an event to its first delivery; `sections` holds each processor's own part by its slug.
    """

    webhook_retry_scale: float = 1.0
    webhook_delay_seconds: float = 0.05
    sections: dict[str, dict[str, Any]]

    def section(self, slug: str) -> dict[str, Any]:
        """Return the part of the file that belongs to one processor."""
        return self.sections.get(slug, {})

    def accounts(self, slug: str) -> list[dict[str, Any]]:
        """Return the accounts that a processor starts with.

        :raises BadConfig: they are not a list of objects.
        """
        accounts = self.section(slug).get("accounts", [])
        if not isinstance(accounts, list) or not all(isinstance(account, dict) for account in accounts):
            raise BadConfig(f"{slug}.accounts must be a list of objects.")
        return accounts


def load_config(path: Path | None, *, retry_scale: float | None = None) -> Config:
    """Read the file, or return an empty configuration when there is none.

    :raises BadConfig: the file is missing, is not a JSON object, or a figure is not a number of zero or more.
    """
    document: dict[str, Any] = {}
    if path is not None:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadConfig(f"the configuration {path} cannot be read ({error.strerror}).") from error
        except ValueError as error:
            raise BadConfig(f"the configuration {path} is not valid JSON ({error}).") from error
        if not isinstance(document, dict):
            raise BadConfig(f"the configuration {path} must be a JSON object.")
    scale = document.pop("webhook_retry_scale", 1.0) if retry_scale is None else retry_scale
    document.pop("webhook_retry_scale", None)
    delay = document.pop("webhook_delay_seconds", 0.05)
    for name, value in (("webhook_retry_scale", scale), ("webhook_delay_seconds", delay)):
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise BadConfig(f"{name} must be a number of zero or more.")
    for name, section in document.items():
        if not isinstance(section, dict):
            raise BadConfig(f"the section {name!r} must be a JSON object.")
    return Config(webhook_retry_scale=float(scale), webhook_delay_seconds=float(delay), sections=document)
