"""Why Viva, or a bank behind it, said no: the event ids of a failed transaction, in our six words.

Source: Viva docs, "Response information", for the texts; the mapping is ours.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateways.errors import DeclineClass, ErrorCode, classes_by_code
from gateways.protocol import Decline
from gateways.scrubbing import mask_numbers

_D, _U = ErrorCode.TRANSACTION_DECLINED, ErrorCode.PROCESSOR_UNAVAILABLE
_NUMBER, _EXPIRY = ErrorCode.INVALID_CARD_NUMBER, ErrorCode.INVALID_CARD_EXPIRY
_LIMIT, _OTHER = ErrorCode.CREDIT_LIMIT_EXCEEDED, ErrorCode.UNDEFINED_CARD_ERROR
# Event id -> (what it says, our code). A bad security code is part of what INVALID_CARD_NUMBER tells the guest. Ids of
# other means of payment (1009xx, 101xxx) and any that is not here are an undefined error.
REFUSALS: Mapping[str, tuple[str, ErrorCode]] = MappingProxyType(
    {
        "0": ("No reason given", _OTHER),
        "310": ("Not accepted", _OTHER),
        "317": ("Not accepted", _OTHER),
        "2061": ("3-D Secure not completed: the browser was closed", _D),
        "2062": ("3-D Secure failed", _D),
        "2108": ("Acquiring restriction", _D),
        "3500": ("Undefined error", _OTHER),
        "6614": ("Transport fault", _U),
        "6624": ("Transport fault", _U),
        "6650": ("Transport fault", _U),
        "7001": ("Transaction failed", _U),
        "10001": ("Refer to issuer", _D),
        "10003": ("Invalid merchant", _OTHER),
        "10004": ("Pick up card", _D),
        "10005": ("Do not honour", _D),
        "10006": ("General error", _D),
        "10007": ("Pick up card, special condition", _D),
        "10012": ("Invalid transaction", _D),
        "10013": ("Invalid amount", _OTHER),
        "10014": ("Invalid card number", _NUMBER),
        "10015": ("Invalid issuer", _NUMBER),
        "10019": ("Re-enter transaction", _U),
        "10021": ("No action taken", _OTHER),
        "10030": ("Format error", _OTHER),
        "10039": ("No credit account", _D),
        "10041": ("Lost card", _D),
        "10043": ("Stolen card", _D),
        "10046": ("Closed account", _D),
        "10051": ("Insufficient funds", _LIMIT),
        "10052": ("No checking account", _D),
        "10053": ("No savings account", _D),
        "10054": ("Expired card", _EXPIRY),
        "10055": ("Incorrect PIN", _D),
        "10057": ("Not permitted to cardholder", _D),
        "10058": ("Not permitted to terminal", _D),
        "10059": ("Suspected fraud", _D),
        "10061": ("Withdrawal limit exceeded", _LIMIT),
        "10062": ("Restricted card", _D),
        "10063": ("Security violation", _D),
        "10065": ("Strong authentication wanted", _D),
        "10070": ("Call issuer", _D),
        "10075": ("PIN tries exceeded", _D),
        "10076": ("Invalid 'to' account", _OTHER),
        "10077": ("Invalid 'from' account", _OTHER),
        "10078": ("Blocked, first use", _D),
        "10079": ("Life cycle", _D),
        "10080": ("No financial impact", _OTHER),
        "10081": ("Cryptographic error in PIN", _D),
        "10083": ("Fraud or security", _D),
        "10084": ("Invalid authorization life cycle", _D),
        "10086": ("PIN cannot be verified", _D),
        "10088": ("Cryptographic failure", _D),
        "10089": ("Unacceptable PIN", _D),
        "10091": ("Issuer unavailable", _U),
        "10093": ("Violation of law", _D),
        "10094": ("Duplicate transaction", _OTHER),
        "10096": ("System malfunction", _U),
        "10199": ("Empty answer of the issuer", _U),
        "10200": ("Temporary error", _U),
        "10201": ("Undefined error", _OTHER),
        "10210": ("Invalid security code", _NUMBER),
        "10211": ("Security code or authentication value refused", _D),
        "10212": ("Blocked card", _D),
        "10213": ("Authorization revoked", _D),
        "10214": ("Verification data failed", _D),
        "10215": ("Policy", _D),
        "10216": ("Invalid or nonexistent account", _NUMBER),
        "10221": ("No such issuer", _NUMBER),
        "10222": ("Lost card", _D),
        "10223": ("Stolen card", _D),
        "10224": ("Closed account", _D),
        "10226": ("Blocked", _D),
        "10227": ("Blocked", _D),
        "10300": ("Strong authentication wanted", _D),
        "10301": ("Strong authentication wanted", _D),
        "10302": ("Strong authentication wanted", _D),
        "10401": ("Issuer unavailable", _U),
        "18202": ("Undefined error", _OTHER),
    }
)
# The card is lost, stolen, closed or expired, or its holder took the permission back: it must not be tried again.
_CARD_IS_GONE = frozenset({"10041", "10043", "10046", "10054", "10213", "10222", "10223", "10224"})
# What a code adds to our six words: what can be done about it.
DECLINE_CLASSES = classes_by_code(
    {
        DeclineClass.LOST_OR_STOLEN: "10004 10007 10041 10043 10222 10223",
        DeclineClass.FRAUD: "10059 10063 10083",
        DeclineClass.HOLDER_STOPPED: "10213",
        DeclineClass.AUTHENTICATION: "2061 2062 10065 10300 10301 10302",
        DeclineClass.SECURITY_CODE: "10210 10211",
        DeclineClass.PIN: "10055 10075 10081 10086",
        DeclineClass.LIMIT: "10061",
        DeclineClass.ASK_THE_BANK: "10001 10005 10070 10212 10226 10227",
        DeclineClass.NOT_FOR_THIS: "2108 10057 10058 10062 10078 10215",
        DeclineClass.ACCOUNT_CLOSED: "10046 10224 10039 10052 10053",
        DeclineClass.OUR_SIDE: "10003 10013 10030",
    }
)


def decline_of(event_id: object, text: object = "") -> Decline:
    """Translate a refusal; an id that is not known, or none, is an undefined error."""
    code = event_id_of(event_id) or "0"
    ours_text, ours = REFUSALS.get(code, ("", _OTHER))
    said = text_of(text) or ours_text
    return Decline(code=ours, raw_code=code, raw_text=said, is_card_gone=code in _CARD_IS_GONE)


def event_id_of(value: object) -> str:
    """Return an event id, which Viva writes as a number or as a text; empty where it gives none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value).strip()
    return text if text.isascii() and text.isdigit() and len(text) <= 12 else ""


def text_of(value: object) -> str:
    """Return a vendor's text for staff: short, and without card numbers."""
    return mask_numbers(value)[:300] if isinstance(value, str) else ""
