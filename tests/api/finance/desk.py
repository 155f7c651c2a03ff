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

    def ask(self, *, under: str | None = None, **wish: Any) -> Any:
        """Ask for an export, under an Idempotency-Key if one is given."""
        headers = {"Authorization": f"Bearer {self.key}"} | ({} if under is None else {"Idempotency-Key": under})
        return self._client.post("/finance/exports", wish, "application/json", headers=headers)
