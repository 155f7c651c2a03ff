"""Read whom a notify wants a mail to go to."""

from dataclasses import dataclass

from api.fields import Fields
from api.octo.requests import read_contact


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyRequest:
    """Ask for one more mail, to an address or in languages other than those known of what is sold."""

    email: str | None
    locales: tuple[str, ...]
    follows_contact: bool


def read_notify(fields: Fields) -> NotifyRequest:
    """Return what a notify asks; its language is the contact's unless `useContactLanguage` is false."""
    contact = read_contact(fields)
    follows_contact = fields.boolean("useContactLanguage") is not False
    locales = contact.locales if contact is not None and follows_contact else None
    email = contact.email if contact is not None else None
    return NotifyRequest(email=email or None, locales=locales or (), follows_contact=follows_contact)
