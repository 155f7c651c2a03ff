"""Adyen's refusal reason codes 0 to 46 and the holder names that bring them about on the test platform.

Source: Adyen, "Refusal reasons" and "Testing result codes".
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the issuer says. `reason` is empty when the answer is a plain yes."""

    code: int
    reason: str
    result_code: str
    raw: str

    @property
    def is_authorized(self) -> bool:
        """Say whether money was reserved."""
        return self.result_code == "Authorised"


# code | reason | holder name | result code when it is not Refused
_TABLE = """
0|Unknown|UNKNOWN|Error
1||APPROVED|Authorised
2|Refused|DECLINED
3|Referral|REFERRAL
4|Acquirer Error|ERROR|Error
5|Blocked Card|BLOCK_CARD
6|Expired Card|CARD_EXPIRED
7|Invalid Amount|INVALID_AMOUNT
8|Invalid Card Number|INVALID_CARD_NUMBER
9|Issuer Unavailable|ISSUER_UNAVAILABLE
10|Not supported|NOT_SUPPORTED
11|3D Not Authenticated|NOT_3D_AUTHENTICATED
12|Not enough balance|NOT_ENOUGH_BALANCE
13||PENDING|Received
14|Acquirer Fraud|ACQUIRER_FRAUD
15|Cancelled|CANCELLED
16|Shopper Cancelled|SHOPPER_CANCELLED
17|Invalid Pin|INVALID_PIN
18|Pin tries exceeded|PIN_TRIES_EXCEEDED
19|Pin validation not possible|PIN_VALIDATION_NOT_POSSIBLE
20|FRAUD|FRAUD
21|Not Submitted|NOT_SUBMITTED
22|FRAUD-CANCELLED|FRAUD_CANCELLED|Cancelled
23|Transaction Not Permitted|TRANSACTION_NOT_PERMITTED
24|CVC Declined|CVC_DECLINED
25|Restricted Card|RESTRICTED_CARD
26|Revocation Of Auth|REVOCATION_OF_AUTH
27|Declined Non Generic|DECLINED_NON_GENERIC
28|Withdrawal amount exceeded|WITHDRAWAL_AMOUNT_EXCEEDED
29|Withdrawal count exceeded|WITHDRAWAL_COUNT_EXCEEDED
30|Amount partially approved|PARTIALLY_APPROVED|Authorised
31|Issuer Suspected Fraud|ISSUER_SUSPECTED_FRAUD
32|AVS Declined|AVS_DECLINED
33|Card requires online pin|PIN_REQUIRED
34|No checking account available on Card|NO_CHECKING_ACCOUNT
35|No savings account available on Card|NO_SAVINGS_ACCOUNT
36|Mobile PIN required|MOBILE_PIN_REQUIRED
37|Contactless fallback|CONTACTLESS_FALLBACK
38|Authentication required|AUTHENTICATION_REQUIRED
39|RReq not received from DS|RREQ_NOT_RECEIVED
40|Current AID is in Penalty Box.|BAN_CURRENT_AID
41|CVM Required Restart Payment|CVM_REQUIRED
42|3DS Authentication Error|THREED_SECURE_ERROR
43|Online PIN required|ONLINE_PIN_REQUIRED
44|Try another interface|TRY_ANOTHER_INTERFACE
45|Chip downgrade mode|CHIP_DOWNGRADE_MODE
46|Blocked by Adyen to prevent excessive retry fees|ERPS_BLOCK
"""

HOLDER_NAMES: dict[str, Verdict] = {}
BY_CODE: dict[int, Verdict] = {}
for _line in _TABLE.strip().splitlines():
    _code, _reason, _name, _result, *_ = (*_line.split("|"), "Refused")
    _raw = "AUTHORISED" if _result == "Authorised" else _name.replace("_", " ")
    BY_CODE[int(_code)] = HOLDER_NAMES[_name] = Verdict(int(_code), _reason, _result, _raw)

APPROVED, GENERIC_REFUSAL, INVALID_CARD_NUMBER, NOT_AUTHENTICATED = BY_CODE[1], BY_CODE[2], BY_CODE[8], BY_CODE[11]
PARTIALLY_APPROVED = 30
_WITH_RAW = re.compile(r"([A-Z0-9_]+)\s*:\s*(\S.*)")


def verdict_for_holder(holder_name: str) -> Verdict | None:
    """Return the answer that a holder name asks for, or None when it is only a name.

    `DECLINED : 06 : ERROR` asks for DECLINED with the raw acquirer answer `06 : ERROR`.
    """
    name = holder_name.strip().upper()
    verdict = HOLDER_NAMES.get(name)
    if verdict is not None:
        return verdict
    found = _WITH_RAW.fullmatch(name)
    if found is None or found[1] not in HOLDER_NAMES:
        return None
    known = HOLDER_NAMES[found[1]]
    return Verdict(known.code, known.reason, known.result_code, found[2])


def verdict_for_code(text: str) -> Verdict | None:
    """Return the answer that `RequestedTestAcquirerResponseCode` asks for, or None when it is not a code."""
    return BY_CODE.get(int(text)) if text.isascii() and text.isdigit() else None
