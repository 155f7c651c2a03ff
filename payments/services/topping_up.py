"""Take a card payment on a customer's account: an order of its own asks for it, and credits the customer once paid."""

from datetime import timedelta

from bookings import services as booking_services
from bookings.models import Customer, OrderKind
from money import Money
from payments.errors import CardDetailsNotTaken
from payments.services.card_charges import CardCharge, CardCharged, Written, charge_card
from payments.services.operations import Clock
from payments.services.routing import accounts_for_encrypted_cards

# Longer than a guest has at the bank, so that who comes back in time finds the order open.
_OPEN_FOR = timedelta(hours=1)


def top_up_customer(
    *, customer: Customer, request: CardCharge, clock: Clock, also: Written | None = None
) -> CardCharged:
    """Charge a card for a customer's account; the customer has the credit once the money is taken.

    What is `also` to be written is committed with the charge. An order whose charge was refused is over in an hour.

    :raises PaymentError: the charge cannot be made; nothing was sent.
    """
    money = Money(request.amount_minor, request.currency)
    if not accounts_for_encrypted_cards(
        partner_id=customer.partner_id, is_live=customer.is_live, currency=money.currency
    ):
        raise CardDetailsNotTaken(f"No account takes encrypted cards in {money.currency} from this partner.")
    now = clock()
    order = booking_services.create_asked_order(
        partner=customer.partner,
        is_live=customer.is_live,
        kind=OrderKind.TOP_UP,
        amount=money,
        reference="",
        description="",
        customer=customer,
        return_url="",
        expires_at=now + _OPEN_FOR,
        now=now,
    )
    return charge_card(order_id=order.pk, request=request, clock=clock, also=also)
