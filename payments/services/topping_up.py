"""Take a card payment on a customer's account: an order of its own asks for it, and credits the customer once paid."""

from datetime import timedelta

from bookings import services as booking_services
from bookings.errors import ReferenceTaken
from bookings.models import Customer, Order, OrderKind
from money import Money
from payments.errors import CardDetailsNotTaken
from payments.selectors import CHARGE_KINDS
from payments.services.card_charges import CardCharge, CardCharged, Written, charge_card, describe_card_charge
from payments.services.operations import Clock
from payments.services.routing import accounts_for_encrypted_cards

# Longer than a guest has at the bank, so that who comes back in time finds the order open.
_OPEN_FOR = timedelta(hours=1)


def top_up_customer(
    *, customer: Customer, request: CardCharge, reference: str, clock: Clock, also: Written | None = None
) -> CardCharged:
    """Charge a card for a customer's account; the customer has the credit once the money is taken.

    A `reference` is charged once: the same one again tells how its charge stands, and charges nothing. Without one
    every call is a charge of its own. What is `also` to be written is committed with the charge.

    :raises PaymentError: the charge cannot be made; nothing was sent.
    :raises InvalidValue: a value cannot be used; nothing was written.
    """
    money = Money(request.amount_minor, request.currency)
    if not accounts_for_encrypted_cards(
        partner_id=customer.partner_id, is_live=customer.is_live, currency=money.currency
    ):
        raise CardDetailsNotTaken(f"No account takes encrypted cards in {money.currency} from this partner.")
    now = clock()
    try:
        order = booking_services.create_asked_order(
            partner=customer.partner,
            is_live=customer.is_live,
            kind=OrderKind.TOP_UP,
            amount=money,
            reference=reference,
            description="",
            customer=customer,
            return_url="",
            expires_at=now + _OPEN_FOR,
            now=now,
        )
    except ReferenceTaken:
        top_ups = Order.objects.filter(partner=customer.partner, is_live=customer.is_live, kind=OrderKind.TOP_UP)
        order = top_ups.get(partner_reference=reference)
        charged = order.transactions.filter(kind__in=CHARGE_KINDS).order_by("requested_at").first()
        if charged is not None:
            return describe_card_charge(transaction_id=charged.pk, clock=clock)
    return charge_card(order_id=order.pk, request=request, clock=clock, also=also)
