"""What guests agree to when a card is kept: the wording in force is written down with what they are asked in."""

import hashlib
from datetime import datetime

from django.conf import settings

from gateways.models import GatewayAccount
from payments.models import CardConsent, ConsentText, Opening, ReusableCard


def consent_text_for(*, account: GatewayAccount, locale: str, now: datetime) -> ConsentText:
    """Return the text an account asks guests to agree to, in their language or else the house's first one.

    The same wording is one row, however often it is used; another wording is another row.
    """
    language, text = _wording(account, locale)
    digest = hashlib.sha256(f"{language}\n{text}".encode()).hexdigest()
    known = ConsentText.objects.filter(digest=digest).first()
    if known is not None:
        return known
    new = ConsentText(digest=digest, language=language, text=text, first_used_at=now)
    ConsentText.objects.bulk_create([new], ignore_conflicts=True)
    return ConsentText.objects.get(digest=digest)


def keep_consent(*, card: ReusableCard, opening: Opening, given_at: datetime) -> None:
    """Write down that the guest who paid in an Opening agreed to its text; once for each payment."""
    if opening.consent_text_id is None:
        return
    CardConsent.objects.bulk_create(
        [
            CardConsent(
                card=card,
                payment_id=opening.payment_id,
                order_id=opening.payment.order_id,
                text_id=opening.consent_text_id,
                given_at=given_at,
            )
        ],
        ignore_conflicts=True,
    )


def _wording(account: GatewayAccount, locale: str) -> tuple[str, str]:
    house: dict[str, str] = settings.PAYMENTS["CARD_CONSENT_TEXTS"]
    asked = locale.replace("_", "-").split("-")[0].lower()
    for language in (asked, next(iter(house))):
        text = account.card_consent_texts.get(language) or house.get(language)
        if text:
            return language, text
    raise AssertionError("the house-wide consent has no text in its first language")
