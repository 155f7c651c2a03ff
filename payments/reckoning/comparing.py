"""What the APIs tell of an order, under the keys of our figures: what an explanation must add up to."""

from uuid import UUID

from payments.reckoning.figures import Reckoning
from payments.selectors import OrderMoney


def told(money: OrderMoney, payment_id: UUID) -> dict[str, int]:
    """Return the figures that partners are told of one payment and its order, in minor units."""
    pending = money.held_minor + money.asked_minor - money.returning_minor
    return {
        "paid": money.paid_by_payment.get(payment_id, 0),
        "totalPaid": money.paid_minor + money.paid_surcharge_minor,
        "paidSurcharge": money.paid_surcharge_minor,
        "totalRefunded": money.refunded_minor + money.refunded_surcharge_minor,
        "refundedSurcharge": money.refunded_surcharge_minor,
        "chargedBack": money.charged_back_minor,
        "donation": money.paid_donation_minor - money.refunded_donation_minor,
        "moneyIn": money.money_in_minor,
        "pending": pending,
        "toCollect": money.to_collect_minor,
        "later": money.later_minor,
        "kept": money.kept_minor,
        "balance": money.due_minor,
        "owing": max(0, money.payable_minor + pending),
    }


def differences(reckoning: Reckoning, money: OrderMoney, payment_id: UUID) -> list[str]:
    """Return the figures whose steps do not add up to what the APIs tell; there must be none."""
    return [
        reckoning.figures[key].title for key, minor in told(money, payment_id).items() if reckoning.minor(key) != minor
    ]
