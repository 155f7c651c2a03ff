"""Adyen's JSON and our dataclasses, for Checkout v72: what we ask, and what is answered."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateways.adapters.adyen.refusals import TOKEN_IS_GONE, decline_of, text_of
from gateways.errors import AnswerLost, ErrorCode, Rejected
from gateways.exponents import Exponents
from gateways.protocol import (
    Action,
    Card,
    ChargeRequest,
    CompleteRequest,
    Decline,
    Opened,
    OpenRequest,
    Outcome,
    OutcomeKind,
    Reference,
    Source,
)
from gateways.scrubbing import mask_numbers, scrub
from money import Money, MoneyError

SLUG = "adyen"

# Inferred from Adyen's samples. The library pastes path arguments into the URL as they are, so nothing else may pass.
SESSION_ID = re.compile(r"CS[0-9A-Za-z]{8,40}")
PSP_REFERENCE = re.compile(r"[A-Z0-9]{16}")
TOKEN = re.compile(r"[A-Za-z0-9]{1,64}")

_BLANKED = """
x-api-key authorization number cardNumber cvc cvv encryptedCard encryptedCardNumber encryptedExpiryMonth
encryptedExpiryYear encryptedSecurityCode holderName cardHolderName sessionData sessionResult redirectResult
threeDSResult paymentData paRes md storedPaymentMethodId recurringDetailReference tokenization.storedPaymentMethodId
recurring.recurringDetailReference hmacSignature shopperEmail shopperIP shopperName telephoneNumber dateOfBirth
socialSecurityNumber billingAddress deliveryAddress iban ibanNumber bankAccount newBankAccountNumber
newBankLocationId newBranchCode networkTxReference
"""
SECRET_FIELDS = frozenset(_BLANKED.split())
# What is worth keeping of `additionalData`; everything else there may be anything, so it is not stored.
_KEPT_NAMES = """
arn authCode avsResult cardBin cardIssuingCountry cardPaymentMethod cardSummary captureMerchantReference
capturePspReference chargebackReasonCode chargebackSchemeCode checkoutSessionId cvcResult defendable
defensePeriodEndsAt disputeStatus autoDefended expiryDate fundingSource grossCurrency grossValue liabilityShift
merchantAdviceCode merchantOrderReference modification.action modificationMerchantReferences nofReasonCode
nofSchemeCode paymentMethodVariant refusalReasonRaw tokenization.store.operationType
"""
_KEPT_ADDITIONAL = frozenset(_KEPT_NAMES.split())
# Source: Adyen docs, "Currency codes and minor units": CLP, CVE, IDR and ISK differ from the standard; of BIF the
# pages contradict each other.
EXPONENTS = Exponents(differing={"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}, unknown=frozenset({"BIF"}))
INTERACTIONS = {Source.ECOM: "Ecommerce", Source.MOTO: "Moto", Source.POS: "POS"}
# Consent is asked for, and charges are made, without a fixed day or amount. Source: Adyen docs, "Tokenization".
MERCHANT_INITIATED = "UnscheduledCardOnFile"
_CHANNELS = {"web": "Web", "ios": "iOS", "android": "Android"}
_ACTION_RESULTS = frozenset({"RedirectShopper", "IdentifyShopper", "ChallengeShopper"})


def event_key(event_code: str, psp_reference: str, *, success: bool, at: str = "") -> str:
    """Return the key under which an answer, a poll and a webhook of one fact meet."""
    return ":".join(part for part in (event_code, psp_reference, "true" if success else "false", at) if part)


def amount_of(money: Money) -> dict[str, Any]:
    """Return an amount as Adyen counts it.

    :raises Rejected: Adyen cannot be told this amount exactly.
    """
    try:
        return {"currency": money.currency, "value": EXPONENTS.minor_of(money)}
    except MoneyError as problem:
        raise Rejected(f"adyen: {problem}") from None


def money_of(amount: object) -> Money | None:
    """Return Adyen's amount as money; None when it is no amount, or one we cannot hold exactly."""
    if not isinstance(amount, Mapping):
        return None
    value, currency = amount.get("value"), amount.get("currency")
    if type(value) is not int or not isinstance(currency, str):
        return None
    try:
        return EXPONENTS.money_of(value, currency)
    except MoneyError:
        return None


