"""Render the mails we send, in the reader's language, as they go out: nothing rendered is ever stored.

Each kind has a folder in templates/emails with subject.txt, body.txt and body.html.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from io import BytesIO
from typing import Any
from uuid import UUID

import segno
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from bookings.gift_codes import code_of
from bookings.models import Booking, MailKind, OutgoingMail
from bookings.money_words import in_words
from bookings.pay_links import link_address
from bookings.rules import zone_of
from money import Money

TEST_MARK = "[TEST] "
_QR_NAME = "gift-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Be what a template is given, and what goes with the mail."""

    words: Mapping[str, Any]
    attachments: tuple[MIMEBase, ...] = field(default=())


def render_mail(mail: OutgoingMail) -> EmailMultiAlternatives:
    """Return a mail ready to be sent, with its rows read as they are now."""
    with translation.override(mail.language):
        content = _CONTENTS[MailKind(mail.kind)](mail)
        words = {**mail.context, **content.words, "language": mail.language}
        folder = f"emails/{mail.kind.lower()}"
        # A line break in a name would end the header.
        subject = " ".join(render_to_string(f"{folder}/subject.txt", words).split())
        message = EmailMultiAlternatives(
            subject=subject if _is_live(mail) else TEST_MARK + subject,
            body=render_to_string(f"{folder}/body.txt", words).strip() + "\n",
            to=[mail.to],
            # The same mail sent twice, because an answer was lost, is one mail to the reader's mail server.
            headers={"Message-ID": f"<{mail.pk}@{settings.MAIL_DOMAIN}>", "Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(render_to_string(f"{folder}/body.html", words), "text/html")
    if content.attachments:
        message.mixed_subtype = "related"
        for attachment in content.attachments:
            message.attach(attachment)
    return message


def mail_language(*locales: str) -> str:
    """Return the first language of ours among language tags, such as de for de-AT; else the house's own."""
    ours = {code for code, _ in settings.LANGUAGES}
    for locale in locales:
        language = locale.replace("_", "-").partition("-")[0].lower()
        if language in ours:
            return language
    return settings.LANGUAGE_CODE


def _is_live(mail: OutgoingMail) -> bool:
    about = mail.gift or mail.booking or mail.order
    return about is None or about.is_live


def _order_summary(mail: OutgoingMail) -> Content:
    assert mail.order is not None
    bookings = mail.order.bookings.select_related("product", "availability").order_by("created_at", "pk")
    gifts = mail.order.gifts.order_by("created_at", "pk")
    return Content(
        words={
            "order": mail.order,
            "bookings": [_booking_words(booking) for booking in bookings],
            # Never the code: a gift's own mail brings it, to whom it is for.
            "gifts": [
                {
                    "reference": gift.reference,
                    "status": gift.status,
                    "price": in_words(Money(gift.amount_minor, gift.currency)),
                }
                for gift in gifts
            ],
        }
    )


def _booking_words(booking: Booking) -> dict[str, Any]:
    start = booking.availability.starts_at.astimezone(zone_of(booking.product)) if booking.availability else None
    return {
        "reference": booking.reference,
        "status": booking.status,
        "product": booking.product.name,
        "start": start.replace(tzinfo=None) if start else None,
        "price": in_words(Money(booking.retail_minor, booking.currency)),
    }


def _gift_code(mail: OutgoingMail) -> Content:
    gift = mail.gift
    assert gift is not None
    code = code_of(gift)
    assert code is not None, "a gift that was never confirmed has no code to be mailed"
    picture = BytesIO()
    segno.make(code, error="m", micro=False).save(picture, kind="png", scale=8, border=4)
    image = MIMEImage(picture.getvalue(), "png")
    image.add_header("Content-ID", f"<{_QR_NAME}>")
    image.add_header("Content-Disposition", "inline", filename="gift.png")
    words = {
        "gift": gift,
        "code": code,
        "amount": in_words(Money(gift.amount_minor, gift.currency)),
        "buyer": gift.contact_full_name or f"{gift.contact_first_name} {gift.contact_last_name}".strip(),
        "picture": _QR_NAME,
    }
    return Content(words=words, attachments=(image,))


def _balance_due(mail: OutgoingMail) -> Content:
    words = _payment_link(mail).words
    return Content(words={**words, "due_date": date.fromisoformat(mail.context["due_date"])})


def _payment_link(mail: OutgoingMail) -> Content:
    currency, surcharge_minor = mail.context["currency"], mail.context["surcharge_minor"]
    return Content(
        words={
            **_order_summary(mail).words,
            # The address is signed as the mail goes out, so that none rests in the outbox.
            "link": link_address(UUID(mail.context["link"])),
            "amount": in_words(Money(mail.context["amount_minor"], currency)),
            "surcharge": in_words(Money(surcharge_minor, currency)) if surcharge_minor else "",
        }
    )


_CONTENTS: dict[MailKind, Callable[[OutgoingMail], Content]] = {
    MailKind.ORDER_SUMMARY: _order_summary,
    MailKind.GIFT_CODE: _gift_code,
    MailKind.BALANCE_DUE: _balance_due,
    MailKind.PAYMENT_LINK: _payment_link,
}
