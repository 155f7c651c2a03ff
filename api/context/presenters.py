"""Our words in this API's JSON: amounts are numbers in major units, times are UTC."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.core.signing import Signer

from api.context.models import ContextPreference, PaymentContext, PaymentProcess
from api.context.requests import CARD_METHOD_CODE, CARD_METHOD_ID, CREDIT_METHOD_ID
from api.context.results import ResultCode, message_of, result_of
from api.money_told import MoneyTold
from gateways.models import GatewayAccount
from gateways.protocol import Action
from money import Money
from payments.models import Transaction
from payments.services.card_charges import CardCharged
from payments.services.customer_credit import CreditPayment
from payments.services.tenders import Tender
from payments.splitting import Parts

_SALT = "api.context.paymentData"
_TYPE_OF_CONTEXT = {PaymentContext.BOOKINGS: "Booking", PaymentContext.CUSTOMERS: "Customer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Be where a payment is made or listed: a booking or a customer, by its number."""

    context: PaymentContext
    number: int

    @property
    def path(self) -> str:
        """Return the path of it, as hrefs have it."""
        return f"{self.context}/{self.number}"

    @property
    def booking_number(self) -> int | None:
        """Return the booking's number, where it is one."""
        return self.number if self.context == PaymentContext.BOOKINGS else None


def card_payment_fields(
    process: PaymentProcess, charged: CardCharged, *, place: Place, preference: ContextPreference, now: datetime
) -> dict[str, object]:
    """Return the answer about a payment by card, however it stands."""
    charge = charged.transaction
    result = result_of(charged, now=now)
    is_accepted = result is ResultCode.ACCEPTED
    has_number = is_accepted or result in (ResultCode.PENDING, ResultCode.UNKNOWN)
    is_redirect = result is ResultCode.REDIRECT and charged.action is not None
    return {
        "paymentReference": charge.payment.reference,
        "isSuccessfulPayment": is_accepted,
        "amountPaid": decimal(charge.parts.base_minor if is_accepted else 0, charge.currency),
        "currencyCode": charge.currency,
        "transactionDate": moment(charge.decided_at or charge.requested_at),
        "errorCode": result,
        "message": message_of(result),
        "paymentId": str(charge.number) if has_number else None,
        "paymentProcessAuditId": str(process.pk),
        "actionRequired": "Redirect" if is_redirect else "None",
        "redirectRequest": _redirect_fields(process, charged.action, preference) if is_redirect else None,
        "bookingId": place.booking_number,
    }


def credit_payment_fields(paid: CreditPayment, *, place: Place) -> dict[str, object]:
    """Return the answer about a payment by a customer's credit, which is there or was refused."""
    return {
        "paymentReference": str(paid.posting.pk),
        "isSuccessfulPayment": True,
        "amountPaid": paid.amount.major,
        "currencyCode": paid.amount.currency,
        "transactionDate": moment(paid.posting.occurred_at),
        "errorCode": ResultCode.ACCEPTED,
        "message": message_of(ResultCode.ACCEPTED),
        "paymentId": None,
        "paymentProcessAuditId": None,
        "actionRequired": "None",
        "redirectRequest": None,
        "bookingId": place.booking_number,
    }


def payment_fields(charge: Transaction, parts: Parts, *, place: Place) -> dict[str, object]:
    """Return one payment by card of a list; `parts` is what was taken or is held."""
    return {
        "currencyCode": charge.currency,
        "totalAmount": decimal(parts.base_minor + parts.donation_minor, charge.currency),
        "amount": decimal(parts.base_minor, charge.currency),
        "donationAmount": decimal(parts.donation_minor, charge.currency),
        "paymentDate": _date(charge.requested_at),
        "paymentMethod": charge.payment.account.gateway.capitalize(),
        "creditCardFeeAmount": decimal(parts.surcharge_minor, charge.currency),
        "contextType": _TYPE_OF_CONTEXT[place.context],
        "contextId": place.number,
        "id": charge.number,
        "href": f"{place.path}/payment/{charge.number}",
        "sequence": _sequence(charge.requested_at),
    }


def tender_fields(tender: Tender, currency: str, *, place: Place) -> dict[str, object]:
    """Return what one gift or credit paid, as one payment of a list; it has no number, and so no address."""
    return {
        "currencyCode": currency,
        "totalAmount": decimal(tender.amount_minor, currency),
        "amount": decimal(tender.amount_minor, currency),
        "donationAmount": decimal(0, currency),
        "paymentDate": _date(tender.paid_at),
        "paymentMethod": "Gift voucher" if tender.gift_id is not None else "Customer credit",
        "creditCardFeeAmount": decimal(0, currency),
        "contextType": _TYPE_OF_CONTEXT[place.context],
        "contextId": place.number,
        "id": None,
        "href": None,
        "sequence": _sequence(tender.paid_at),
    }


def method_fields(
    *, accounts: Sequence[GatewayAccount], credit: Money | None, currency: str, agent_id: int | None
) -> list[dict[str, object]]:
    """Return the ways to pay: by card at the first of the accounts that take one, and by credit where there is some."""
    cards = [{"id": str(CARD_METHOD_ID), "name": "Card", "uniquePaymentMethodCode": CARD_METHOD_CODE}]
    methods: list[dict[str, object]] = [
        {
            "id": str(CARD_METHOD_ID),
            "name": account.gateway.capitalize(),
            "currencyCode": currency,
            "sellingAgentId": agent_id,
            "paymentCards": cards,
            "onlineFlag": True,
            "availableAmount": None,
        }
        for account in accounts[:1]
    ]
    if credit is not None and credit.minor > 0:
        methods.append(
            {
                "id": str(CREDIT_METHOD_ID),
                "name": "Customer credit",
                "currencyCode": currency,
                "sellingAgentId": agent_id,
                "paymentCards": [],
                "onlineFlag": True,
                "availableAmount": credit.major,
            }
        )
    return methods


def money_fields(told: MoneyTold) -> dict[str, object]:
    """Return the additive `money` block of an error."""
    return {
        "moved": told.moved,
        "amount": told.amount.major if told.amount is not None else None,
        "currencyCode": told.amount.currency if told.amount is not None else None,
        "retrySafeUntil": moment(told.retry_safe_until) if told.retry_safe_until is not None else None,
        "askAgainAt": moment(told.ask_again_at) if told.ask_again_at is not None else None,
    }


def payment_data_of(process: PaymentProcess) -> str:
    """Return what is called `paymentData` where the gateway has none: it must be sent back, and says nothing."""
    return Signer(salt=_SALT).sign(str(process.pk))


def decimal(minor: int, currency: str) -> Decimal:
    """Return an amount in major units, with all the decimals of its currency."""
    return Money(minor, currency).major


def moment(at: datetime) -> str:
    """Return a time as 2019-01-29 21:50:15, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _date(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def _sequence(at: datetime) -> str:
    """Return what payments can be sorted by: the time, to a tenth of a millisecond; as a text, for it has 18 digits."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y%m%d%H%M%S}{utc.microsecond // 100:04d}"


def _redirect_fields(
    process: PaymentProcess, action: Action | None, preference: ContextPreference
) -> dict[str, object]:
    assert action is not None
    told: Mapping[str, str] = action.fields
    payment_data = told.get("paymentData") or payment_data_of(process)
    words = {**told, "paymentData": payment_data, "url": action.url, "method": action.method}
    pairs = [{"key": key, "value": value} for key, value in words.items()]
    return {
        "data": pairs if preference.lists_redirect_data else json.dumps(pairs),
        "url": action.url,
        "method": action.method,
        "paymentData": payment_data,
    }
