"""Why the last attempt was refused, and what to tell the guest."""

from dataclasses import dataclass

from gateways.errors import ErrorCode
from payments.admin.answer import day_text
from payments.admin.columns import money_text, page_of
from payments.admin.history import History
from payments.selectors import CHARGE_KINDS
from payments.services.advising import Advice, advice_for
from payments.states import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Be a refused attempt: what was tried, our code, the gateway's own words, and what follows from them.

    `is_over` says that the guest has paid since, or money is held: nothing is to be tried any more.
    """

    what: str
    url: str
    code: str
    raw: str
    advice: Advice
    others: int
    is_over: bool


def last_refusal(history: History) -> Refusal | None:
    """Return the newest refused attempt to take money, with how many others there were; None where none was refused."""
    payment = history.payment
    refused = [row for row in history.operations.values() if row.kind in CHARGE_KINDS and row.status == Status.FAILED]
    if not refused:
        return None
    last = max(refused, key=lambda row: row.requested_at)
    card = f" from {last.card_text}" if last.card_text else ""
    return Refusal(
        what=f"{money_text(last.amount_minor, last.currency)}{card} on {day_text(history.told_at(last))}",
        url=page_of(last),
        code=last.error_code,
        raw=" ".join(filter(None, [last.raw_code, last.raw_text])) or "nothing more was said",
        advice=advice_for(
            gateway=payment.account.gateway, error_code=ErrorCode(last.error_code), raw_code=last.raw_code
        ),
        others=len(refused) - 1,
        is_over=bool(payment.captured_minor or payment.authorized_minor),
    )
