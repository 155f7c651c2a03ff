import pytest

from bookings import errors
from bookings.models import PartnerKey
from bookings.services import mint_partner_key, revoke_partner_key
from tests.bookings.shop import NOW

pytestmark = pytest.mark.django_db


def mint(partner, **fields):
    facts = {"dialects": ["octo"], "is_live": True, "label": "shop", "now": NOW} | fields
    return mint_partner_key(partner=partner, **facts)


def test_only_the_digest_of_a_key_is_kept(partner):
    key, text = mint(partner, dialects=["octo", "resource", "octo"])

    key.refresh_from_db()
    assert text.startswith("pk_live_")
    assert (key.dialects, key.is_live, key.label, key.created_at) == (["octo", "resource"], True, "shop", NOW)
    assert key.prefix == text[:12]
    assert text not in str(PartnerKey.objects.values().get())


def test_a_test_key_shows_that_it_is_one(partner):
    assert mint(partner, is_live=False)[1].startswith("pk_test_")


def test_two_keys_differ_and_a_given_one_is_taken_once(partner, other_partner):
    given = "5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10"

    assert mint(partner)[1] != mint(partner)[1]
    assert mint(partner, key=given)[1] == given
    with pytest.raises(errors.InvalidValue) as refused:
        mint(other_partner, key=given)
    assert refused.value.field == "key"
    assert given not in str(refused.value)
    assert PartnerKey.objects.filter(partner=other_partner).count() == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"dialects": []}, "dialects"), ({"dialects": ["soap"]}, "dialects"), ({"key": "short"}, "key")],
)
def test_a_key_without_sense_is_not_made(partner, fields, field):
    with pytest.raises(errors.InvalidValue) as refused:
        mint(partner, **fields)

    assert refused.value.field == field
    assert PartnerKey.objects.count() == 0


def test_a_key_is_revoked_once(partner):
    key, _ = mint(partner)

    assert revoke_partner_key(key=key, now=NOW).revoked_at == NOW
    with pytest.raises(errors.KeyAlreadyRevoked) as refused:
        revoke_partner_key(key=key, now=NOW)
    assert refused.value.prefix == key.prefix
