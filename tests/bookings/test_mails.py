import smtplib
import threading
from datetime import timedelta

import pytest
from django.core import mail as sent_mails

from bookings.errors import MailNotSendable
from bookings.mailing import mail_language, render_mail
from bookings.models import MailKind, MailStatus, OutgoingMail
from bookings.services import drain_mails, prune_mails, send_mail_again, write_mail
from bookings.services.mails import deliver_mail, due_mails
from tests.bookings.shop import NOW

pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def summary(shop, *, key="first", language="en", to="ada@example.com", **fields):
    booking = shop.reserve(**fields)
    return write_mail(
        kind=MailKind.ORDER_SUMMARY, subject_key=key, to=to, language=language, order=booking.order, now=NOW
    )


def no_mail_server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9


def test_a_mail_is_written_once_however_often_it_is_asked_for(shop):
    first = summary(shop)
    again = write_mail(
        kind=MailKind.ORDER_SUMMARY, subject_key="first", to="eve@example.com", language="de", order=None, now=NOW
    )

    assert again == first
    assert OutgoingMail.objects.get().to == "ada@example.com"


def test_a_mail_goes_out_once_and_says_what_was_booked(shop, clock):
    written = summary(shop)

    assert [drain_mails(clock=clock), drain_mails(clock=clock)] == [1, 0]

    (mail,) = sent_mails.outbox
    written.refresh_from_db()
    assert (written.status, written.sent_at, written.attempts) == ("SENT", NOW, 1)
    assert mail.to == ["ada@example.com"]
    assert mail.subject == f"Your booking {written.order.reference}"
    assert mail.extra_headers["Message-ID"] == f"<{written.pk}@example.com>"
    html = mail.alternatives[0].content
    for text in (mail.body, html):
        assert "Kayak tour on the Spree" in text
        assert "Nov. 23, 2026, 10 a.m." in text
        assert "90.00 EUR" in text


def test_a_mail_speaks_the_readers_language(shop):
    mail = render_mail(summary(shop, language="de"))

    assert mail.subject.startswith("Ihre Buchung OR-")
    assert "das haben Sie gebucht:" in mail.body
    assert "23. November 2026 10:00" in mail.body
    assert "90,00 EUR" in mail.body
    assert '<html lang="de">' in mail.alternatives[0].content


def test_what_people_wrote_is_text_and_never_markup(shop):
    shop.product.name = "Kayak <script>alert(1)</script>"
    shop.product.save()

    mail = render_mail(summary(shop))

    assert "<script>alert(1)</script>" in mail.body
    assert "<script>" not in mail.alternatives[0].content


def test_a_mail_about_a_test_order_says_so(shop):
    assert render_mail(summary(shop, is_live=False)).subject.startswith("[TEST] Your booking ")


@pytest.mark.parametrize(
    ("locales", "language"),
    [((), "en"), (("de-AT",), "de"), (("fr", "de_CH"), "de"), (("xx", ""), "en"), (("en-GB", "de"), "en")],
)
def test_the_language_is_the_first_of_ours(locales, language):
    assert mail_language(*locales) == language


def test_a_mail_server_that_is_away_is_tried_on_a_schedule_and_then_left_to_staff(shop, clock, settings):
    no_mail_server(settings)
    written = summary(shop)
    waits = []

    for _ in range(7):
        drain_mails(clock=clock)
        written.refresh_from_db()
        if written.next_attempt_at is None:
            break
        waits.append((written.next_attempt_at - clock.now).total_seconds())
        clock.now = written.next_attempt_at

    assert waits == settings.BOOKINGS["MAIL_RETRY_SECONDS"]
    assert (written.status, written.attempts) == ("FAILED", 7)
    assert written.last_error == "ConnectionRefusedError"
    assert due_mails(now=clock.now + timedelta(days=400)) == []


