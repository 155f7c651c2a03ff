"""What a guest or a partner is told when a payment fails: one sentence of ours per code, never the vendor's words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gateways.errors import ErrorCode

REFUSAL_SENTENCES: dict[ErrorCode, str | Promise] = {
    ErrorCode.PROCESSOR_UNAVAILABLE: _(
        "The payment service could not be reached. Nothing was charged; please try again."
    ),
    ErrorCode.TRANSACTION_DECLINED: _("The bank declined the payment. Please try another card or ask your bank."),
    ErrorCode.INVALID_CARD_NUMBER: _("The card number is not valid. Please check it or use another card."),
    ErrorCode.INVALID_CARD_EXPIRY: _("The card has expired or its expiry date is not right."),
    ErrorCode.CREDIT_LIMIT_EXCEEDED: _("The card does not have enough credit or funds for this payment."),
    ErrorCode.UNDEFINED_CARD_ERROR: _("The card could not be charged. Please try another card."),
}


def sentence_for(error_code: ErrorCode) -> str:
    """Return our sentence for a code, in the language that is active."""
    return str(REFUSAL_SENTENCES[error_code])
