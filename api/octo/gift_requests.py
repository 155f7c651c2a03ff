"""Read what octo/gifts asks into frozen requests of our own words; a bad field is refused by name."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict
from django.utils.translation import gettext as _

from api.fields import LARGEST_AMOUNT, FieldRefused, Fields
from api.octo.catalogue_requests import LONGEST_ID, query_values
from api.octo.errors import GIFTS_FIELDS_REQUIRED, INVALID_GIFT_UUID, Refusal
from api.octo.list_requests import ListRequest, check_pairs, read_list, read_statuses
from api.octo.requests import read_contact, read_minutes, read_return_url
from bookings.free_text import CONTACT_LENGTHS, LONGEST_NOTE, LONGEST_REFERENCE
from bookings.gift_codes import LONGEST_CODE
from bookings.requests import GiftChanges, GiftFilter, GiftRequest


def read_gift_code(fields: Fields) -> str | None:
    """Return the code of `giftPayment`: "" where it is there without one, None where it is not there."""
    payment = fields.child("giftPayment")
    if payment is None:
        return None
    return (payment.text("code", longest=LONGEST_CODE) or "").strip()


def read_gift(fields: Fields, *, with_cards: bool, with_order: bool, language: str) -> GiftRequest:
    """Return what POST /gifts asks."""
    amount = fields.integer("amount", least=1, most=LARGEST_AMOUNT, is_required=True)
    assert amount is not None
    name, email = _recipient(fields)
    return GiftRequest(
        amount_minor=amount,
        currency=fields.currency("currency"),
        uuid=_gift_uuid(fields),
        expiration_minutes=read_minutes(fields),
        message=fields.text("message", longest=LONGEST_NOTE),
        recipient_full_name=name,
        recipient_email=email,
        contact=read_contact(fields),
        notes=fields.text("notes", longest=LONGEST_NOTE),
        reseller_reference=fields.text("resellerReference", longest=LONGEST_REFERENCE),
        settlement_method=fields.text("settlementMethod", longest=32),
        return_url=read_return_url(fields) if with_cards else None,
        order_id=fields.text("orderId", longest=LONGEST_ID) if with_order else None,
        language=language,
    )


def read_gift_changes(fields: Fields, *, with_cards: bool) -> GiftChanges:
    """Return what PATCH /gifts/{uuid} changes, or a preview of it."""
    name, email = _recipient(fields)
    return GiftChanges(
        amount_minor=fields.integer("amount", least=1, most=LARGEST_AMOUNT),
        currency=fields.currency("currency"),
        expiration_minutes=read_minutes(fields),
        message=fields.text("message", longest=LONGEST_NOTE),
        recipient_full_name=name,
        recipient_email=email,
        contact=read_contact(fields),
        notes=fields.text("notes", longest=LONGEST_NOTE),
        reseller_reference=fields.text("resellerReference", longest=LONGEST_REFERENCE),
        return_url=read_return_url(fields) if with_cards else None,
    )


def read_gift_confirm(fields: Fields, *, with_cards: bool) -> GiftChanges:
    """Return what a confirm changes before it confirms: never what the gift is worth, and never the hold."""
    name, email = _recipient(fields)
    return GiftChanges(
        message=fields.text("message", longest=LONGEST_NOTE),
        recipient_full_name=name,
        recipient_email=email,
        contact=read_contact(fields),
        notes=fields.text("notes", longest=LONGEST_NOTE),
        reseller_reference=fields.text("resellerReference", longest=LONGEST_REFERENCE),
        return_url=read_return_url(fields) if with_cards else None,
    )


def read_gift_list(query: QueryDict) -> ListRequest[GiftFilter]:
    """Return what GET /gifts asks; one of the primary filters is needed."""
    fields = Fields(query_values(query, lists=("statuses",)))
    filters = GiftFilter(
        reseller_reference=fields.text("resellerReference", longest=LONGEST_REFERENCE) or None,
        supplier_reference=fields.text("supplierReference", longest=LONGEST_REFERENCE) or None,
        created_from=fields.moment("utcCreatedAtStart"),
        created_to=fields.moment("utcCreatedAtEnd"),
        updated_from=fields.moment("utcUpdatedAtStart"),
        updated_to=fields.moment("utcUpdatedAtEnd"),
        contact_email=fields.text("contactEmailAddress", longest=CONTACT_LENGTHS["email"]) or None,
        statuses=read_statuses(fields),
    )
    check_pairs(fields, "utcCreatedAt", "utcUpdatedAt")
    primary = (
        filters.reseller_reference,
        filters.supplier_reference,
        filters.created_from,
        filters.updated_from,
        filters.contact_email,
    )
    if all(value is None for value in primary):
        raise Refusal(
            GIFTS_FIELDS_REQUIRED,
            _("Send one of the filters: %(filters)s.")
            % {
                "filters": "resellerReference, supplierReference, utcCreatedAtStart and utcCreatedAtEnd, "
                "utcUpdatedAtStart and utcUpdatedAtEnd, contactEmailAddress"
            },
        )
    return read_list(fields, filters)


def _recipient(fields: Fields) -> tuple[str | None, str | None]:
    recipient = fields.child("recipient")
    if recipient is None:
        return None, None
    email = recipient.text("emailAddress", longest=CONTACT_LENGTHS["email"])
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise recipient.refuse("emailAddress", _("must be an e-mail address")) from None
    # A recipient that is sent is the whole recipient.
    return recipient.text("fullName", longest=CONTACT_LENGTHS["full_name"]) or "", email or ""


def _gift_uuid(fields: Fields) -> str | None:
    sent = fields.text("uuid", longest=LONGEST_ID)
    if sent is None:
        return None
    try:
        return fields.identifier("uuid")
    except FieldRefused as error:
        raise Refusal(INVALID_GIFT_UUID, _("The uuid of a gift must be a uuid."), uuid=sent) from error
