"""Show bookings and customers, as far as payments need them."""

from api.resource.values import amount_text, collection_of, href_of, reference_to, utc_time
from bookings.models import Booking, BookingStatus, Customer
from payments.selectors import OrderMoney

# The word for a guest of whom nothing is known.
_UNKNOWN = "UNKNOWN"


def booking_fields(booking: Booking, money: OrderMoney) -> dict[str, object]:
    """Return a booking; its money is that of the whole order it is paid with."""
    travels = booking.availability.local_date.isoformat() if booking.availability is not None else None
    customer = booking.order.customer
    pending = money.held_minor + money.asked_minor - money.returning_minor
    owing = max(0, money.payable_minor + pending)

    def text(minor: int) -> str:
        return amount_text(minor, booking.currency)

    return {
        **listed_booking(booking),
        "external_id": booking.reseller_reference or None,
        "currency": booking.currency,
        "date_created": utc_time(booking.created_at),
        "date_closed": booking.cancelled_at.date().isoformat() if booking.cancelled_at else None,
        "balance_due_date": booking.balance_due_date.isoformat() if booking.balance_due_date else None,
        "date_of_first_travel": travels,
        "date_of_last_travel": travels,
        "amount_paid": text(money.money_in_minor),
        "amount_owing": text(owing),
        "amount_pending": text(pending),
        "commission": text(booking.retail_minor - booking.net_minor),
        "tax_on_commission": None,
        "customer": reference_to("customers", customer.number) if customer is not None else None,
        "customers": collection_of("bookings", booking.number, "customers"),
        "payments": collection_of("bookings", booking.number, "payments"),
        "refunds": collection_of("bookings", booking.number, "refunds"),
    }


def listed_booking(booking: Booking) -> dict[str, object]:
    """Return a booking's row in a list."""
    return {**reference_to("bookings", booking.number), "status": BookingStatus(booking.status).value}


def customer_fields(customer: Customer) -> dict[str, object]:
    """Return a customer. We keep a name in one piece, of which the last word is shown as the last name."""
    first_names, _space, last_name = customer.full_name.rpartition(" ")
    return {
        **listed_customer(customer),
        "name": {
            "legal_first_name": first_names or None,
            "legal_middle_name": None,
            "legal_last_name": last_name or None,
            "common_name": customer.full_name or None,
            "title": None,
        },
        "date_of_birth": None,
        "nationality": None,
        "gender": _UNKNOWN,
        "account_email": customer.email or None,
        "phone_numbers": [{"number": customer.phone}] if customer.phone else [],
        "bookings": collection_of("customers", customer.number, "bookings"),
    }


def listed_customer(customer: Customer) -> dict[str, object]:
    """Return a customer's row in a list."""
    return {"id": str(customer.number), "href": href_of("customers", customer.number)}