def session_request(request: OpenRequest, merchant_account: str) -> dict[str, Any]:
    """Build POST /sessions.

    A sale asks for capture without delay. Otherwise `manualCapture` is set, so that an account whose default is
    automatic capture cannot take money before the booking is confirmed.
    """
    channel = _CHANNELS.get(request.channel.casefold())
    if channel is None:
        raise Rejected("adyen: the channel must be Web, iOS or Android")
    body: dict[str, Any] = {
        "amount": amount_of(request.money),
        "merchantAccount": merchant_account,
        "reference": request.reference,
        "returnUrl": request.return_url,
        "channel": channel,
        "shopperInteraction": INTERACTIONS[request.source],
        "expiresAt": request.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **capture_wish(captures_at_once=request.captures_at_once),
    }
    optional = {
        "countryCode": request.country_code.upper(),
        "shopperLocale": request.locale.replace("_", "-"),
        "shopperEmail": request.email,
        "shopperReference": request.shopper_reference,
    }
    body.update({name: value for name, value in optional.items() if value})
    if request.is_hosted:
        body["mode"] = "hosted"
    if request.stores_card and request.shopper_reference:
        body["storePaymentMethodMode"] = "askForConsent"
        body["recurringProcessingModel"] = MERCHANT_INITIATED
    return body


def modification_request(merchant_account: str, reference: str, money: Money | None = None) -> dict[str, Any]:
    """Build a capture, cancel, refund or reversal."""
    body: dict[str, Any] = {"merchantAccount": merchant_account, "reference": reference}
    if money is not None:
        body["amount"] = amount_of(money)
    return body


def opened_of(answer: Mapping[str, Any], request: OpenRequest, client: Mapping[str, Any]) -> Opened:
    """Read the answer to POST /sessions.

    :raises AnswerLost: it is not the session we asked for.
    """
    session_id = answer.get("id")
    # A hosted session is paid at its url, and Drop-in never sees its data.
    needed = answer.get("url" if request.is_hosted else "sessionData")
    if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id) or not isinstance(needed, str):
        raise AnswerLost("adyen open: the answer holds no session")
    if money_of(answer.get("amount")) != request.money or answer.get("reference") != request.reference:
        raise AnswerLost("adyen open: the answer is about another payment")
    # Both addresses may let whoever knows them see what a guest has to pay.
    told = {name: value for name, value in answer.items() if name not in ("url", "returnUrl")}
    if request.is_hosted:
        if not needed.startswith(("https://", "http://")):
            raise AnswerLost("adyen open: the page of the session has no address")
        return Opened(
            gateway_reference=session_id,
            expires_at=when(answer.get("expiresAt")) or request.expires_at,
            client={},
            redirect_url=needed,
            raw=kept(told),
        )
    return Opened(
        gateway_reference=session_id,
        expires_at=when(answer.get("expiresAt")) or request.expires_at,
        client={**client, "session": {"id": session_id, "sessionData": needed}},
        raw=kept(told),
    )


def charged_of(answer: Mapping[str, Any], request: ChargeRequest) -> Outcome:
    """Read the answer to POST /payments; a refusal comes as HTTP 200.

    :raises AnswerLost: the answer does not say what happened.
    """
    result, psp_reference = answer.get("resultCode"), answer.get("pspReference")
    if not isinstance(result, str) or not isinstance(psp_reference, str) or not psp_reference:
        raise AnswerLost("adyen charge: the answer has no result")
    return attempt_of(answer, result, psp_reference, request)


