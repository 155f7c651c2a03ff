"""One POST over real sockets: what receivers do, and what we make of it."""

import datetime
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.callbacks.addresses import read_url
from api.callbacks.events import manner_of
from api.callbacks.sending import Message, post
from api.models import Subscription
from tests.api.callbacks.receiver import receiver


def message(url: str, **headers: str) -> Message:
    return Message(destination=read_url(url), headers=headers, body=b'{"a":1}')


def test_a_message_arrives_as_it_was_made():
    with receiver() as partner:
        attempt = post(message(f"{partner.url}?x=1", **{"Content-Type": "application/json"}), seconds=60)

    (got,) = partner.got
    assert (attempt.status_code, attempt.error) == (200, "")
    assert (got.method, got.target, got.body) == ("POST", "/octo?x=1", b'{"a":1}')
    assert got.headers == {
        "host": f"127.0.0.1:{partner.port}",
        "content-type": "application/json",
        "content-length": "7",
        "connection": "close",
    }


def test_what_a_receiver_answers_is_told_and_nothing_is_made_of_it():
    with receiver() as partner:
        partner.status = 503
        attempt = post(message(partner.url), seconds=60)

    assert (attempt.status_code, attempt.error) == (503, "")


@pytest.mark.parametrize(
    ("event", "receipts"),
    [("booking_update", {200, 204, 299}), ("order_update", {200, 204, 299}), ("invoice_update", {200})],
)
def test_what_counts_as_a_receipt_depends_on_what_is_told(event, receipts):
    manner = manner_of(Subscription(event=event))

    assert {code for code in (199, 200, 204, 299, 301, 400, 500) if manner.is_receipt(code)} == receipts


def test_an_invoice_is_told_again_after_a_minute_then_two_then_three_and_a_hundred_times_in_all():
    seconds = manner_of(Subscription(event="invoice_update")).retry_seconds

    assert (seconds[:3], seconds[-1], len(seconds) + 1) == ([60, 120, 180], 99 * 60, 100)


def test_redirects_are_not_followed():
    with receiver() as elsewhere, receiver("redirect") as partner:
        partner.location = elsewhere.url
        attempt = post(message(partner.url), seconds=60)

    assert attempt.status_code == 307
    assert elsewhere.got == []


@pytest.mark.parametrize("behavior", ["hang", "drip"])
def test_a_slow_receiver_gets_one_deadline_for_all_of_it(behavior):
    with receiver(behavior) as partner:
        started = time.monotonic()
        attempt = post(message(partner.url), seconds=0.6)
        took = time.monotonic() - started

    assert (attempt.status_code, attempt.error) == (None, "timeout")
    assert 0.5 < took < 30


@pytest.mark.parametrize("behavior", ["drip body", "flood"])
def test_nobody_reads_what_a_receiver_says_beyond_its_status(behavior):
    with receiver(behavior) as partner:
        started = time.monotonic()
        attempt = post(message(partner.url), seconds=60)

    assert attempt.status_code == 200
    assert time.monotonic() - started < 30


def test_a_receiver_that_is_away_is_no_answer():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        attempt = post(message(f"http://127.0.0.1:{bound.getsockname()[1]}/"), seconds=60)

    assert attempt.error == "no_answer (ConnectionRefusedError)"


def test_what_is_not_allowed_is_refused_again_at_each_attempt():
    with receiver() as partner:
        attempt = post(
            message(f"http://hooks.example.com:{partner.port}/"), seconds=60, look_up=lambda host, port: ["10.0.0.1"]
        )

    assert attempt.error == "host_not_public"
    assert partner.got == []


def _certificate(tmp_path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what a server named so presents, and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


def test_the_connection_goes_to_the_pinned_address_and_speaks_to_the_name(tmp_path):
    server, trust = _certificate(tmp_path, "hooks.example.com")
    names = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)

    with receiver(wrap=lambda connection: server.wrap_socket(connection, server_side=True)) as partner:
        url = f"https://hooks.example.com:{partner.port}/octo"
        attempt = post(message(url), seconds=60, look_up=lambda host, port: ["127.0.0.1"], trust=trust)

    assert attempt.status_code == 200
    assert names == ["hooks.example.com"]
    assert partner.got[0].headers["host"] == f"hooks.example.com:{partner.port}"


def test_a_certificate_of_another_name_or_of_nobody_is_refused_before_anything_is_sent(tmp_path):
    server, trust = _certificate(tmp_path, "other.example.com")

    with receiver(wrap=lambda connection: server.wrap_socket(connection, server_side=True)) as partner:
        url = f"https://hooks.example.com:{partner.port}/octo"
        for trusted in (trust, None):
            attempt = post(message(url), seconds=60, look_up=lambda host, port: ["127.0.0.1"], trust=trusted)
            assert attempt.error.startswith("tls_failed")

    assert partner.got == []


def test_a_handshake_that_never_ends_has_the_same_deadline():
    with receiver("hang", wrap=lambda connection: connection) as partner:
        started = time.monotonic()
        attempt = post(message(f"https://127.0.0.1:{partner.port}/"), seconds=0.5)

    assert attempt.error == "timeout"
    assert time.monotonic() - started < 30
