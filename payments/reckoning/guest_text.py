"""The same for the guest: a text to be sent, in the guest's language, without our references and words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.template.loader import render_to_string
from django.utils import timezone, translation

from bookings.gift_codes import masked_code
from bookings.mailing import mail_language
from bookings.money_words import in_words
from bookings.rules import LIVE_STATUSES
from money import Money
from payments.models import LedgerAccount, LedgerEntry
from payments.reckoning.figures import Reckoning
from payments.reckoning.rows import Rows
from payments.states import OperationKind

_PARTS = (LedgerAccount.RECEIVABLE, LedgerAccount.SURCHARGE, LedgerAccount.DONATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Be one payment or repayment as the guest knows it; `by` is gift, credit, card, elsewhere or bank."""

    at: datetime
    minor: int
    amount: str
    by: str
    name: str


def guest_text(rows: Rows, reckoning: Reckoning, *, language: str) -> str:
    """Return what a guest is told: what was booked, what was paid and given back, and what is still to pay."""

    def words(minor: int) -> str:
        return in_words(Money(minor, rows.order.currency))

    with translation.override(language):
        movements = _movements(rows)
        due, added = reckoning.minor("balance"), reckoning.minor("surcharge")
        text = render_to_string(
            "emails/balance_explained/body.txt",
            {
                "reference": rows.order.reference,
                "bookings": [
                    {
                        "product": booking.product.name,
                        "reference": booking.reference,
                        "price": words(booking.retail_minor),
                        "is_cancelled": booking.status not in LIVE_STATUSES,
                    }
                    for booking in rows.bookings
                ],
                "taken": [movement for movement in movements if movement.minor > 0],
                "returned": [movement for movement in movements if movement.minor < 0],
                "pending": words(abs(reckoning.minor("pending"))) if reckoning.minor("pending") else "",
                "due": words(due) if due else "",
                "with_surcharge": words(due + added) if added else "",
            },
        )
    return f"{text.strip()}\n"


def language_of(rows: Rows) -> str:
    """Return the language in which the order's guest is written to."""
    return mail_language(*(locale for booking in rows.bookings for locale in booking.contact_locales))


def _movements(rows: Rows) -> list[Movement]:
    """Return what moved, one line for all parts of one cause, oldest first."""
    sums: dict[tuple[object, ...], tuple[LedgerEntry, int]] = {}
    for entry in rows.entries:
        minor = _worth(entry)
        if minor:
            key = (entry.posting_id, entry.transaction_id, entry.gift_id)
            sums[key] = (entry, sums[key][1] + minor if key in sums else minor)
    return [_movement(rows, entry, minor) for entry, minor in _in_order(sums.values()) if minor]


def _in_order(found: Iterable[tuple[LedgerEntry, int]]) -> list[tuple[LedgerEntry, int]]:
    return sorted(found, key=lambda each: (each[0].posting.occurred_at, each[0].pk))


def _worth(entry: LedgerEntry) -> int:
    """Return what an entry brought of the guest's money; a chargeback took it through DISPUTED."""
    sign = (entry.from_account in _PARTS) - (entry.to_account in _PARTS)
    disputed = (entry.from_account == LedgerAccount.DISPUTED) - (entry.to_account == LedgerAccount.DISPUTED)
    return (sign or disputed) * entry.amount_minor


def _movement(rows: Rows, entry: LedgerEntry, minor: int) -> Movement:
    row = entry.transaction
    by, name = "card", ""
    if entry.gift is not None:
        by, name = "gift", masked_code(entry.gift)
    elif entry.customer_id is not None:
        by = "credit"
    elif row is not None and row.kind == OperationKind.CHARGEBACK:
        by = "bank"
    elif LedgerAccount.EXTERNAL in (entry.from_account, entry.to_account):
        by = "elsewhere"
    elif row is not None:
        name = row.card_text
    return Movement(
        at=timezone.localtime(entry.posting.occurred_at),
        minor=minor,
        amount=in_words(Money(abs(minor), rows.order.currency)),
        by=by,
        name=name,
    )
