"""A partner's client that speaks OCTO over real HTTP, one instance per thread."""

from typing import Any
from uuid import uuid4

import httpx

from tests.payments.house import RETURN_URL, House

CAPABILITIES = "octo/pricing, octo/cardPayments"


class OctoClient:
    """Speak OCTO as a partner's server does; remembers every answer that was neither success nor refusal."""

    def __init__(self, url: str, key: str, house: House) -> None:
        self._house = house
        headers = {"Authorization": f"Bearer {key}", "Octo-Capabilities": CAPABILITIES}
        self._client = httpx.Client(base_url=f"{url}/octo", headers=headers, timeout=90, trust_env=False)
        self.broken: list[str] = []

    def __enter__(self) -> "OctoClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send one request; header names with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._client.request(method, path, json={} if body is None else body, headers=named)
        if answer.status_code not in (200, 400):
            self.broken.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer

    def wish(self, adults: int = 2, **fields: Any) -> dict[str, Any]:
        """Return the body of a reservation."""
        return {
            "uuid": str(uuid4()),
            "productId": str(self._house.option.product_id),
            "optionId": str(self._house.option.pk),
            "availabilityId": self._house.availability_id,
            "unitItems": self.units(adults),
            "returnUrl": RETURN_URL,
            **fields,
        }

    def units(self, adults: int) -> list[dict[str, str]]:
        """Return the tickets of so many adults."""
        return [{"unitId": str(self._house.adult.pk)} for _ in range(adults)]

    def reserve(self, adults: int = 2, **fields: Any) -> dict[str, Any]:
        """Hold seats, asked for at most twice; return the booking."""
        wish = self.wish(adults, **fields)
        answer = self.send("POST", "/bookings", wish)
        if answer.status_code != 200:
            answer = self.send("POST", "/bookings", wish)
        assert answer.status_code == 200, answer.text
        booking: dict[str, Any] = answer.json()
        return booking

    def confirm(self, uuid: str, *, session: str | None = None, evidence: str | None = None) -> httpx.Response:
        """Ask for the confirmation of a booking, with what the guest's browser brought back."""
        adyen = {"sessionId": session, "sessionResult": evidence} if session else {}
        body = {"cardPayment": {"gateway": "adyen", "adyen": adyen}} if session else {}
        return self.send("POST", f"/bookings/{uuid}/confirm", body)

    def confirm_with(self, uuid: str, card_payment: dict[str, Any] | None) -> httpx.Response:
        """Ask for the confirmation of a booking, with whatever goes with it."""
        return self.send("POST", f"/bookings/{uuid}/confirm", {"cardPayment": card_payment} if card_payment else {})


def session_of(booking: dict[str, Any]) -> str | None:
    """Return the session a guest would be sent to with a booking's answer."""
    payment = booking.get("cardPayment") or {}
    session = (payment.get("adyen") or {}).get("session") or {}
    found: str | None = session.get("id")
    return found
