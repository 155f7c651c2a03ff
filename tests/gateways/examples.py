"""Examples of what gateways are asked: the same at each of them, but for the names that the processor gave."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from gateways.protocol import (
    CaptureRequest,
    ChargeRequest,
    CompleteRequest,
    OpenRequest,
    RefundRequest,
    RevokeCardRequest,
    Source,
    VoidRequest,
)
from money import Money

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NINETY_EUROS, THIRTY_EUROS = Money(9000, "EUR"), Money(3000, "EUR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Make requests about one payment; whatever is given goes before what they hold by themselves.

    `opening`, `payment` and `card` are the processor's names; `held` is that of a hold, where it is another one, and
    `evidence` what a guest's browser brings back.
    """

    opening: str
    payment: str
    card: str
    held: str = ""
    evidence: str = ""

    def open_request(self, money: Money = NINETY_EUROS, **more: Any) -> OpenRequest:
        fields: dict[str, Any] = {
            "reference": "op-7Q2KMX4H",
            "idempotency_key": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "money": money,
            "return_url": "https://shop.example.com/return",
            "source": Source.ECOM,
            "captures_at_once": True,
            "expires_at": NOW + timedelta(minutes=30),
            "country_code": "GB",
            "locale": "en-GB",
        }
        return OpenRequest(**{**fields, **more})

    def charge_request(self, money: Money = NINETY_EUROS, **more: Any) -> ChargeRequest:
        """Return the charge of a kept card."""
        fields: dict[str, Any] = {
            "reference": "tx-2M9DKR7C",
            "idempotency_key": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
            "money": money,
            "source": Source.ECOM,
            "captures_at_once": True,
            "card_token": self.card,
            "shopper_reference": "c-1204",
            "requested_at": NOW,
        }
        return ChargeRequest(**{**fields, **more})

    def complete_request(self, **more: Any) -> CompleteRequest:
        fields: dict[str, Any] = {
            "opening_reference": self.opening,
            "reference": "op-7Q2KMX4H",
            "money": NINETY_EUROS,
            "evidence": self.evidence,
            "requested_at": NOW,
        }
        return CompleteRequest(**{**fields, **more})

    def capture_request(self, money: Money = NINETY_EUROS, **more: Any) -> CaptureRequest:
        fields: dict[str, Any] = {
            "payment_reference": self.held or self.payment,
            "reference": "tx-5H3JAF8V",
            "idempotency_key": "16fd2706-8baf-433b-82eb-8c7fada847da",
            "money": money,
            "requested_at": NOW,
        }
        return CaptureRequest(**{**fields, **more})

    def void_request(self, **more: Any) -> VoidRequest:
        fields: dict[str, Any] = {
            "payment_reference": self.held or self.payment,
            "reference": "tx-8B6QYN2D",
            "idempotency_key": "886313e1-3b8a-5372-9b90-0c9aee199e5d",
            "requested_at": NOW,
        }
        return VoidRequest(**{**fields, **more})

    def refund_request(self, money: Money = THIRTY_EUROS, **more: Any) -> RefundRequest:
        fields: dict[str, Any] = {
            "payment_reference": self.payment,
            "reference": "tx-9W4TB6NE",
            "idempotency_key": "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
            "money": money,
            "requested_at": NOW,
            "taken_reference": more.get("payment_reference", self.payment),
        }
        return RefundRequest(**{**fields, **more})

    def revoke_request(self) -> RevokeCardRequest:
        return RevokeCardRequest(card_token=self.card, shopper_reference="c-1204")


def samples_folder(adapter: ModuleType) -> Path:
    assert adapter.__file__ is not None
    return Path(adapter.__file__).parent / "samples"


def samples_of(adapter: ModuleType) -> Callable[[str], Any]:
    """Return what reads a gateway's samples by their names."""
    folder = samples_folder(adapter)
    return lambda name: json.loads((folder / f"{name}.json").read_text())