def attempt_of(
    answer: Mapping[str, Any], result: str, psp_reference: str, request: ChargeRequest | CompleteRequest
) -> Outcome:
    """Read what an answer says of an attempt; one that waits for its guest may yet be decided under another name.

    :raises AnswerLost: the answer does not say what happened.
    """
    reference = Reference(ours=request.reference, gateway=psp_reference, payment=psp_reference)
    kind, decline, action, key = OutcomeKind.PENDING, None, None, f"payment:{psp_reference}:{result}"
    money: Money | None = request.money
    match result:
        case "Authorised" | "PartiallyAuthorised":
            kind, key = OutcomeKind.AUTHORIZED, event_key("AUTHORISATION", psp_reference, success=True)
            if "amount" in answer or result == "PartiallyAuthorised":
                money = money_of(answer.get("amount"))
                if money is None:
                    raise AnswerLost("adyen charge: the answer does not say how much was authorized")
        case "Refused" | "Cancelled" | "Error":
            kind, key = OutcomeKind.DECLINED, event_key("AUTHORISATION", psp_reference, success=False)
            decline = decline_of(
                str(answer.get("refusalReasonCode", "")), answer.get("refusalReason"), is_error=result == "Error"
            )
        case _ if result in _ACTION_RESULTS:
            kind, action = OutcomeKind.ACTION_REQUIRED, _action_of(answer.get("action"))
            reference = Reference(ours=request.reference)
    return Outcome(
        kind=kind,
        reference=reference,
        event_key=key,
        occurred_at=request.requested_at,
        money=money,
        decline=decline,
        action=action,
        card=card_of(answer.get("additionalData"), answer.get("paymentMethod")),
        raw=kept(answer),
    )


def refused_card(
    request: ChargeRequest, code: ErrorCode, error_code: str, psp_reference: str | None, message: object
) -> Outcome:
    """Say that Adyen would not even try a card (HTTP 400 or 422): nothing was charged."""
    return Outcome(
        kind=OutcomeKind.DECLINED,
        reference=Reference(ours=request.reference, gateway=psp_reference, payment=psp_reference),
        event_key=f"refused:{request.reference}:{error_code}",
        occurred_at=request.requested_at,
        money=request.money,
        decline=Decline(
            code=code,
            raw_code=error_code,
            raw_text=text_of(message),
            is_card_gone=error_code in TOKEN_IS_GONE,
        ),
        raw={"errorCode": error_code, "message": text_of(message)},
    )


def session_result_of(answer: Mapping[str, Any], request: CompleteRequest) -> tuple[Outcome, ...]:
    """Read the answer to GET /sessions/{id}: one outcome per payment, or one about the session itself.

    :raises AnswerLost: it is about another session, or says nothing.
    """
    status = answer.get("status")
    if answer.get("id") != request.opening_reference or not isinstance(status, str):
        raise AnswerLost("adyen complete: the answer is about no session of ours")
    if answer.get("reference", request.reference) != request.reference:
        raise AnswerLost("adyen complete: the answer is about another payment")
    payments = [payment for payment in answer.get("payments") or () if isinstance(payment, Mapping)]
    outcomes = tuple(_paid_in_session(payment, request) for payment in payments)
    if outcomes or status == "active":
        return outcomes
    kind, decline = OutcomeKind.PENDING, None
    if status == "refused":
        kind, decline = (
            OutcomeKind.DECLINED,
            Decline(code=ErrorCode.TRANSACTION_DECLINED, raw_code=status, raw_text="The session was refused"),
        )
    elif status in ("canceled", "expired"):
        kind = OutcomeKind.EXPIRED
    return (
        Outcome(
            kind=kind,
            reference=Reference(ours=request.reference, opening=request.opening_reference),
            event_key=f"session:{request.opening_reference}:{status}",
            occurred_at=request.requested_at,
            decline=decline,
            raw=kept(answer),
        ),
    )


def received_of(
    answer: Mapping[str, Any],
    event_code: str,
    payment_reference: str,
    reference: str,
    requested_at: datetime,
    money: Money | None,
) -> Outcome:
    """Read the answer to a modification: "received" is not done, the webhook with this pspReference decides.

    :raises AnswerLost: Adyen does not say that it received it.
    """
    psp_reference = answer.get("pspReference")
    if answer.get("status") != "received" or not isinstance(psp_reference, str) or not psp_reference:
        raise AnswerLost(f"adyen {event_code.lower()}: the answer does not say that it was received")
    if answer.get("paymentPspReference", payment_reference) != payment_reference:
        raise AnswerLost(f"adyen {event_code.lower()}: the answer is about another payment")
    return Outcome(
        kind=OutcomeKind.PENDING,
        reference=Reference(ours=reference, gateway=psp_reference, payment=payment_reference),
        event_key=f"{event_code}:{psp_reference}:received",
        occurred_at=requested_at,
        money=money,
        raw=kept(answer),
    )


