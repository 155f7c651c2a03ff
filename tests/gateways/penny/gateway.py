"""Penny: a gateway that nobody needs, made by following docs/adding-a-gateway.md."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlencode

from gateways.errors import DeclineClass, MisconfiguredAccount, Unsupported
from gateways.exponents import Exponents
from gateways.http import HttpClient
from gateways.partner_talk import Brought, BroughtField, CheckoutPage, PartnerTalk
from gateways.protocol import (
    Capability,
    ColumnMap,
    Opened,
    OpenRequest,
    Outcome,
    Reference,
    RefundRequest,
)
from tests.gateways.penny import wire
from tests.gateways.penny.partner_talk import PARTNER_TALK


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    key: str = field(repr=False)
    base_url: str


def _unsupported(_self: object, *_: object) -> NoReturn:
    raise Unsupported("penny: there is no such verb")


class PennyGateway:
    """Be one account at Penny: an order is opened, paid on Penny's page, looked up and given back."""

    slug: ClassVar[str] = "penny"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.OPEN, Capability.REFUND, Capability.PARTIAL_REFUND, Capability.FETCH}
    )
    partner_talk: ClassVar[PartnerTalk] = PARTNER_TALK
    exponents: ClassVar[Exponents] = wire.EXPONENTS
    has_wire: ClassVar[bool] = True
    webhooks_are_hints: ClassVar[bool] = False
    idempotency_window_seconds: ClassVar[int | None] = None
    longest_opening_seconds: ClassVar[int | None] = None
    slowest_refund_days: ClassVar[int | None] = None
    secret_fields: ClassVar[frozenset[str]] = wire.SECRET_FIELDS
    decline_classes: ClassVar[Mapping[str, DeclineClass]] = {}
    settlement_columns: ClassVar[ColumnMap | None] = None

    def __init__(self, credentials: Mapping[str, str]) -> None:
        if missing := self.missing_credentials(credentials):
            raise MisconfiguredAccount(f"penny: missing: {', '.join(missing)}")
        self._account = _Account(key=credentials["api_key"], base_url=credentials["base_url"])
        seconds = float(credentials.get("timeout_seconds") or 12)
        self._http = HttpClient(
            gateway=self.slug, secret_fields=self.secret_fields, read_seconds=seconds, total_seconds=seconds
        )

    @classmethod
    def missing_credentials(cls, credentials: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(name for name in ("api_key", "base_url") if not credentials.get(name))

    def client_settings(self, **_: Any) -> Mapping[str, Any]:
        return {"order": None, "page": None}

    def checkout_page(self) -> CheckoutPage | None:
        return CheckoutPage(brings=(BroughtField(name="order", means=Brought.OPENING),))

    def open(self, request: OpenRequest) -> Opened:
        if not request.captures_at_once:
            raise Unsupported("penny: money is taken at once")
        amount = {"amount": wire.EXPONENTS.minor_of(request.money), "currency": request.money.currency}
        answer = self._ask("open", "POST", "orders", {"reference": request.reference, **amount}, "id", "page")
        return Opened(
            gateway_reference=answer["id"],
            expires_at=request.expires_at,
            client={"order": answer["id"], "page": answer["page"]},
            redirect_url=answer["page"] if request.is_hosted else "",
        )

    def refund(self, request: RefundRequest) -> Outcome:
        amount = {"amount": wire.EXPONENTS.minor_of(request.money), "currency": request.money.currency}
        path = f"orders/{request.payment_reference}/refunds"
        answer = self._ask("refund", "POST", path, {"reference": request.reference, **amount}, "id")
        told = {**amount, "reference": request.reference, "id": answer["id"]}
        return wire.refunded(told, request.payment_reference, request.requested_at)

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        order = reference.opening or reference.payment or reference.gateway
        if order:
            return wire.news_of(self._ask("fetch", "GET", f"orders/{order}", None, "id", "reference"))
        found = self._ask("fetch", "GET", f"orders?{urlencode({'reference': reference.ours})}", None)
        return tuple(news for each in found["orders"] for news in wire.news_of(each))

    def reports_since(self, *_: object) -> tuple[str, ...]:
        return ()

    charge = complete = capture = void = close = revoke_card = greet_webhook = verify_webhook = read_webhook = (
        fetch_report
    ) = _unsupported

    def _ask(self, operation: str, method: str, path: str, body: dict[str, Any] | None, *needed: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._account.key}", "Content-Type": "application/json"}
        sent = json.dumps(body).encode() if body is not None else None
        answer = self._http.send(operation, method, f"{self._account.base_url}/{path}", headers=headers, body=sent)
        return wire.read(answer, operation, *needed)
