"""A guest pays a partner's invoice in a real browser; the partner is told, and charges the kept card by itself."""

from collections.abc import Iterator

import pytest

from bookings.models import Partner
from gateways.protocol import OutcomeKind
from payments.models import LedgerEntry
from tests.api.invoices.merchant import PRICE, Merchant, trading

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def merchant(transactional_db: None, live_server, sandbox, settings) -> Iterator[Merchant]:
    with trading(live_server, sandbox, settings) as merchant:
        yield merchant


def test_a_guest_is_refused_pays_an_invoice_with_3d_secure_and_its_token_charges_again(merchant, visitor_of_any_size):
    visitor = visitor_of_any_size
    # Any page on another origin stands for the partner's shop.
    Partner.objects.update(return_origins=[merchant.guest.sandbox.url])
    shop = f"{merchant.guest.sandbox.url}/control/health"
    invoice = merchant.open("ORDER-1233", back=shop, stores_card=True)
    visitor.open(invoice.client["action"])
    visitor.sees("due", "ORDER-1233", "100.55 EUR")

    visitor.press("Pay now")
    visitor.enter("4111 1111 1111 1111", "03/30", "737", "NOT_ENOUGH_BALANCE")
    visitor.form.get_by_role("button", name="Pay").click()
    visitor.sees("refused", "The payment did not succeed.")
    merchant.deliver()
    (refused,) = merchant.hear(invoice.gateway_reference)
    assert refused.kind is OutcomeKind.PENDING
    visitor.press("Try again")
    visitor.enter("4917 6100 0000 0000", "03/30", "737")
    visitor.form.get_by_label("Save this card").check()
    visitor.form.get_by_role("button", name="Pay").click()
    visitor.answer_the_bank()

    visitor.page.wait_for_url(shop)
    merchant.deliver()
    (paid,) = merchant.hear(invoice.gateway_reference)
    assert (paid.kind, paid.money) == (OutcomeKind.CAPTURED, PRICE)
    assert paid.card is not None
    assert paid.card.token is not None
    charged = merchant.charge("ORDER-1234", paid.card.token)
    assert (charged.kind, charged.money) == (OutcomeKind.CAPTURED, PRICE)
    assert (
        list(LedgerEntry.objects.values_list("from_account", "to_account", "amount_minor"))
        == [("RECEIVABLE", "CLEARING", PRICE.minor)] * 2
    )