def card_of(additional: object, payment_method: object) -> Card | None:
    """Describe the card, and its token where the guest let it be stored.

    In a webhook these fields are not signed. Adyen refuses a token under any shopper reference but its own, so a charge
    that uses the shopper reference we keep ourselves cannot reach another guest's card, whatever was written here.
    """
    extra = additional if isinstance(additional, Mapping) else {}
    brand = payment_method.get("brand") if isinstance(payment_method, Mapping) else payment_method
    last4, bin_number = str(extra.get("cardSummary") or ""), str(extra.get("cardBin") or "")
    expiry = re.fullmatch(r"(0?[1-9]|1[0-2])/(20[0-9]{2})", str(extra.get("expiryDate") or ""))
    token = extra.get("tokenization.storedPaymentMethodId") or extra.get("recurring.recurringDetailReference")
    shopper = extra.get("tokenization.shopperReference") or extra.get("recurring.shopperReference")
    has_token = isinstance(token, str) and TOKEN.fullmatch(token) is not None
    card = Card(
        brand=mask_numbers(brand)[:40] if isinstance(brand, str) else "",
        last4=last4 if re.fullmatch(r"[0-9]{4}", last4) else "",
        bin=bin_number if re.fullmatch(r"[0-9]{6,8}", bin_number) else "",
        expiry_month=int(expiry[1]) if expiry else None,
        expiry_year=int(expiry[2]) if expiry else None,
        token=str(token) if has_token else None,
        shopper_reference=str(shopper) if has_token and shopper else None,
    )
    return card if card != Card() else None


def when(text: object) -> datetime | None:
    """Read a time with an offset; None when it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def kept(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be stored of a message of Adyen's."""
    found: dict[str, Any] = scrub(message, SECRET_FIELDS)
    additional = message.get("additionalData")
    if isinstance(additional, Mapping):
        found["additionalData"] = scrub(
            {name: value for name, value in additional.items() if name in _KEPT_ADDITIONAL}, SECRET_FIELDS
        )
    found.pop("action", None)
    return found


def capture_wish(*, captures_at_once: bool) -> dict[str, Any]:
    """Say when the money is to be taken, whatever the account's own setting is."""
    return {"captureDelayHours": 0} if captures_at_once else {"additionalData": {"manualCapture": "true"}}


def _paid_in_session(payment: Mapping[str, Any], request: CompleteRequest) -> Outcome:
    psp_reference, result, money = (
        payment.get("pspReference"),
        payment.get("resultCode"),
        money_of(payment.get("amount")),
    )
    if not isinstance(psp_reference, str) or not psp_reference or not isinstance(result, str) or money is None:
        raise AnswerLost("adyen complete: the answer does not say what was paid")
    is_authorized = result == "Authorised"
    key = (
        event_key("AUTHORISATION", psp_reference, success=True)
        if is_authorized
        else f"payment:{psp_reference}:{result}"
    )
    return Outcome(
        kind=OutcomeKind.AUTHORIZED if is_authorized else OutcomeKind.PENDING,
        reference=Reference(
            ours=request.reference, gateway=psp_reference, payment=psp_reference, opening=request.opening_reference
        ),
        event_key=key,
        occurred_at=request.requested_at,
        money=money,
        card=card_of(None, payment.get("paymentMethod")),
        raw=kept(payment),
    )


def _action_of(action: object) -> Action:
    if not isinstance(action, Mapping):
        raise AnswerLost("adyen charge: the guest must act and the answer does not say how")
    fields = action.get("data")
    return Action(
        type=str(action.get("type", "")),
        url=str(action.get("url", "")),
        method=str(action.get("method", "GET")),
        fields={str(name): str(value) for name, value in fields.items()} if isinstance(fields, Mapping) else {},
    )
