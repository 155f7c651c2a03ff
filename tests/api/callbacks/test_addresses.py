"""Where partners may send us: a table of addresses, and names that lead there."""

import pytest

from api.callbacks.addresses import (
    AddressRefused,
    is_allowed,
    looked_up,
    looked_up_within,
    read_url,
    shown_url,
)

OUTSIDE = "93.184.215.14"


@pytest.fixture(autouse=True)
def _as_in_production(settings) -> None:
    settings.CALLBACKS = {**settings.CALLBACKS, "HTTPS_ONLY": True, "ALLOWED_NETWORKS": []}


@pytest.mark.parametrize("text", [OUTSIDE, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"])
def test_public_addresses_are_allowed(text):
    assert is_allowed(text)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "not an address",
    ],
)
def test_every_other_network_is_refused(text):
    assert not is_allowed(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://1.2.3.4/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://shop.localhost/",
        "https://postgres/",
    ],
)
def test_addresses_and_names_of_our_own_network_are_refused_unasked(url):
    with pytest.raises(AddressRefused) as refused:
        read_url(url)

    assert refused.value.code == "host_not_public"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "url_malformed"),
        ("hooks.example.com", "url_malformed"),
        ("ftp://hooks.example.com/", "url_malformed"),
        ("file:///etc/passwd", "url_malformed"),
        ("gopher://hooks.example.com/", "url_malformed"),
        ("https:///path", "url_malformed"),
        ("https://a@b@hooks.example.com/", "url_malformed"),
        ("https://hooks.example.com\\@localhost/", "url_malformed"),
        ("https://hooks.example.com/a b", "url_malformed"),
        ("https://hooks.example.com/\r\nHost: x", "url_malformed"),
        ("https://höoks.example.com/", "url_malformed"),
        ("https://-hooks.example.com/", "url_malformed"),
        ("https://hooks..example.com/", "url_malformed"),
        ("https://hooks.example.com:99999/", "url_malformed"),
        ("https://hooks.example.com/" + "a" * 1_024, "url_malformed"),
        ("http://hooks.example.com/", "https_needed"),
        ("https://hooks.example.com:22/", "port_not_allowed"),
        ("https://hooks.example.com:0/", "port_not_allowed"),
        ("https://hooks.example.com:1023/", "port_not_allowed"),
    ],
)
def test_urls_that_cannot_be_used_say_why(url, code):
    with pytest.raises(AddressRefused) as refused:
        read_url(url)

    assert refused.value.code == code


def test_a_url_is_taken_apart():
    read = read_url("https://ada:s%3Ame@Hooks.Example.com.:8443/octo?shop=1")

    assert (read.host, read.port, read.target) == ("hooks.example.com", 8443, "/octo?shop=1")
    assert read.host_header == "hooks.example.com:8443"
    assert read.authorization == "Basic YWRhOnM6bWU="
    assert "YWRh" not in repr(read)
    assert read_url("https://hooks.example.com").host_header == "hooks.example.com"


def test_people_are_shown_no_password():
    assert shown_url("https://ada:sesame@hooks.example.com:8443/octo?key=1") == "https://hooks.example.com:8443/octo?…"


@pytest.mark.parametrize(
    "found", [["10.0.0.1"], [OUTSIDE, "10.0.0.1"], [OUTSIDE, "::1"], ["::ffff:169.254.169.254"], [OUTSIDE] * 21]
)
def test_a_name_is_refused_when_one_of_its_addresses_is_not_public(found):
    with pytest.raises(AddressRefused) as refused:
        looked_up(read_url("https://hooks.example.com/"), look_up=lambda host, port: found)

    assert refused.value.code == "host_not_public"


def test_a_name_leads_to_what_was_looked_at():
    asked = []

    found = looked_up(
        read_url("https://hooks.example.com/"), look_up=lambda host, port: asked.append((host, port)) or [OUTSIDE]
    )

    assert found == (OUTSIDE,)
    assert asked == [("hooks.example.com", 443)]


def test_a_name_nobody_knows_is_refused():
    def nobody(host, port):
        raise OSError

    for look_up in (nobody, lambda host, port: []):
        with pytest.raises(AddressRefused) as refused:
            looked_up(read_url("https://hooks.example.com/"), look_up=look_up)
        assert refused.value.code == "host_unknown"


def test_networks_that_the_settings_name_are_allowed_besides(settings):
    settings.CALLBACKS = {**settings.CALLBACKS, "ALLOWED_NETWORKS": ["127.0.0.0/8"]}

    assert looked_up_within(read_url("https://127.0.0.1:8000/"), seconds=60) == ("127.0.0.1",)
    assert is_allowed("::ffff:127.0.0.1")
    assert not is_allowed("10.0.0.1")
