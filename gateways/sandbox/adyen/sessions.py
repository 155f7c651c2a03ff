"""Payment sessions: made by the merchant, paid by the shopper, asked about with a `sessionResult`."""

import base64
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gateways.sandbox.adyen import payments, requests
from gateways.sandbox.adyen.books import RESULTS, SESSIONS, Books, stamp
from gateways.sandbox.adyen.errors import ApiError, invalid
from gateways.sandbox.adyen.question import Question
from gateways.sandbox.adyen.validation import check, read_moment
from gateways.sandbox.processor import Answer
from gateways.sandbox.store import Document

LIVES = timedelta(hours=1)
LIVES_AT_MOST = timedelta(hours=24)
# So many refused attempts end a session.
REFUSALS_ALLOWED = 4
ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to pay a session; `session_result` is None while the shopper is at a challenge."""

    payment: Document
    session_result: str | None


def create(books: Books, question: Question) -> Answer:
    """Answer POST /sessions."""
    account = question.merchant()
    body = question.body
    check(body, requests.SESSION)
    _check_storing(body)
    session_id = "CS" + secrets.token_hex(11).upper()
    echoed = {**body, "expiresAt": _expiry(body.get("expiresAt"))}
    session = {
        "id": session_id,
        "merchantAccount": account.merchant_account,
        "request": echoed,
        "status": ACTIVE,
        "refusals": 0,
        "payments": [],
        "createdAt": stamp(time.time()),
    }
    books.store.put(SESSIONS, session_id, session)
    answer = {**echoed, "id": session_id, "sessionData": "Ab02b4c0!" + opaque(180)}
    if body.get("mode") == "hosted":
        answer["url"] = f"{question.call.origin}/adyen/pay/{session_id}"
    return Answer(status=201, body=answer)


def result(books: Books, question: Question) -> Answer:
    """Answer GET /sessions/{id}: what the given `sessionResult` has frozen, whatever happened since."""
    session = books.store.get(SESSIONS, question.call.parameters["id"])
    known = [account.merchant_account for account in question.accounts]
    if session is None or session["merchantAccount"] not in known:
        raise ApiError(404, "000", "Session not found", "validation")
    token = question.call.query.get("sessionResult")
    if not token:
        raise invalid("702", "Required field 'sessionResult' is not provided.")
    frozen = books.store.get(RESULTS, token)
    if frozen is None or frozen["sessionId"] != session["id"]:
        raise invalid("702", "Field 'sessionResult' is not valid.")
    return Answer(status=200, body=frozen["answer"])


def find(books: Books, session_id: str) -> Document:
    """Return a session for the page and the control API.

    :raises ApiError: 404, there is none.
    """
    session = books.store.get(SESSIONS, session_id)
    if session is None:
        raise ApiError(404, "000", "Session not found", "validation")
    return session


def status_of(session: Document) -> str:
    """Return the session's status now: an active one whose time is over has expired."""
    moment = read_moment(session["request"]["expiresAt"])
    assert moment is not None
    status: str = session["status"]
    return "expired" if status == ACTIVE and moment <= datetime.now(UTC) else status


def attempt(
    books: Books, session: Document, fields: dict[str, Any], *, gives_consent: bool, may_challenge: bool
) -> Attempt:
    """Let the shopper try to pay.

    A card that asks for 3-D Secure leads to a challenge only where a person can answer it.

    :raises ApiError: the session is over, or the card details cannot be.
    """
    _check_active(session)
    body = session["request"]
    account = books.account(session["merchantAccount"])
    assert account is not None
    interaction = body.get("shopperInteraction", "Ecommerce")
    instrument = payments.read_instrument(
        books,
        account=account,
        fields=fields,
        shopper_reference=body.get("shopperReference", ""),
        shopper_interaction=interaction,
        additional_data=body.get("additionalData"),
    )
    mode = body.get("storePaymentMethodMode", "disabled")
    stores_card = (
        mode == "enabled"
        or (mode == "askForConsent" and gives_consent)
        or bool(body.get("storePaymentMethod") or body.get("enableRecurring"))
    )
    payment = payments.start(
        books,
        account=account,
        order=payments.order_of(body, stores_card=stores_card, session_id=session["id"]),
        instrument=instrument,
        is_challenged=may_challenge and instrument.asks_3ds and interaction == "Ecommerce",
    )
    session["payments"].append(payment["pspReference"])
    books.store.put(SESSIONS, session["id"], session)
    if payment["resultCode"] == "RedirectShopper":
        return Attempt(payment, None)
    return Attempt(payment, conclude(books, session, payment))


