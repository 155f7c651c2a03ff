"""Payments that somebody else takes (a terminal, a till, a bank transfer): we write down what we are told. No wire."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, ClassVar

from gateways.errors import DeclineClass, ErrorCode, Rejected, Unsupported
from gateways.exponents import Exponents
from gateways.partner_talk import Brought, BroughtField, CheckoutPage, PartnerTalk
from gateways.protocol import (
    Capability,
    CaptureRequest,
    ChargeRequest,
    ColumnMap,
    CompleteRequest,
    Decline,
    Delivery,
    Greeting,
    Opened,
    OpenRequest,
    Outcome,
    OutcomeKind,
    Reference,
    RefundRequest,
    ReportRequest,
    RevokeCardRequest,
    Verified,
    VoidRequest,
)
from gateways.scrubbing import mask_numbers
from money import Money


class ExternalGateway:
    """Be a payment taken elsewhere. Every verb is final at once, and repeating one gives the same event key."""

    slug: ClassVar[str] = "external"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CHARGE_EXTERNAL, Capability.VOID, Capability.REFUND, Capability.PARTIAL_REFUND}
    )
    partner_talk: ClassVar[PartnerTalk] = PartnerTalk(
        name="external",
        brings=(
            BroughtField(name="approved", means=Brought.APPROVED),
            BroughtField(name="refusalReason", means=Brought.REASON),
            BroughtField(name="notes", means=Brought.NOTES, longest=500),
        ),
    )
    exponents: ClassVar[Exponents] = Exponents()
    has_wire: ClassVar[bool] = False
    webhooks_are_hints: ClassVar[bool] = False
    idempotency_window_seconds: ClassVar[int | None] = None
    longest_opening_seconds: ClassVar[int | None] = None
    # Somebody else gives it back.
    slowest_refund_days: ClassVar[int | None] = None
    secret_fields: ClassVar[frozenset[str]] = frozenset()
    decline_classes: ClassVar[Mapping[str, DeclineClass]] = {}
    settlement_columns: ClassVar[ColumnMap | None] = None

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """Take nothing: there is nobody to talk to."""

    @classmethod
    def missing_credentials(cls, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """Return nothing: no credentials are needed."""
        return ()

    def client_settings(self, *, money: Money, country_code: str) -> Mapping[str, Any]:
        """Return nothing: no browser takes part."""
        return {}

    def checkout_page(self) -> CheckoutPage | None:
        """Return nothing: guests pay elsewhere."""
        return None

    def open(self, request: OpenRequest) -> Opened:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: there is nothing a guest could pay online")

    def charge(self, request: ChargeRequest) -> Outcome:
        """Write down that somebody else took the money, or was refused it.

        :raises Unsupported: a card was given, or money is to be held; external payments do neither.
        """
        if request.external is None:
            raise Unsupported("external: only payments taken elsewhere are registered here, no card is charged")
        if not request.captures_at_once:
            raise Unsupported("external: what was taken elsewhere is taken, and nothing is held")
        is_approved = request.external.is_approved
        reason = mask_numbers(request.external.refusal_reason)[:300]
        return Outcome(
            kind=OutcomeKind.CAPTURED if is_approved else OutcomeKind.DECLINED,
            reference=_of_payment(request.reference),
            event_key=f"charge:{request.reference}:{'approved' if is_approved else 'refused'}",
            occurred_at=request.requested_at,
            money=request.money,
            decline=None if is_approved else Decline(code=ErrorCode.TRANSACTION_DECLINED, raw_text=reason),
            raw={"is_approved": is_approved, "refusal_reason": reason},
        )

    def complete(self, request: CompleteRequest) -> tuple[Outcome, ...]:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: nothing is opened, so nothing can be completed")

    def capture(self, request: CaptureRequest) -> Outcome:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: an external payment is captured when it is registered")

    def void(self, request: VoidRequest) -> Outcome:
        """Write down that the payment was undone where it was taken."""
        return Outcome(
            kind=OutcomeKind.VOIDED,
            reference=Reference(ours=request.reference, gateway=request.reference, payment=request.payment_reference),
            event_key=f"void:{request.reference}",
            occurred_at=request.requested_at,
        )

    def refund(self, request: RefundRequest) -> Outcome:
        """Write down that money was given back where it was taken.

        :raises Rejected: the amount is not positive.
        """
        if request.money.minor <= 0:
            raise Rejected("external: a refund gives back more than nothing")
        return Outcome(
            kind=OutcomeKind.REFUNDED,
            reference=Reference(ours=request.reference, gateway=request.reference, payment=request.payment_reference),
            event_key=f"refund:{request.reference}",
            occurred_at=request.requested_at,
            money=request.money,
        )

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: there is nobody to ask")

    def close(self, reference: Reference) -> None:
        """Refuse: nothing is ever open.

        :raises Unsupported: always.
        """
        raise Unsupported("external: there is nothing a guest could pay online")

    def revoke_card(self, request: RevokeCardRequest) -> None:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: no card is stored")

    def greet_webhook(self) -> Greeting:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: nobody sends webhooks")

    def verify_webhook(self, delivery: Delivery) -> Verified:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: no webhooks are expected")

    def read_webhook(self, delivery: Delivery) -> tuple[Outcome, ...]:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: no webhooks are expected")

    def reports_since(self, moment: datetime) -> tuple[str, ...]:
        """Return none: nobody is there to ask."""
        return ()

    def fetch_report(self, request: ReportRequest) -> AbstractContextManager[Iterator[bytes]]:
        """Refuse.

        :raises Unsupported: always.
        """
        raise Unsupported("external: nobody has a report; upload what the till lists")


def _of_payment(reference: str) -> Reference:
    return Reference(ours=reference, gateway=reference, payment=reference)
