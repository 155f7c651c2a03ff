"""Make the references we give: unguessable, short enough for every vendor, and readable over the phone."""

import secrets
from datetime import datetime

from django.db.models import Func, Value

# No vowels and no look-alikes: no words by accident, no 0/O or 1/l over the phone.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxyz"


def new_reference(prefix: str) -> str:
    """Return a reference such as `tx_7h2k9q…`: 20 characters of 4.8 bits."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(20))}"


def new_payment_reference(now: datetime) -> str:
    """Return a payment's public id, such as `cp_20260514_42kd10bq7m`."""
    return f"cp_{now:%Y%m%d}_{''.join(secrets.choice(_ALPHABET) for _ in range(10))}"


# The next `number` of a payment, taken from its sequence by the INSERT itself.
next_payment_number = Func(Value("payments_payment_number"), function="nextval")
