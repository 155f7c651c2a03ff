"""Finance's own system: it asks, waits and downloads."""

from typing import Any

from django.test import Client


class Desk:
    """Be one caller with one key."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._client = Client()

    def get(self, path: str, **headers: str) -> Any:
        """Read below /finance."""
        return self._client.get(f"/finance{path}", headers={"Authorization": f"Bearer {self.key}", **headers})

    def ask(self, **wish: Any) -> Any:
        """Ask for an export."""
        return self._client.post(
            "/finance/exports", wish, "application/json", headers={"Authorization": f"Bearer {self.key}"}
        )
