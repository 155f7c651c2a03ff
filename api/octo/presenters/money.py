from api.money_told import MoneyTold
from api.octo.presenters.values import utc_time
from money import exponent_of


def money_fields(told: MoneyTold) -> dict[str, object]:
    """Return OCTO's additive `money` block for an error's body; the amount is in minor units."""
    return {
        "moved": told.moved,
        "amount": told.amount.minor if told.amount else 0,
        "currency": told.amount.currency if told.amount else None,
        "currencyPrecision": exponent_of(told.amount.currency) if told.amount else None,
        "retrySafeUntil": utc_time(told.retry_safe_until),
        "askAgainAt": utc_time(told.ask_again_at),
    }
