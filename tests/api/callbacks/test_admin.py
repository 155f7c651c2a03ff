"""What staff see of callbacks, and the two things they may do: send again, and change signing secrets."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from api.callbacks.signing import active_secrets, mint_signing_secret
from api.context.models import ContextPreference
from api.finance.models import FinanceKey
from api.models import Delivery, Subscription
from bookings.models import SigningSecret
from tests.backoffice.actions.pressing import audited, page, press, token_for

pytestmark = pytest.mark.django_db
# How a partner's client wants its answers is set by staff, and keys are minted by them; everything else is a record.
API_MODELS = [
    model
    for model in admin.site._registry
    if model._meta.app_label == "api" and model not in (ContextPreference, FinanceKey)
]


@pytest.fixture
def told(shop, octo, partner, beat) -> dict:
    """A delivery that failed, at a receiver with passwords."""
    octo.post(
        "/webhooks",
        {
            "event": "booking_update",
            "url": f"http://ada:sesame@127.0.0.1:{partner.port}/octo?key=almond",
            "headers": {"X-Webhook-Secret": "walnut"},
            "retryOnError": False,
        },
    )
    partner.status = 500
    booking = shop.reserve(octo)
    beat.tell()
    return booking


@pytest.mark.parametrize("model", API_MODELS, ids=lambda model: model._meta.model_name)
def test_every_list_and_row_is_shown_and_nothing_is_edited(admin_client, told, model, django_assert_max_num_queries):
    name = model._meta.model_name
    url = reverse(f"admin:api_{name}_changelist")
    with django_assert_max_num_queries(15):
        assert admin_client.get(url).status_code == 200
    for text in ("127.0.0.1", "BK-7Q2KMX4H", told["uuid"], "sesame"):
        assert admin_client.get(url, {"q": text}).status_code == 200
    row = model.objects.first()
    if row is not None:
        page = admin_client.get(reverse(f"admin:api_{name}_change", args=[row.pk]))
        assert page.status_code == 200
        assert b'name="_save"' not in page.content
        assert not any(secret in page.content for secret in (b"sesame", b"walnut", b"almond"))
        assert admin_client.post(reverse(f"admin:api_{name}_delete", args=[row.pk])).status_code == 403
    assert admin_client.get(reverse(f"admin:api_{name}_add")).status_code == 403


def test_a_delivery_is_found_by_what_a_support_person_pastes(admin_client, told):
    delivery = Delivery.objects.select_related("booking", "order").get()
    url = reverse("admin:api_delivery_changelist")

    for text in (told["uuid"], told["supplierReference"], delivery.order.reference, "127.0.0.1"):
        assert str(delivery.pk).encode() in admin_client.get(url, {"q": text}).content, text
    assert str(delivery.pk).encode() not in admin_client.get(url, {"q": "elsewhere.example.com"}).content


def test_send_again_is_confirmed_by_those_who_may_and_is_done_once(client, admin_client, told, partner, beat, shop):
    delivery = Delivery.objects.get()
    url = page("resend", delivery)
    watcher = User.objects.create_user("watcher", is_staff=True)
    watcher.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client.force_login(watcher)
    row = reverse("admin:api_delivery_change", args=[delivery.pk])
    assert url.encode() not in client.get(row).content
    assert client.post(url).status_code == 403
    assert url.encode() in admin_client.get(row).content
    partner.status = 200
    tokens = [token_for(admin_client, "resend", delivery) for _ in range(2)]

    sent, late = [press(admin_client, "resend", delivery, token) for token in tokens]
    beat.later(seconds=1)
    beat.tell()

    assert sent == ["Sent again within seconds."]
    assert late == ["Something happened since you looked at it; nothing was done. Look again."]
    assert [body["booking"]["uuid"] for body in partner.bodies] == [told["uuid"]] * 2
    assert sorted(Delivery.objects.values_list("status", flat=True)) == ["DELIVERED", "DROPPED"]
    assert [action for _, action, _ in audited()] == ["resent callback", "not resent callback"]


def test_nothing_is_sent_again_to_a_subscription_that_ended(admin_client, told, octo):
    delivery = Delivery.objects.get()
    token = token_for(admin_client, "resend", delivery)
    octo.delete(f"/webhooks/{Subscription.objects.get().pk}")

    (said,) = press(admin_client, "resend", delivery, token)

    assert said == f"There is no subscription '{delivery.subscription_id}'."
    assert Delivery.objects.count() == 1


def test_a_minted_secret_is_shown_in_that_answer_and_never_again(admin_client, shop):
    url = reverse("admin:bookings_signingsecret_add")

    answer = admin_client.post(url, {"partner": str(shop.partner.pk)})

    found = re.search(r'id="minted-secret">([^<]+)<', answer.content.decode())
    assert found is not None
    text = found[1]
    assert text.startswith("whsec_")
    assert len(text) > 40
    assert active_secrets(partner_id=shop.partner.pk) == [text]
    secret = SigningSecret.objects.get()
    assert text.encode() not in bytes(secret.secret_encrypted)
    for address in (
        reverse("admin:bookings_signingsecret_changelist"),
        reverse("admin:bookings_signingsecret_change", args=[secret.pk]),
    ):
        shown = admin_client.get(address)
        assert shown.status_code == 200
        assert text.encode() not in shown.content
    assert "no-store" in answer.headers["Cache-Control"]


def test_two_secrets_are_active_at_most_and_a_retired_one_makes_room(admin_client, shop):
    url = reverse("admin:bookings_signingsecret_add")
    first, _ = mint_signing_secret(partner=shop.partner)
    _, second_text = mint_signing_secret(partner=shop.partner)

    full = admin_client.post(url, {"partner": str(shop.partner.pk)})
    assert b"retire the older one first" in full.content
    assert SigningSecret.objects.count() == 2
    action = {"action": "retire_secrets", "_selected_action": [str(first.pk)]}
    listed = reverse("admin:bookings_signingsecret_changelist")
    assert b"at once and for good" in admin_client.post(listed, action).content
    assert SigningSecret.objects.filter(retired_at__isnull=True).count() == 2
    admin_client.post(listed, {**action, "confirmed": "Retire"})
    again = admin_client.post(listed, {**action, "confirmed": "Retire"}, follow=True)

    assert active_secrets(partner_id=shop.partner.pk) == [second_text]
    assert b"was retired before" in again.content
    assert b"minted-secret" in admin_client.post(url, {"partner": str(shop.partner.pk)}).content
    assert SigningSecret.objects.filter(retired_at__isnull=True).count() == 2
