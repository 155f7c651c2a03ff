"""A small operator with a partner and accounts, and the words to sell and to be paid with; for tests of the core."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bookings.models import Booking, Option, Order, Partner, Unit
from bookings.requests import ReserveRequest, UnitItemRequest
from bookings.services.catalogue import (
    UnitSpecification,
    ensure_availabilities,
    ensure_option,
    ensure_partner,
    ensure_product,
    ensure_supplier,
)
from gateways.errors import ErrorCode
from gateways.models import GatewayAccount
from gateways.protocol import Decline, Outcome, OutcomeKind, Reference
from money import Money
from payments.models import AccountRoute, EventSource, LedgerEntry, Opening, Payment, Transaction
from payments.services import reserving
from payments.services.collecting import NO_REQUEST, PaymentRequest
from payments.services.transitions import Applied, apply_outcome
from tests.remembered import remembered

METHODS = ["DIRECT", "WHOLESALE", "VOUCHER", "DEFERRED", "DEPOSIT"]
RETURN_URL = "https://shop.example.com/return"


class Clock:
    """Be a clock that tests move by hand; it starts at the real time so that a gateway's own clock agrees."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **delta: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(**delta)
        return self.now


@dataclass(kw_only=True)
class House:
    """Be the operator; adults cost 45.00 EUR, 50.00 USD or 7500 JPY."""

    partner: Partner
    other_partner: Partner
    option: Option
    adult: Unit
    accounts: dict[str, GatewayAccount]
    availability_id: str
    clock: Clock = field(default_factory=Clock)
    told: int = 0

    def request(self, adults: int = 2, **fields: Any) -> ReserveRequest:
        """Ask for seats on the departure of the day after tomorrow."""
        wish: dict[str, Any] = {
            "product_id": str(self.option.product_id),
            "option_id": str(self.option.pk),
            "availability_id": self.availability_id,
            "unit_items": tuple(UnitItemRequest(unit_id=str(self.adult.pk)) for _ in range(adults)),
            "return_url": RETURN_URL,
            **fields,
        }
        return ReserveRequest(**wish)

    def reserve(
        self,
        adults: int = 2,
        *,
        payment_request: PaymentRequest | None = NO_REQUEST,
        is_live: bool = True,
        partner: Partner | None = None,
        **fields: Any,
    ) -> Booking:
        """Hold seats through the core, with a payment prepared unless `payment_request` is None."""
        reservation = reserving.reserve_booking(
            partner=partner or self.partner,
            is_live=is_live,
            request=self.request(adults, **fields),
            payment_request=payment_request,
            clock=self.clock,
        )
        return reservation.booking

    def payment(self, adults: int = 2, *, account: str = "adyen-eu", **fields: Any) -> Payment:
        """Return a payment of a new hold, without a return URL and so without a session."""
        currency = "USD" if account == "adyen-us" else "EUR"
        booking = self.reserve(adults, return_url=None, currency=currency, **fields)
        return Payment.objects.get(order=booking.order, superseded_at__isnull=True)

    def opening(self, payment: Payment, *, reference: str = "CS1", amount_minor: int | None = None) -> Opening:
        """Return an Opening a guest could pay, as if a gateway had opened it."""
        return Opening.objects.create(
            payment=payment,
            account=payment.account,
            reference=f"cpo_{reference}_{payment.number}",
            idempotency_key=f"cpo_{reference}_{payment.number}",
            gateway_reference=f"{reference}{payment.number}",
            status="OPEN",
            amount_minor=amount_minor or payment.amount_minor,
            surcharge_minor=0 if amount_minor else payment.surcharge_minor,
            currency=payment.currency,
            return_url=RETURN_URL,
            expires_at=self.clock() + timedelta(hours=1),
            created_at=self.clock(),
        )

    def tell(self, payment: Payment, kind: OutcomeKind, psp: str, **fields: Any) -> Applied:
        """Take in one word of the gateway, a second later than the one before unless `occurred_at` says otherwise."""
        return apply_outcome(
            account=payment.account,
            outcome=self.word(payment, kind, psp, **fields),
            source=fields.get("source", EventSource.WEBHOOK),
            now=self.clock(),
        )

    def word(
        self,
        payment: Payment,
        kind: OutcomeKind,
        psp: str,
        *,
        minor: int | None = None,
        currency: str | None = None,
        of: str | None = None,
        ours: str | None = None,
        key: str | None = None,
        occurred_at: datetime | None = None,
        **_: Any,
    ) -> Outcome:
        """Return one word of the gateway about the payment; `of` names the gateway's payment it belongs to."""
        self.told += 1
        opening = payment.openings.order_by("-created_at").first()
        is_refusal = kind is OutcomeKind.DECLINED
        return Outcome(
            kind=kind,
            reference=Reference(
                ours=ours or (opening.reference if opening else None), gateway=psp, payment=of or psp, opening=None
            ),
            event_key=key or f"{psp}:{kind}",
            occurred_at=occurred_at or self.clock() + timedelta(seconds=self.told),
            money=Money(minor if minor is not None else payment.amount_minor, currency or payment.currency),
            decline=Decline(code=ErrorCode.CREDIT_LIMIT_EXCEEDED, raw_code="12", raw_text="Not enough balance")
            if is_refusal
            else None,
        )

    def paid(self, payment: Payment, psp: str = "PSP1") -> Payment:
        """Let a guest pay the payment in an Opening, and return it as it stands then."""
        self.opening(payment)
        self.tell(payment, OutcomeKind.AUTHORIZED, psp)
        payment.refresh_from_db()
        return payment


