"""Adyen's JSON for a card that is charged from the server: a stored one, or one by its own details; and for what its
guest brings back from the bank.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateways.adapters.adyen.wire import INTERACTIONS, MERCHANT_INITIATED, amount_of, attempt_of, capture_wish, money_of
from gateways.errors import AnswerLost, Rejected
from gateways.protocol import (
    BillingAddress,
    BrowserInfo,
    ChargeRequest,
    CompleteRequest,
    EncryptedCard,
    Outcome,
    RawCard,
    Shopper,
    Source,
)

# POST /payments requires a returnUrl even where no guest is present to be sent back; RFC 2606 keeps this name free.
_NOBODY_RETURNS = "https://nobody-returns.invalid/"
# What a bank gives a guest to bring back: `redirectResult` today, the pair of 3-D Secure 1, the result of a component.
_PROOFS = frozenset({"redirectResult", "MD", "PaRes", "threeDSResult"})


def stored_card_request(request: ChargeRequest, merchant_account: str) -> dict[str, Any]:
    """Build POST /payments for a stored card: the guest agreed earlier and is not at the keyboard (ContAuth).

    By phone or mail the guest asks for this very charge, so that it is the guest's own use of a card on file.
    """
    is_asked_by_guest = request.source is Source.MOTO
    return {
        "amount": amount_of(request.money),
        "merchantAccount": merchant_account,
        "reference": request.reference,
        "returnUrl": request.return_url or _NOBODY_RETURNS,
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": request.card_token},
        "shopperReference": request.shopper_reference,
        "shopperInteraction": "Moto" if is_asked_by_guest else "ContAuth",
        "recurringProcessingModel": "CardOnFile" if is_asked_by_guest else MERCHANT_INITIATED,
        **capture_wish(captures_at_once=request.captures_at_once),
    }


def card_request(request: ChargeRequest, merchant_account: str) -> dict[str, Any]:
    """Build POST /payments for a card by its details.

    Where the guest's browser is known and has somewhere to come back to, the bank may ask for a proof, on a page the
    guest is sent to (no component of Adyen's runs in a page of ours). Elsewhere nobody could act on it.
    """
    assert request.card is not None
    shopper = request.shopper or Shopper()
    body: dict[str, Any] = {
        "amount": amount_of(request.money),
        "merchantAccount": merchant_account,
        "reference": request.reference,
        "returnUrl": request.return_url or _NOBODY_RETURNS,
        "paymentMethod": _payment_method(request.card),
        "shopperInteraction": INTERACTIONS[request.source],
        **capture_wish(captures_at_once=request.captures_at_once),
    }
    optional = {
        "shopperIP": shopper.ip,
        "shopperEmail": shopper.email,
        "billingAddress": _address(shopper.billing_address) if shopper.billing_address is not None else None,
    }
    body.update({name: value for name, value in optional.items() if value})
    if request.source is not Source.ECOM:
        return body
    body["channel"] = "Web"
    if shopper.browser is None or not request.return_url:
        return {**body, "authenticationData": {"attemptAuthentication": "never"}}
    if shopper.origin:
        body["origin"] = shopper.origin
    body["browserInfo"] = _browser(shopper.browser)
    body["authenticationData"] = {"threeDSRequestData": {"nativeThreeDS": "disabled"}}
    return body


def details_request(request: CompleteRequest) -> dict[str, Any]:
    """Build POST /payments/details.

    :raises Rejected: what the guest brought back is nothing that Adyen gives out.
    """
    proof = {name: value for name, value in request.proof.items() if name != "paymentData"}
    if not proof or not proof.keys() <= _PROOFS:
        raise Rejected("adyen complete: this is no proof of the guest's bank")
    body: dict[str, Any] = {"details": proof}
    if request.proof.get("paymentData"):
        body["paymentData"] = request.proof["paymentData"]
    return body


def completed_of(answer: Mapping[str, Any], request: CompleteRequest) -> Outcome:
    """Read the answer to POST /payments/details.

    A proof that was brought to the wrong payment is used up by it, so that what it came to is told of its own payment.

    :raises Rejected: the proof was of another payment, and the answer does not say how much that took.
    :raises AnswerLost: the answer does not say what happened.
    """
    result, psp_reference = answer.get("resultCode"), answer.get("pspReference")
    if not isinstance(result, str) or not isinstance(psp_reference, str) or not psp_reference:
        raise AnswerLost("adyen complete: the answer has no result")
    said, told = answer.get("merchantReference"), money_of(answer.get("amount"))
    if not isinstance(said, str) or not said:
        raise AnswerLost("adyen complete: the answer does not say which payment it is of")
    if said != request.reference:
        if told is None:
            raise Rejected("adyen complete: the proof is of another payment")
        return attempt_of(answer, result, psp_reference, replace(request, reference=said, money=told))
    if told is not None and told.currency != request.money.currency:
        raise AnswerLost("adyen complete: the answer is in another currency")
    return attempt_of(answer, result, psp_reference, request)


def _payment_method(card: EncryptedCard | RawCard) -> dict[str, str]:
    if isinstance(card, EncryptedCard):
        fields = {
            "encryptedCardNumber": card.number,
            "encryptedExpiryMonth": card.expiry_month,
            "encryptedExpiryYear": card.expiry_year,
            "encryptedSecurityCode": card.security_code,
        }
    else:
        fields = {
            "number": card.number,
            "expiryMonth": card.expiry_month,
            "expiryYear": card.expiry_year,
            "cvc": card.cvc,
        }
    fields["holderName"] = card.holder_name
    return {"type": "scheme", **{name: value for name, value in fields.items() if value}}


def _address(address: BillingAddress) -> dict[str, str]:
    fields = {
        "street": address.street,
        "houseNumberOrName": address.house_number,
        "city": address.city,
        "postalCode": address.postal_code,
        "country": address.country.upper(),
    }
    return {**fields, "stateOrProvince": address.state} if address.state else fields


def _browser(browser: BrowserInfo) -> dict[str, Any]:
    return {
        "userAgent": browser.user_agent,
        "acceptHeader": browser.accept_header,
        "language": browser.language,
        "colorDepth": browser.color_depth,
        "screenHeight": browser.screen_height,
        "screenWidth": browser.screen_width,
        "timeZoneOffset": browser.time_zone_offset,
        "javaEnabled": browser.is_java_enabled,
        "javaScriptEnabled": browser.is_javascript_enabled,
    }
