from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.management import call_command

from api.callbacks.subscriptions import headers_of, url_of
from api.models import Subscription
from bookings import encryption
from bookings.encryption import decrypt_text, encrypt_text
from bookings.models import SigningSecret
from gateways.protocol import Card
from payments.encryption import encrypt_json
from payments.management.commands import rotate_encryption_keys
from payments.models import Opening, ReusableCard, WebhookDelivery
from payments.services.cards import card_token, keep_card

pytestmark = pytest.mark.django_db
OLD_KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def secrets_under_the_old_key(house, settings):
    """Three cards, two signing secrets, a session, a webhook; then a new key in front."""
    settings.FIELD_ENCRYPTION_KEYS = [OLD_KEY]
    payment = house.payment()
    for name in ("one", "two", "three"):
        keep_card(payment=payment, card=Card(token=f"token-{name}", last4="1111"), now=house.clock())
    for slot in (1, 2):
        SigningSecret.objects.create(partner=house.partner, slot=slot, secret_encrypted=encrypt_text(f"signs-{slot}"))
    opening = house.opening(payment)
    Opening.objects.filter(pk=opening.pk).update(client_encrypted=encrypt_json({"session": "data"}))
    house.opening(payment, reference="CLOSED")
    WebhookDelivery.objects.create(
        account=payment.account, delivery_key="one", body_encrypted=encrypt_text("{}"), received_at=house.clock()
    )
    Subscription.objects.create(
        partner=house.partner,
        is_live=True,
        event="booking_update",
        url_encrypted=encrypt_text("https://hooks.example.com/octo"),
        url_fingerprint="f",
        headers_encrypted=encrypt_json({"X-Webhook-Secret": "sesame"}),
        created_at=house.clock(),
        updated_at=house.clock(),
    )
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY, OLD_KEY]


def rotate(*arguments: str) -> tuple[int | str | None, str]:
    out = StringIO()
    try:
        call_command("rotate_encryption_keys", *arguments, stdout=out, stderr=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_everything_is_readable_with_the_new_key_alone(secrets_under_the_old_key, settings):
    code, report = rotate("--batch-size", "2")

    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY]
    assert code == 0
    assert sorted(map(card_token, ReusableCard.objects.all())) == ["token-one", "token-three", "token-two"]
    secrets = SigningSecret.objects.order_by("slot").values_list("secret_encrypted", flat=True)
    assert [decrypt_text(secret) for secret in secrets] == ["signs-1", "signs-2"]
    opened = Opening.objects.exclude(client_encrypted=None).get()
    assert opened.client_encrypted is not None
    assert decrypt_text(opened.client_encrypted) == '{"session":"data"}'
    assert WebhookDelivery.objects.get().body == "{}"
    subscription = Subscription.objects.get()
    assert url_of(subscription) == "https://hooks.example.com/octo"
    assert headers_of(subscription) == {"X-Webhook-Secret": "sesame"}
    assert "ReusableCard.token_encrypted     3 rotated, 0 under the newest key already, 0 unreadable" in report
    assert "token-" not in report


def test_control_without_the_rotation_the_new_key_alone_reads_nothing(secrets_under_the_old_key, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY]

    with pytest.raises(InvalidToken):
        card_token(ReusableCard.objects.all()[0])


def test_a_second_run_goes_on_where_the_first_was_stopped(secrets_under_the_old_key, monkeypatch):
    calls = 0

    def stop_after_two(encrypted: Any) -> bytes:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise KeyboardInterrupt
        return original(encrypted)

    original = encryption.rotate
    monkeypatch.setattr(rotate_encryption_keys, "rotate", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        rotate("--batch-size", "1")
    monkeypatch.setattr(rotate_encryption_keys, "rotate", original)

    _, report = rotate()

    assert "SigningSecret.secret_encrypted   0 rotated, 2 under the newest key already, 0 unreadable" in report
    assert "ReusableCard.token_encrypted     3 rotated, 0 under the newest key already, 0 unreadable" in report


def test_a_row_under_no_key_is_named_and_left_as_it_is(secrets_under_the_old_key, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY, OLD_KEY]
    lost = ReusableCard.objects.all()[0]
    foreign = Fernet(Fernet.generate_key()).encrypt(b"whose")
    ReusableCard.objects.filter(pk=lost.pk).update(token_encrypted=foreign)

    code, report = rotate()

    assert code == 1
    assert f"ReusableCard {lost.pk}: under none of the keys" in report
    assert bytes(ReusableCard.objects.get(pk=lost.pk).token_encrypted) == foreign
    assert "2 rotated, 0 under the newest key already, 1 unreadable" in report


def test_the_encrypted_columns_are_these_and_each_is_named_so():
    names = {f"{model._meta.object_name}.{column}" for model, column in rotate_encryption_keys.encrypted_columns()}

    assert names == {
        "Challenge.action_encrypted",
        "Gift.code_encrypted",
        "Opening.client_encrypted",
        "ReusableCard.token_encrypted",
        "SigningSecret.secret_encrypted",
        "Subscription.headers_encrypted",
        "Subscription.url_encrypted",
        "WebhookDelivery.body_encrypted",
    }