def finish_challenge(books: Books, payment: Document, *, passed: bool) -> Attempt:
    """Decide an attempt of a session whose shopper came back from the challenge.

    :raises ApiError: the session ended in the meantime; nothing is charged.
    """
    session = find(books, payment["sessionId"])
    _check_active(session)
    payments.finish_challenge(books, payment, passed=passed)
    return Attempt(payment, conclude(books, session, payment))


def conclude(books: Books, session: Document, payment: Document) -> str:
    """Move the session on after an attempt and return a `sessionResult` for the merchant."""
    match payment["resultCode"]:
        case "Authorised":
            session["status"] = "completed"
        case "Received" | "Pending":
            session["status"] = "paymentPending"
        case _:
            session["refusals"] += 1
            if session["refusals"] >= REFUSALS_ALLOWED:
                session["status"] = "refused"
    books.store.put(SESSIONS, session["id"], session)
    return new_result(books, session)


def end(books: Books, session: Document, status: str) -> str:
    """End an active session as `expired` or `canceled` and return the `sessionResult` that says so."""
    if status_of(session) == ACTIVE:
        session["status"] = status
        books.store.put(SESSIONS, session["id"], session)
    return new_result(books, session)


def new_result(books: Books, session: Document) -> str:
    """Freeze the session's status into a new `sessionResult`."""
    answer: Document = {
        "id": session["id"],
        "status": status_of(session),
        "reference": session["request"]["reference"],
    }
    counted = []
    for psp_reference in session["payments"]:
        payment = books.payment(psp_reference)
        if payment["resultCode"] in ("Authorised", "Received", "Pending"):
            counted.append(
                {
                    "pspReference": psp_reference,
                    "resultCode": payment["resultCode"],
                    "amount": dict(payment["authorizedAmount"] or payment["amount"]),
                    "paymentMethod": {"type": "scheme", "brand": payment["card"]["brand"]},
                }
            )
    if counted:
        answer["payments"] = counted
    token = "X3XtfGC9!" + opaque(100)
    books.store.put(RESULTS, token, {"sessionId": session["id"], "answer": answer})
    return token


def settle_pending(books: Books, payment: Document) -> None:
    """Move on a session whose pending payment was decided; results given before stay frozen."""
    if not payment["sessionId"]:
        return
    session = find(books, payment["sessionId"])
    session["status"] = "completed" if payment["resultCode"] == "Authorised" else "refused"
    books.store.put(SESSIONS, session["id"], session)


def _check_active(session: Document) -> None:
    status = status_of(session)
    if status != ACTIVE:
        raise invalid("000", f"The session can no longer be paid: it is {status}")


def _check_storing(body: Document) -> None:
    stores = body.get("storePaymentMethodMode", "disabled") != "disabled" or body.get("storePaymentMethod", False)
    if stores and not (body.get("shopperReference") and body.get("recurringProcessingModel")):
        raise invalid("139", "Recurring requires shopperReference and recurringProcessingModel")


def _expiry(wanted: str | None) -> str:
    now = datetime.now(UTC)
    if wanted is None:
        return stamp((now + LIVES).timestamp())
    moment = read_moment(wanted)
    assert moment is not None
    if not now < moment <= now + LIVES_AT_MOST + timedelta(minutes=1):
        raise invalid("702", "Field 'expiresAt' is not valid: it must lie within the next 24 hours.")
    return stamp(moment.timestamp())


def opaque(size: int) -> str:
    """Return Base64 that has all three characters which need escaping in a query: + / and =."""
    while True:
        text = base64.b64encode(secrets.token_bytes(size - size % 3 + 1)).decode()
        if "+" in text and "/" in text:
            return text
