"""Where a guest may be sent after paying."""

import pytest

from bookings.models import Partner
from bookings.return_urls import is_return_allowed, origin_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://shop.example.com", "https://shop.example.com"),
        ("https://Shop.Example.com:443/thanks?a=1#b", "https://shop.example.com"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("https://shop.example.com@evil.example/", ""),
        ("https://shop.example.com\\@evil.example/", ""),
        ("https://shop.example.com\t.evil.example/", ""),
        ("https://shop.example.com:99999/", ""),
        ("//shop.example.com/", ""),
        ("javascript:alert(1)", ""),
        ("https:///thanks", ""),
        ("", ""),
    ],
)
def test_an_origin_is_read_as_browsers_read_it_or_not_at_all(url, origin):
    assert origin_of(url) == origin


def test_only_registered_origins_are_gone_to():
    partner = Partner(return_origins=["https://shop.example.com"])

    assert is_return_allowed(partner=partner, url="https://shop.example.com/thanks")
    assert not is_return_allowed(partner=partner, url="https://www.shop.example.com/thanks")
    assert not is_return_allowed(partner=partner, url="")
    assert not is_return_allowed(partner=Partner(return_origins=[]), url="https://shop.example.com/thanks")
