"""Secrets of a checkout: all derived from one random file, so that a rerun gives the same ones."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from django.utils.functional import SimpleLazyObject


class LocalSecrets:
    """Derive secrets by name from a file of random bytes, made at first need; without a file, from a text for tests."""

    def __init__(self, path: Path | None) -> None:
        self._root = b"only for tests" if path is None else _read_or_create(path)

    def text(self, name: str) -> str:
        """Return 64 hexadecimal digits."""
        return hmac.new(self._root, name.encode(), hashlib.sha256).hexdigest()

    def fernet_key(self, name: str) -> str:
        """Return a key in Fernet's spelling."""
        return base64.urlsafe_b64encode(bytes.fromhex(self.text(name))).decode()

    def credentials(
        self,
        *,
        accounts: Mapping[str, str],
        gateways: Mapping[str, str],
        origin: str,
        known: Mapping[str, dict[str, str]],
    ) -> dict[str, dict[str, str]]:
        """Return the credentials that are known, and those of all other accounts at the sandbox.

        `accounts` maps their slugs to gateways, `gateways` these to the paths of their classes. They are derived when
        somebody first looks: some are keys, for which a processor's own library is loaded.
        """

        def derived() -> dict[str, dict[str, str]]:
            return {
                account: standin_of(gateways[gateway]).credentials(account, self.text, origin)
                for account, gateway in accounts.items()
            } | dict(known)

        return cast("dict[str, dict[str, str]]", SimpleLazyObject(derived))


def sandbox_config(
    credentials: Mapping[str, Mapping[str, str]],
    *,
    accounts: Mapping[str, str],
    gateways: Mapping[str, str],
    web_base_url: str,
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return the sandbox's own configuration for the accounts that point at it."""
    sections: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for account, gateway in accounts.items():
        described = standin_of(gateways[gateway]).sandbox_account(
            credentials[account], f"{web_base_url}/webhooks/{account}/"
        )
        sections.setdefault(gateway, {"accounts": []})["accounts"].append(described)
    return sections


def standin_of(gateway_path: str) -> Any:
    """Return the module of a gateway's folder that sets accounts up at the sandbox."""
    folder = gateway_path.rsplit(".", 2)[0]
    return import_module(f"{folder}.standin")


def _read_or_create(path: Path) -> bytes:
    """Return the file's bytes; two processes that both find none agree on the first one written."""
    with suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_bytes()
