"""Why Adyen, or a bank behind it, said no: its two tables, in our six words."""

from collections.abc import Mapping
from types import MappingProxyType

from gateways.errors import DeclineClass, ErrorCode, classes_by_code
from gateways.protocol import Decline
from gateways.scrubbing import mask_numbers

_D, _U = ErrorCode.TRANSACTION_DECLINED, ErrorCode.PROCESSOR_UNAVAILABLE
_NUMBER, _EXPIRY = ErrorCode.INVALID_CARD_NUMBER, ErrorCode.INVALID_CARD_EXPIRY
_LIMIT, _OTHER = ErrorCode.CREDIT_LIMIT_EXCEEDED, ErrorCode.UNDEFINED_CARD_ERROR
# refusalReasonCode -> (Adyen's text, our code). 1, 13 and 30 are no refusals, and mean nothing sensible on one.
# Source: Adyen docs, "Refusal reasons". A bad security code is part of what INVALID_CARD_NUMBER tells the guest.
REFUSALS: Mapping[str, tuple[str, ErrorCode]] = MappingProxyType(
    {
        "0": ("Unknown", _OTHER),
        "1": ("Approved", _OTHER),
        "2": ("Refused", _D),
        "3": ("Referral", _D),
        "4": ("Acquirer Error", _U),
        "5": ("Blocked Card", _D),
        "6": ("Expired Card", _EXPIRY),
        "7": ("Invalid Amount", _OTHER),
        "8": ("Invalid Card Number", _NUMBER),
        "9": ("Issuer Unavailable", _U),
        "10": ("Not supported", _D),
        "11": ("3D Not Authenticated", _D),
        "12": ("Not enough balance", _LIMIT),
        "13": ("Pending", _OTHER),
        "14": ("Acquirer Fraud", _D),
        "15": ("Cancelled", _D),
        "16": ("Shopper Cancelled", _D),
        "17": ("Invalid Pin", _D),
        "18": ("Pin tries exceeded", _D),
        "19": ("Pin validation not possible", _D),
        "20": ("FRAUD", _D),
        "21": ("Not Submitted", _U),
        "22": ("FRAUD-CANCELLED", _D),
        "23": ("Transaction Not Permitted", _D),
        "24": ("CVC Declined", _NUMBER),
        "25": ("Restricted Card", _D),
        "26": ("Revocation Of Auth", _D),
        "27": ("Declined Non Generic", _D),
        "28": ("Withdrawal amount exceeded", _LIMIT),
        "29": ("Withdrawal count exceeded", _LIMIT),
        "30": ("Amount partially approved", _D),
        "31": ("Issuer Suspected Fraud", _D),
        "32": ("AVS Declined", _D),
        "33": ("Card requires online pin", _D),
        "34": ("No checking account available on Card", _D),
        "35": ("No savings account available on Card", _D),
        "36": ("Mobile PIN required", _D),
        "37": ("Contactless fallback", _D),
        "38": ("Authentication required", _D),
        "39": ("RReq not received from DS", _D),
        "40": ("Current AID is in Penalty Box.", _D),
        "41": ("CVM Required Restart Payment", _D),
        "42": ("3DS Authentication Error", _D),
        "43": ("Online PIN required", _D),
        "44": ("Try another interface", _D),
        "45": ("Chip downgrade mode", _D),
        "46": ("Blocked by Adyen to prevent excessive retry fees", _D),
    }
)
_CODE_BY_TEXT = {text.casefold(): code for code, (text, _) in REFUSALS.items()}

# errorCode of a 4xx answer to a payment that speaks of the card and not of us. Source: Adyen docs, "API error codes".
CARD_ERRORS: Mapping[str, ErrorCode] = MappingProxyType(
    {
        "101": _NUMBER,
        "102": _NUMBER,
        "103": _NUMBER,
        "153": _NUMBER,
        "129": _EXPIRY,
        "140": _EXPIRY,
        "141": _EXPIRY,
        "172": _OTHER,
        "173": _OTHER,
        "174": _OTHER,
        "175": _OTHER,
        "800": _OTHER,
        "803": _OTHER,
    }
)
# errorCode of a 4xx answer that speaks of what the partner sent with a card: the holder's name, the billing address,
# the shopper's address on the net. Source: Adyen docs, "API error codes".
DETAILS_ERRORS: Mapping[str, ErrorCode] = MappingProxyType(
    dict.fromkeys(("128", "131", "132", "133", "134", "135", "190"), _OTHER)
)
# The holder told the bank to stop these charges; trying again costs a fee. Source: Adyen docs, "Refusal reasons".
_HOLDER_STOPPED = frozenset({"26"})
# The stored card is not there. Source: Adyen docs, "API error codes".
TOKEN_IS_GONE = frozenset({"800", "803"})
# What a code adds to our six words: what can be done about it.
DECLINE_CLASSES = classes_by_code(
    {
        DeclineClass.LOST_OR_STOLEN: "5",
        DeclineClass.FRAUD: "14 20 22 31 40",
        DeclineClass.HOLDER_STOPPED: "26",
        DeclineClass.NEVER_AGAIN: "46",
        DeclineClass.AUTHENTICATION: "11 38 39 41 42",
        DeclineClass.SECURITY_CODE: "24",
        DeclineClass.PIN: "17 18 19 33 36 43",
        DeclineClass.ADDRESS: "32",
        DeclineClass.LIMIT: "28 29",
        DeclineClass.ASK_THE_BANK: "2 3 27",
        DeclineClass.NOT_FOR_THIS: "10 23 25 34 35 37 44 45",
        DeclineClass.GUEST_GAVE_UP: "15 16",
        DeclineClass.TOKEN_GONE: "800 803",
        DeclineClass.OUR_SIDE: "7",
    }
)


def decline_of(code: str, text: object, *, is_error: bool = False) -> Decline:
    """Translate a refusal; a code added later is a plain refusal, or an undefined error where Adyen says Error."""
    code = code if code else _CODE_BY_TEXT.get(str(text or "").strip().casefold(), "")
    _, ours = REFUSALS.get(code, ("", _OTHER if is_error else _D))
    return Decline(code=ours, raw_code=code[:40], raw_text=text_of(text), is_card_gone=code in _HOLDER_STOPPED)


def text_of(value: object) -> str:
    """Return a vendor's text for staff: short, and without card numbers."""
    return mask_numbers(str(value or ""))[:300]