def test_a_mail_that_cannot_go_out_keeps_no_other_from_it(shop, clock):
    broken = summary(shop, key="broken", to="ada@example.com\nBcc: eve@example.com")
    summary(shop, key="whole")

    assert drain_mails(clock=clock) == 1

    broken.refresh_from_db()
    assert (broken.status, broken.last_error) == ("WAITING", "BadHeaderError")
    assert [mail.to for mail in sent_mails.outbox] == [["ada@example.com"]]


def test_a_worker_that_died_is_followed_by_another_after_its_lease(shop, clock, settings):
    written = summary(shop)
    OutgoingMail.objects.update(claimed_until=NOW + timedelta(seconds=60), attempts=1)

    assert deliver_mail(mail_id=written.pk, clock=clock) is None
    clock.now = NOW + timedelta(seconds=61)
    assert deliver_mail(mail_id=written.pk, clock=clock) == MailStatus.SENT
    assert len(sent_mails.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_held_while_the_mail_server_is_talked_to(shop, clock, settings):
    """A mail server that answers while another connection reads and locks the row: nobody waits for anybody."""
    settings.EMAIL_BACKEND = "tests.bookings.slow_mail.LockingBackend"
    written = summary(shop)

    assert deliver_mail(mail_id=written.pk, clock=clock) == MailStatus.SENT


def test_sent_mails_are_forgotten_and_failed_ones_are_kept(shop, settings):
    sent, failed, young = (summary(shop, key=key) for key in ("sent", "failed", "young"))
    long_ago = NOW - timedelta(days=settings.BOOKINGS["KEEP_SENT_MAILS_DAYS"] + 1)
    OutgoingMail.objects.filter(pk=sent.pk).update(status="SENT", sent_at=long_ago, next_attempt_at=None)
    OutgoingMail.objects.filter(pk=failed.pk).update(status="FAILED", next_attempt_at=None)
    OutgoingMail.objects.filter(pk=young.pk).update(status="SENT", sent_at=NOW, next_attempt_at=None)

    assert prune_mails(now=NOW) == 1
    assert set(OutgoingMail.objects.values_list("subject_key", flat=True)) == {"failed", "young"}


def test_a_mail_that_waits_is_not_sent_again(shop):
    with pytest.raises(MailNotSendable):
        send_mail_again(mail=summary(shop), now=NOW)


def test_a_real_mail_server_gets_both_bodies(shop, clock, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    server = SmallMailServer()
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.address
    summary(shop, language="de")

    with server:
        assert drain_mails(clock=clock) == 1

    assert b"Content-Type: text/plain" in server.received
    assert b"Content-Type: text/html" in server.received
    assert b"To: ada@example.com" in server.received


def test_what_a_mail_server_refuses_is_noted_with_its_code_alone(shop, clock, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    server = SmallMailServer(refusal=b"452 no room for ada@example.com\r\n")
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.address
    written = summary(shop)

    with server:
        drain_mails(clock=clock)

    written.refresh_from_db()
    assert written.last_error == "SMTPSenderRefused 452"
    assert issubclass(smtplib.SMTPSenderRefused, smtplib.SMTPResponseException)


class SmallMailServer:
    """Take one mail by SMTP on a socket of our own, or refuse its sender."""

    def __init__(self, *, refusal: bytes = b"") -> None:
        import socket

        self._listening = socket.create_server(("127.0.0.1", 0))
        self._refusal = refusal
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.received = b""

    @property
    def address(self):
        return self._listening.getsockname()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(60)
        self._listening.close()

    def _serve(self):
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rwb", buffering=0) as wire:
            wire.write(b"220 ready\r\n")
            is_body = False
            while line := wire.readline():
                if is_body:
                    self.received += line
                    is_body = line != b".\r\n"
                    answer = b"" if is_body else b"250 taken\r\n"
                elif line.upper().startswith(b"DATA"):
                    is_body, answer = True, b"354 go on\r\n"
                elif line.upper().startswith(b"MAIL") and self._refusal:
                    answer = self._refusal
                elif line.upper().startswith(b"QUIT"):
                    wire.write(b"221 bye\r\n")
                    return
                else:
                    answer = b"250 fine\r\n"
                if answer:
                    wire.write(answer)
