"""What staff tell a guest whose card was refused, and what to try: by the vendor's own code where it says more, else by
one of our six.
"""

import re
from dataclasses import dataclass

from gateways.errors import DeclineClass, ErrorCode, MisconfiguredAccount
from gateways.registry import gateway_class


@dataclass(frozen=True, slots=True)
class Advice:
    """Be what to say, what to try next, and what must not be done; each may be read aloud but the last."""

    tell: str
    attempt: str
    never: str


_ANOTHER_CARD = "Another card, or another way to pay."
_NOT_AT_ONCE = "Do not charge the same card again at once: repeated refusals cost fees and can get it blocked."
_NEVER_THIS_CARD = "Never charge this card again. Do not ask the guest to try it once more."
_SAY_NO_MORE = "Do not tell the guest more than this: whoever holds the card may not be its owner."

ADVICE_BY_CODE: dict[ErrorCode, Advice] = {
    ErrorCode.PROCESSOR_UNAVAILABLE: Advice(
        "The payment service or the bank could not be reached. Nothing was taken.",
        "The same card again in a few minutes; if it fails again, another card.",
        "Do not try more than twice: when a bank is down, every card of that bank fails.",
    ),
    ErrorCode.TRANSACTION_DECLINED: Advice(
        "The bank declined the payment and gave no reason that we may see. Nothing was taken.",
        "Another card; or the guest asks the bank, which knows why, and then tries the same card.",
        _NOT_AT_ONCE,
    ),
    ErrorCode.INVALID_CARD_NUMBER: Advice(
        "The card's number or security code was not right. Nothing was taken.",
        "The same card, typed anew with care by the guest; else another card.",
        "Do not take the card's number by phone, mail or chat, and write it nowhere.",
    ),
    ErrorCode.INVALID_CARD_EXPIRY: Advice(
        "The card has expired, or its expiry date was not right. Nothing was taken.",
        "The date as it is printed on the newest card the bank has sent; else another card.",
        "Do not charge the stored card again: the guest has to give the new one.",
    ),
    ErrorCode.CREDIT_LIMIT_EXCEEDED: Advice(
        "The bank says that the card has not enough money or credit left for this payment. Nothing was taken.",
        "Another card; or the same card once the guest has raised its limit or moved money to it.",
        _NOT_AT_ONCE,
    ),
    ErrorCode.UNDEFINED_CARD_ERROR: Advice(
        "The card could not be charged. Nothing was taken.",
        _ANOTHER_CARD,
        "Do not keep trying: if a second card fails as well, let somebody look at the gateway's own text below.",
    ),
}
ADVICE_BY_CLASS: dict[DeclineClass, Advice] = {
    DeclineClass.LOST_OR_STOLEN: Advice(
        "The bank declined the payment. Nothing was taken.", _ANOTHER_CARD, _SAY_NO_MORE
    ),
    DeclineClass.FRAUD: Advice("The payment was declined. Nothing was taken.", _ANOTHER_CARD, _SAY_NO_MORE),
    DeclineClass.HOLDER_STOPPED: Advice(
        "The bank says that the card's holder stopped payments to us. Nothing was taken.",
        "Another card; or the guest tells the bank to allow our payments again.",
        _NEVER_THIS_CARD,
    ),
    DeclineClass.NEVER_AGAIN: Advice(
        "The card's network does not allow us to try this card again. Nothing was taken.",
        _ANOTHER_CARD,
        _NEVER_THIS_CARD,
    ),
    DeclineClass.AUTHENTICATION: Advice(
        "The bank wanted the guest to approve the payment (3-D Secure), and that did not happen. Nothing was taken.",
        "The same card again by a payment link, with the banking app or phone at hand; else another card.",
        "Do not charge the stored card without the guest: the bank will refuse that again.",
    ),
    DeclineClass.SECURITY_CODE: Advice(
        "The security code did not match the card. Nothing was taken.",
        "The same card, with the three digits on its back (four on the front of American Express).",
        "Do not ask the guest to tell us the code. After three wrong ones many banks block the card.",
    ),
    DeclineClass.PIN: Advice(
        "The bank could not check the card's PIN. Nothing was taken.",
        "Another card; or the same card in the guest's banking app or wallet.",
        "Do not ask for the PIN.",
    ),
    DeclineClass.ADDRESS: Advice(
        "The address did not match the one the bank has. Nothing was taken.",
        "The same card with the address on the card's statement; else another card.",
        "Do not guess at addresses.",
    ),
    DeclineClass.LIMIT: Advice(
        "The payment is above what the card may pay at once or in a day. Nothing was taken.",
        "Another card; or the same card after the guest has had the limit raised, or tomorrow.",
        _NOT_AT_ONCE,
    ),
    DeclineClass.ASK_THE_BANK: Advice(
        "The bank declined the payment; only the bank can say why. Nothing was taken.",
        "The guest calls the number on the back of the card and asks to have the payment allowed; else another card.",
        _NOT_AT_ONCE,
    ),
    DeclineClass.NOT_FOR_THIS: Advice(
        "The bank does not allow this kind of payment with this card. Nothing was taken.",
        "Another card; a credit card where this was a debit or prepaid one.",
        "Do not try the same card again: the answer stays the same.",
    ),
    DeclineClass.ACCOUNT_CLOSED: Advice(
        "The bank says that there is no account behind this card. Nothing was taken.", _ANOTHER_CARD, _NEVER_THIS_CARD
    ),
    DeclineClass.GUEST_GAVE_UP: Advice(
        "The payment was left before it was finished. Nothing was taken.",
        "The same card again, whenever the guest likes.",
        "Do not charge a stored card instead: the guest may have changed plans.",
    ),
    DeclineClass.TOKEN_GONE: Advice(
        "The stored card is no longer known to the payment service. Nothing was taken.",
        "A payment link: the guest enters the card anew.",
        "Do not try the stored card again.",
    ),
    DeclineClass.OUR_SIDE: Advice(
        "Something was wrong with our request, not with the card. Nothing was taken.",
        "Nothing yet: tell the office, with the gateway's own text below. The guest's card is fine.",
        "Do not let the guest try card after card.",
    ),
}


def decline_class(*, gateway: str, raw_code: str) -> DeclineClass | None:
    """Return what a gateway's own code says can be done, where its adapter knows."""
    try:
        known = gateway_class(gateway).decline_classes
    except MisconfiguredAccount:
        return None
    # Some gateways pass on processors' words in their own spelling.
    return known.get(re.sub(r"[^a-z0-9]+", "_", raw_code.casefold()).strip("_"))


def advice_for(*, gateway: str, error_code: ErrorCode, raw_code: str) -> Advice:
    """Return what to tell a guest and to try: the vendor's code says more than ours, where it is known."""
    kind = decline_class(gateway=gateway, raw_code=raw_code)
    return ADVICE_BY_CLASS[kind] if kind is not None else ADVICE_BY_CODE[error_code]
