"""Viva's JSON and our dataclasses: what we ask, and what is answered to an order, a charge, a capture, a reversal."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateways.adapters.viva.currencies import asked_of, money_of
from gateways.adapters.viva.refusals import decline_of, event_id_of, text_of
from gateways.adapters.viva.transactions import SECRET_FIELDS as SECRET_FIELDS
from gateways.adapters.viva.transactions import code_of, kept, lowered, uuid_of
from gateways.errors import AnswerLost, Busy, Rejected
from gateways.protocol import CaptureRequest, ChargeRequest, OpenRequest, Outcome, OutcomeKind, Reference, Source
from money import Money

SLUG = "viva"
_LANGUAGE = re.compile(r"[a-z]{2}-[A-Z]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
# The three switches of Settings > API Access answer so where they are off. Source: VivaPayments/API, issue 1099.
_TURNED_OFF = 403


def order_request(request: OpenRequest, *, source_code: str, now: datetime) -> dict[str, Any]:
    """Build POST /checkout/v2/orders.

    Recurring and pre-authorization exclude each other at Viva, so a card is kept only where money is taken at once.
    Payment in cash is paid days later somewhere else, which no booking waits for.

    :raises Rejected: Viva cannot be asked for this.
    """
    if request.source is not Source.ECOM:
        raise Rejected("viva open: guests pay on Viva's page; a terminal, phone or mail has none")
    seconds = int((request.expires_at - now).total_seconds())
    if seconds < 1:
        raise Rejected("viva open: the order would be over before it began")
    amount, number = asked_of(request.money)
    language = request.locale.replace("_", "-")
    customer = {
        "email": request.email,
        "countryCode": request.country_code.upper() if _COUNTRY.fullmatch(request.country_code.upper()) else "",
        "requestLang": language if _LANGUAGE.fullmatch(language) else "",
    }
    body: dict[str, Any] = {
        "amount": amount,
        "currencyCode": number,
        "merchantTrns": request.reference,
        "sourceCode": source_code,
        "paymentTimeout": seconds,
        "preauth": not request.captures_at_once,
        "allowRecurring": request.stores_card and request.captures_at_once,
        "disableCash": True,
    }
    if given := {name: value for name, value in customer.items() if value}:
        body["customer"] = given
    return body


def order_code_of(answer: Mapping[str, Any]) -> str:
    """Read the answer to POST /checkout/v2/orders.

    :raises AnswerLost: it holds no order.
    """
    found = lowered(answer)
    code = code_of(found.get("ordercode"))
    if code is None or found.get("errorcode", 0) not in (0, None):
        raise AnswerLost("viva open: the answer holds no order")
    return code


def charge_request(request: ChargeRequest, *, source_code: str) -> dict[str, Any]:
    """Build POST /api/transactions/{id} for a charge of the card that paid that transaction."""
    amount, number = asked_of(request.money)
    return {
        "amount": amount,
        "currencyCode": number,
        "merchantTrns": request.reference,
        "sourceCode": source_code,
    }


def capture_request(request: CaptureRequest, *, source_code: str) -> dict[str, Any]:
    """Build POST /api/transactions/{id} for a capture of that hold, which is in the hold's currency."""
    amount, _ = asked_of(request.money)
    return {"amount": amount, "merchantTrns": request.reference, "sourceCode": source_code}


def reversal_query(money: Money | None, *, source_code: str, reference: str) -> dict[str, str]:
    """Build the query of DELETE /api/transactions/{id}; without an amount all of it goes back.

    `merchantTrns` is not in Viva's docs for this call and does no harm: where it is echoed, an operation whose answer
    was lost can be found again.
    """
    query = {"sourceCode": source_code, "merchantTrns": reference}
    if money is not None:
        amount, number = asked_of(money)
        query = {"amount": str(amount), "currencyCode": number, **query}
    return query


def answered_of(
    answer: Mapping[str, Any],
    *,
    operation: str,
    done: OutcomeKind,
    failed: OutcomeKind,
    reference: str,
    payment: str | None,
    money: Money | None,
    requested_at: datetime,
) -> Outcome:
    """Read the answer to a charge, capture or reversal; it comes with HTTP 200 whether it worked or not.

    `payment` is None for a charge, which is a payment of its own.

    :raises Rejected: Viva would not do it, because of us or the account's settings.
    :raises AnswerLost: the answer does not say what happened.
    """
    found = lowered(answer)
    status, identity = found.get("statusid"), uuid_of(found.get("transactionid"))
    error, event = found.get("errorcode"), event_id_of(found.get("eventid"))
    is_fine = found.get("success") is True and error in (0, None)
    if is_fine and identity is not None and status in ("F", "A"):
        told = money_of(found.get("amount"), found.get("currencycode"))
        if found.get("amount") is None:
            told = money
        elif told is None:
            raise AnswerLost(f"viva {operation}: the answer does not say how much it was")
        return Outcome(
            kind=done if status == "F" else OutcomeKind.PENDING,
            reference=Reference(ours=reference, gateway=identity, payment=payment or identity),
            event_key=identity,
            occurred_at=requested_at,
            money=told,
            raw=kept(answer),
        )
    if found.get("success") is not False or is_fine:
        raise AnswerLost(f"viva {operation}: the answer does not say what happened")
    said = f"viva {operation}: error {error if type(error) is int else '?'}"
    if status == "E" and (identity is not None or event not in ("", "0")):
        # Where the card is what was charged, a refusal is its bank's; otherwise the processor's. Both are data.
        return Outcome(
            kind=failed,
            reference=Reference(ours=reference, gateway=identity, payment=payment or identity),
            event_key=identity or f"{reference}:refused",
            occurred_at=requested_at,
            money=money,
            decline=decline_of(event, found.get("errortext")),
            raw=kept(answer),
        )
    if error == 429:
        raise Busy(said)
    if error == _TURNED_OFF:
        raise Rejected(f"{said}: turned off under Settings > API Access ({text_of(found.get('errortext'))[:160]})")
    if type(error) is int and 400 <= error < 500:
        raise Rejected(f"{said} ({text_of(found.get('errortext'))[:160]})")
    raise AnswerLost(said)
