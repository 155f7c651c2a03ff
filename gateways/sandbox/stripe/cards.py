"""Stripe's published test cards and the tokens that stand for them. Source: Stripe docs, "Testing"."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """What a test card makes happen.

    `code` and `decline_code` are those of its refusal. `asks` says when the bank wants the cardholder: `always`,
    `unless_set_up`, or `on_session` only. `refund` and `dispute` are what follows a payment.
    """

    name: str
    code: str = ""
    decline_code: str = ""
    advice_code: str = ""
    is_blocked: bool = False
    can_be_kept: bool = True
    asks: str = ""
    refund: str = ""
    dispute: str = ""

    @property
    def message(self) -> str:
        """Return Stripe's sentence for the refusal."""
        return _MESSAGES.get(self.decline_code) or _MESSAGES.get(self.code, "Your card was declined.")


_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "test_mode_live_card": (
        "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test "
        "cards, visit: https://stripe.com/docs/testing."
    ),
}


def _declining(decline_code: str, *, advice_code: str = "") -> Behavior:
    return Behavior(
        name=decline_code,
        code="card_declined",
        decline_code=decline_code,
        advice_code=advice_code,
        can_be_kept=False,
    )


PAYS = Behavior(name="pays")
# A number that is a possible card and no test card.
UNKNOWN = _declining("test_mode_live_card")
_BEHAVIORS: dict[str, Behavior] = {
    "4000000000000002": _declining("generic_decline"),
    "4000000000009995": _declining("insufficient_funds", advice_code="try_again_later"),
    "4000000000009987": _declining("lost_card", advice_code="do_not_try_again"),
    "4000000000009979": _declining("stolen_card", advice_code="do_not_try_again"),
    "4000000000006975": _declining("card_velocity_exceeded", advice_code="try_again_later"),
    "4000000000000069": Behavior(name="expired_card", code="expired_card", can_be_kept=False),
    "4000000000000127": Behavior(name="incorrect_cvc", code="incorrect_cvc", can_be_kept=False),
    "4000000000000119": Behavior(name="processing_error", code="processing_error", can_be_kept=False),
    "4000000000000341": Behavior(name="declined_when_kept", code="card_declined", decline_code="generic_decline"),
    "4100000000000019": Behavior(name="blocked", code="card_declined", is_blocked=True, can_be_kept=False),
    "4000002500003155": Behavior(name="asks_unless_set_up", asks="unless_set_up"),
    "4000002760003184": Behavior(name="asks_always", asks="always"),
    "4000003800000446": Behavior(name="asks_on_session", asks="on_session"),
    "4000000000003220": Behavior(name="asks_3ds", asks="always"),
    "4000008260003178": Behavior(
        name="asks_then_insufficient_funds", asks="always", code="card_declined", decline_code="insufficient_funds"
    ),
    "4000008400001629": Behavior(
        name="asks_then_declines", asks="always", code="card_declined", decline_code="generic_decline"
    ),
    "4000008400001280": Behavior(name="lookup_error", code="processing_error", can_be_kept=False),
    "4000000000007726": Behavior(name="refund_pending", refund="pending"),
    "4000000000005126": Behavior(name="refund_fails", refund="fails"),
    "4000000000000259": Behavior(name="disputed_as_fraud", dispute="fraudulent"),
    "4000000000002685": Behavior(name="disputed_as_not_received", dispute="product_not_received"),
    "4000000000001976": Behavior(name="inquiry", dispute="inquiry"),
    "4000000000000077": Behavior(name="pays_at_once"),
}
_PAYING = """
4242424242424242 4000056655665556 5555555555554444 2223003122003222 5200828282828210 5105105105105100
378282246310005 371449635398431 6011111111111117 3056930009020004 36227206271667 3566002020360505 6200000000000005
"""
BEHAVIORS: dict[str, Behavior] = {**dict.fromkeys(_PAYING.split(), PAYS), **_BEHAVIORS}
BY_NAME: dict[str, Behavior] = {one.name: one for one in (*BEHAVIORS.values(), UNKNOWN)}
# Stripe's spelling of the brands that card numbers give away.
BRANDS = {"mc": "mastercard", "cup": "unionpay", "vpay": "visa", "electron": "visa", "dankort": "visa"}
TOKENS: dict[str, str] = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredSetupForOffSession": "4000003800000446",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "pm_card_radarBlock": "4100000000000019",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_bypassPending": "4000000000000077",
}