def books(order: Order) -> dict[str, int]:
    """Return what the ledger moved for an order, by transfer, in minor units."""
    sums: dict[str, int] = {}
    for entry in LedgerEntry.objects.filter(order=order):
        key = f"{entry.from_account}>{entry.to_account}"
        sums[key] = sums.get(key, 0) + entry.amount_minor
    return sums


def operations(order: Order) -> list[tuple[str, str, str, int]]:
    """Return the operations of an order, oldest first."""
    rows = Transaction.objects.filter(order=order).order_by("requested_at", "reference")
    return [(row.kind, row.origin, row.status, row.amount_minor) for row in rows]


def build_house() -> House:
    """Build the operator, its catalogue, two partners, the accounts and their routes; its clock starts now."""
    return replace(_built(), clock=Clock())


@remembered
def _built() -> House:
    clock = Clock()
    supplier = ensure_supplier(name="Spree Kanal Touren", country_code="DE", email="office@example.com")
    product = ensure_product(
        supplier=supplier,
        reference="kayak",
        name="Kayak tour on the Spree",
        time_zone="Europe/Berlin",
        availability_type="START_TIME",
        default_currency="EUR",
        delivery_formats=["QRCODE"],
        delivery_methods=["VOUCHER", "TICKET"],
        settlement_methods=METHODS,
        deposit_percent=20,
        tax_name="VAT",
        tax_basis_points=1900,
    )
    option = ensure_option(
        product=product,
        reference="english",
        name="English guide",
        is_default=True,
        local_start_times=["10:00"],
        units=[
            UnitSpecification(
                reference="adult",
                name="Adult",
                type="ADULT",
                prices=(("EUR", 5000, 4500, 3825), ("USD", 5500, 5000, 4250), ("JPY", 8000, 7500, 6375)),
            )
        ],
    )
    day = clock().date() + timedelta(days=3)
    departure = _departure(option, day, clock())
    partner = ensure_partner(slug="nordwind-reisen", name="Nordwind Reisen", settlement_methods=METHODS)
    other = ensure_partner(slug="blue-harbor", name="Blue Harbor Travel", settlement_methods=["DIRECT"])
    accounts = {
        "adyen-eu": _account("adyen-eu", "adyen", ["EUR", "JPY"], ["ECOM", "MOTO"]),
        "adyen-us": _account("adyen-us", "adyen", ["USD"], ["ECOM"], captures_at_once=False),
        "adyen-test": _account("adyen-test", "adyen", ["EUR", "USD", "JPY"], ["ECOM"]),
        "external": _account("external", "external", ["EUR", "USD", "JPY"], ["ECOM", "POS", "MOTO"]),
    }
    for slug, account in accounts.items():
        is_live = slug != "adyen-test"
        for each in (partner, other):
            if slug == "external" and each is other:
                continue
            AccountRoute.objects.get_or_create(
                partner=each, account=account, is_live=is_live, defaults={"rank": 90 if slug == "external" else 10}
            )
    return House(
        partner=partner,
        other_partner=other,
        option=option,
        adult=option.units.get(),
        accounts=accounts,
        availability_id=departure,
        clock=clock,
    )


def _departure(option: Option, day: date, now: datetime) -> str:
    availability = ensure_availabilities(option=option, from_date=day, days=1, capacity=100, now=now)[0]
    from zoneinfo import ZoneInfo

    return availability.starts_at.astimezone(ZoneInfo("Europe/Berlin")).isoformat()


def _account(slug: str, gateway: str, currencies: list[str], sources: list[str], **fields: Any) -> GatewayAccount:
    account, _ = GatewayAccount.objects.get_or_create(
        slug=slug,
        defaults={
            "name": slug,
            "gateway": gateway,
            "environment": "test",
            "currencies": currencies,
            "sources": sources,
            **fields,
        },
    )
    return account
