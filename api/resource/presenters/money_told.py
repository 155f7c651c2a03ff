"""Show what became of the money as this API writes amounts and times."""

from api.money_told import MoneyTold
from api.resource.values import utc_time


def money_fields(told: MoneyTold) -> dict[str, object]:
    """Return our `money` block for the error of a write."""
    return {
        "moved": told.moved.value,
        "amount": told.amount.format() if told.amount else None,
        "currency": told.amount.currency if told.amount else None,
        "retry_safe_until": utc_time(told.retry_safe_until) if told.retry_safe_until else None,
        "ask_again_at": utc_time(told.ask_again_at) if told.ask_again_at else None,
    }
