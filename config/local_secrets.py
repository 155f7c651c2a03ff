"""Secrets of a checkout: all derived from one random file, so that a rerun gives the same ones."""

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

# Demo account slug -> Adyen merchant account. The test-mode one serves bookings made with a test key.
SANDBOX_ACCOUNTS = {"adyen-eu": "ToursEU", "adyen-us": "ToursUS", "adyen-test": "ToursTest"}


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

    def sandbox_accounts(self, *, base_url: str) -> dict[str, dict[str, str]]:
        """Return the credentials of the demo's accounts at the sandbox's Adyen, by account slug."""
        return {
            slug: {
                "api_key": self.text(f"{slug} api_key"),
                "merchant_account": merchant_account,
                "hmac_keys": self.text(f"{slug} hmac_key").upper(),
                "webhook_user": f"{slug}-webhooks",
                "webhook_password": self.text(f"{slug} webhook_password")[:32],
                "client_key": f"test_{self.text(f'{slug} client_key')[:32].upper()}",
                "environment": "test",
                "live_prefix": "",
                "checkout_base_url": base_url,
                "timeout_seconds": "12",
            }
            for slug, merchant_account in SANDBOX_ACCOUNTS.items()
        }


def sandbox_config(credentials: dict[str, dict[str, str]], *, web_base_url: str) -> dict[str, object]:
    """Return the sandbox's own configuration for the accounts that point at it."""
    return {
        "adyen": {
            "accounts": [
                {
                    "merchant_account": fields["merchant_account"],
                    "api_key": fields["api_key"],
                    "client_key": fields["client_key"],
                    "hmac_key": fields["hmac_keys"].split(",")[0],
                    "webhook_url": f"{web_base_url}/webhooks/{slug}/",
                    "webhook_user": fields["webhook_user"],
                    "webhook_password": fields["webhook_password"],
                    "token_webhooks": True,
                }
                for slug, fields in credentials.items()
                if slug in SANDBOX_ACCOUNTS
            ]
        }
    }


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
