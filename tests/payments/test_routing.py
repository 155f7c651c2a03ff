import pytest

from gateways.adapters.external.gateway import ExternalGateway
from gateways.exponents import Exponents
from gateways.models import Environment
from payments.errors import GatewayMismatch, InvalidSource, NoAccount
from payments.models import AccountRoute
from payments.services.routing import Wish, choose_account, routed_accounts

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(house):
    return house.reserve(payment_request=None).order


def test_the_lowest_rank_comes_first_and_a_named_gateway_is_taken(order):
    assert choose_account(order=order, wish=Wish()).slug == "adyen-eu"
    assert choose_account(order=order, wish=Wish(gateway="external")).slug == "external"
    assert choose_account(order=order, wish=Wish(source="POS")).slug == "external"


def test_a_route_narrows_what_its_account_takes_and_widens_nothing(order):
    AccountRoute.objects.filter(account__slug="adyen-eu").update(sources=["MOTO", "POS"], currencies=["EUR", "USD"])

    assert choose_account(order=order, wish=Wish(source="MOTO")).slug == "adyen-eu"
    with pytest.raises(InvalidSource):
        choose_account(order=order, wish=Wish(source="ECOM", gateway="adyen"))
    with pytest.raises(InvalidSource):
        choose_account(order=order, wish=Wish(source="POS", gateway="adyen"))
    order.currency = "USD"
    assert [account.slug for account in routed_accounts(order)] == ["adyen-us", "external"]


def test_an_account_that_lists_a_currency_its_gateway_cannot_be_told_is_passed_over(order, monkeypatch):
    order.currency = "USD"
    monkeypatch.setattr(ExternalGateway, "exponents", Exponents(unknown=frozenset({"USD"})))

    assert [account.slug for account in routed_accounts(order)] == ["adyen-us"]


def test_a_gateway_that_is_not_routed_or_off_is_a_mismatch(order):
    AccountRoute.objects.filter(account__slug="external").delete()

    with pytest.raises(GatewayMismatch):
        choose_account(order=order, wish=Wish(gateway="external"))


def test_a_test_order_never_reaches_a_live_processor(house):
    order = house.reserve(payment_request=None, is_live=False).order
    assert choose_account(order=order, wish=Wish()).slug == "adyen-test"

    account = house.accounts["adyen-test"]
    account.environment = Environment.LIVE
    account.save()

    with pytest.raises(NoAccount):
        choose_account(order=order, wish=Wish())
