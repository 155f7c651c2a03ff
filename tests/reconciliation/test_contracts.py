"""What gateways may charge, and the operator's account codes: recorded by people, and never changed."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from gateways.models import GatewayAccount
from reconciliation.models import AccountCode, FeeContract

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return GatewayAccount.objects.create(
        slug="adyen-eu", name="adyen-eu", gateway="adyen", environment="live", currencies=["EUR"], sources=["ECOM"]
    )


def test_a_contract_is_recorded_with_who_did_it_and_a_mistake_is_refused(admin_client, admin_user, account):
    url = reverse("admin:reconciliation_feecontract_add")
    contract = {
        "account": account.pk,
        "kind": "CAPTURE",
        "card_brand": " Visa ",
        "currency": "eur",
        "percent": "1.25",
        "fixed_minor": "25",
        "valid_from": "2026-01-01",
    }

    refusals = [
        admin_client.post(url, contract | fault).content.decode()
        for fault in ({"currency": "XXX"}, {"percent": "-1"}, {"valid_through": "2025-12-31"})
    ]
    admin_client.post(url, contract)

    assert ["is not an ISO 4217" in refusals[0], "greater than or equal to 0" in refusals[1]] == [True, True]
    assert "It ends before it begins." in refusals[2]
    recorded = FeeContract.objects.get()
    assert (recorded.card_brand, recorded.currency, recorded.percent) == ("visa", "EUR", 1.25)
    assert (recorded.recorded_by, recorded.recorded_at is not None) == (admin_user.get_username(), True)
    page = admin_client.get(reverse("admin:reconciliation_feecontract_change", args=[recorded.pk]))
    assert b'name="_save"' not in page.content


def test_nobody_changes_a_code_or_a_contract_whatever_the_way(admin_client, account):
    admin_client.post(
        reverse("admin:reconciliation_accountcode_add"),
        {"ledger_account": "CLEARING", "gateway_account": account.pk, "code": "0420", "name": "At gateways"},
    )
    code = AccountCode.objects.get()

    for table in ("reconciliation_accountcode", "reconciliation_feecontract"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table])
            assert cursor.fetchone() == (1,)
    for change in (lambda: AccountCode.objects.update(code="1"), lambda: code.delete()):
        with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
            change()
    assert AccountCode.objects.get().code == "0420"
