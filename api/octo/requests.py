"""Read what OCTO's booking calls ask into frozen requests of our own words; a bad field is refused by name."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict
from django.utils.translation import gettext as _

from api.fields import LARGEST_AMOUNT, FieldRefused, Fields
from api.octo.catalogue_requests import DEFAULT_OPTION, LONGEST_ID, product_and_option, query_values
from api.octo.errors import BAD_REQUEST, INVALID_BOOKING_UUID, Refusal
from api.octo.list_requests import ListRequest, check_pairs, read_last_name, read_list, read_statuses
from bookings.free_text import (
    CONTACT_LENGTHS,
    LONGEST_CUSTOMER_REFERENCE,
    LONGEST_LOCALE,
    LONGEST_METADATA_KEY,
    LONGEST_METADATA_VALUE,
    LONGEST_NOTE,
    LONGEST_REASON,
    LONGEST_REFERENCE,
    LONGEST_RETURN_URL,
    MOST_LOCALES,
    MOST_METADATA,
    is_country,
    is_web_address,
)
from bookings.requests import (
    MOST_UNIT_ITEMS,
    BookingChanges,
    BookingFilter,
    ContactDetails,
    ReserveRequest,
    UnitItemRequest,
)
from card_numbers import mask_card_numbers
from money import Money

MOST_MINUTES = 525_600
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")


def read_reserve(fields: Fields, *, with_cards: bool, with_pricing: bool, with_order: bool = False) -> ReserveRequest:
    """Return what POST /bookings asks; `with_cards`: where a guest returns to after paying, and whose cards may pay."""
    product_id, option_id = product_and_option(fields)
    return ReserveRequest(
        product_id=product_id,
        option_id=option_id,
        availability_id=fields.text("availabilityId", longest=LONGEST_ID),
        unit_items=_unit_items(fields) or (),
        uuid=_booking_uuid(fields),
        expiration_minutes=read_minutes(fields),
        notes=fields.text("notes", longest=LONGEST_NOTE),
        reseller_reference=fields.text("resellerReference", longest=LONGEST_REFERENCE),
        contact=read_contact(fields),
        currency=fields.currency("currency"),
        settlement_method=fields.text("settlementMethod", longest=32),
        email_receipt=fields.boolean("emailReceipt"),
        metadata=_metadata(fields),
        return_url=read_return_url(fields) if with_cards else None,
        customer_reference=read_customer_reference(fields) if with_cards else None,
        expected_retail=_expected_retail(fields) if with_pricing else None,
        order_id=fields.text("orderId", longest=LONGEST_ID) if with_order else None,
    )


def _expected_retail(fields: Fields) -> Money | None:
    """Return the price the partner told its guest: `pricing`, of which retail and currency are compared."""
    pricing = fields.child("pricing")
    if pricing is None:
        return None
    retail = pricing.integer("retail", least=0, most=LARGEST_AMOUNT, is_required=True)
    currency = pricing.currency("currency", is_required=True)
    assert retail is not None
    assert currency is not None
    return Money(retail, currency)


def read_changes(fields: Fields, *, with_cards: bool, with_pricing: bool) -> BookingChanges:
    """Return what PATCH /bookings/{uuid} and the body of a confirm change."""
    option_id = fields.text("optionId", longest=LONGEST_ID)
    return BookingChanges(
        product_id=fields.text("productId", longest=LONGEST_ID),
        option_id=None if option_id == DEFAULT_OPTION else option_id,
        takes_default_option=option_id == DEFAULT_OPTION,
        availability_id=fields.text("availabilityId", longest=LONGEST_ID),
        unit_items=_unit_items(fields),
        contact=read_contact(fields),
        notes=fields.text("notes", longest=LONGEST_NOTE),
        reseller_reference=fields.text("resellerReference", longest=LONGEST_REFERENCE),
        email_receipt=fields.boolean("emailReceipt"),
        metadata=_metadata(fields),
        return_url=read_return_url(fields) if with_cards else None,
        customer_reference=read_customer_reference(fields) if with_cards else None,
        currency=fields.currency("currency"),
        expiration_minutes=read_minutes(fields),
        expected_retail=_expected_retail(fields) if with_pricing else None,
    )


def read_confirm(fields: Fields, *, with_cards: bool, with_pricing: bool) -> BookingChanges:
    """Return what a confirm changes before it confirms: never the departure, and never the hold."""
    return BookingChanges(
        unit_items=_unit_items(fields),
        contact=read_contact(fields),
        notes=fields.text("notes", longest=LONGEST_NOTE),
        reseller_reference=fields.text("resellerReference", longest=LONGEST_REFERENCE),
        email_receipt=fields.boolean("emailReceipt"),
        return_url=read_return_url(fields) if with_cards else None,
        expected_retail=_expected_retail(fields) if with_pricing else None,
    )


def read_extend(fields: Fields) -> int:
    """Return the minutes POST /bookings/{uuid}/extend asks for."""
    minutes = read_minutes(fields, is_required=True)
    assert minutes is not None
    return minutes


def read_cancel(fields: Fields) -> str:
    """Return the reason a cancel gives; `force` is checked for its type only, for only staff may force."""
    fields.boolean("force")
    return fields.text("reason", longest=LONGEST_REASON) or ""


def read_booking_list(query: QueryDict) -> ListRequest[BookingFilter]:
    """Return what GET /bookings asks; one of the primary filters is needed."""
    fields = Fields(query_values(query, lists=("statuses",)))
    one_date = fields.date("localDate")
    filters = BookingFilter(
        reseller_reference=fields.text("resellerReference", longest=LONGEST_REFERENCE) or None,
        supplier_reference=fields.text("supplierReference", longest=LONGEST_REFERENCE) or None,
        local_date_start=one_date or fields.date("localDateStart"),
        local_date_end=one_date or fields.date("localDateEnd"),
        created_from=fields.moment("utcCreatedAtStart"),
        created_to=fields.moment("utcCreatedAtEnd"),
        updated_from=fields.moment("utcUpdatedAtStart"),
        updated_to=fields.moment("utcUpdatedAtEnd"),
        contact_email=fields.text("contactEmailAddress", longest=CONTACT_LENGTHS["email"]) or None,
        contact_phone=fields.text("contactPhoneNumber", longest=CONTACT_LENGTHS["phone"]) or None,
        contact_last_name=read_last_name(fields),
        availability_id=fields.text("availabilityId", longest=LONGEST_ID) or None,
        product_id=fields.text("productId", longest=LONGEST_ID) or None,
        option_id=fields.text("optionId", longest=LONGEST_ID) or None,
        statuses=read_statuses(fields),
    )
    check_pairs(fields, "localDate", "utcCreatedAt", "utcUpdatedAt")
    if not _has_primary_filter(filters):
        raise Refusal(
            BAD_REQUEST,
            _("Send one of the filters: %(filters)s.") % {"filters": "resellerReference, supplierReference, localDate, "
              "localDateStart and localDateEnd, utcCreatedAtStart and utcCreatedAtEnd, utcUpdatedAtStart and "
              "utcUpdatedAtEnd, availabilityId, contactEmailAddress, contactPhoneNumber, contactLastName"},
        )  # fmt: skip
    return read_list(fields, filters)


def _has_primary_filter(filters: BookingFilter) -> bool:
    return any(
        value is not None
        for value in (
            filters.reseller_reference,
            filters.supplier_reference,
            filters.local_date_start,
            filters.created_from,
            filters.updated_from,
            filters.contact_email,
            filters.contact_phone,
            filters.contact_last_name,
            filters.availability_id,
        )
    )


def _unit_items(fields: Fields) -> tuple[UnitItemRequest, ...] | None:
    items = fields.children("unitItems", most=MOST_UNIT_ITEMS)
    if items is None:
        return None
    return tuple(
        UnitItemRequest(
            unit_id=item.text("unitId", longest=LONGEST_ID, is_required=True) or "",
            uuid=item.identifier("uuid"),
            reseller_reference=item.text("resellerReference", longest=LONGEST_REFERENCE),
            contact=read_contact(item),
        )
        for item in items
    )


def _booking_uuid(fields: Fields) -> str | None:
    sent = fields.text("uuid", longest=LONGEST_ID)
    if sent is None:
        return None
    try:
        return fields.identifier("uuid")
    except FieldRefused as error:
        raise Refusal(INVALID_BOOKING_UUID, _("The uuid of a booking must be a uuid."), uuid=sent) from error


def read_minutes(fields: Fields, *, is_required: bool = False) -> int | None:
    """Return for how many minutes something is to be held."""
    return fields.integer("expirationMinutes", least=1, most=MOST_MINUTES, is_required=is_required)


def _metadata(fields: Fields) -> dict[str, str] | None:
    return fields.text_map(
        "metadata", most=MOST_METADATA, longest_key=LONGEST_METADATA_KEY, longest=LONGEST_METADATA_VALUE
    )


def read_return_url(fields: Fields) -> str | None:
    """Return where a guest is sent after paying."""
    url = fields.text("returnUrl", longest=LONGEST_RETURN_URL)
    if not url:
        return None
    if not is_web_address(url):
        raise fields.refuse("returnUrl", _("must be an http or https address"))
    return url


def read_customer_reference(fields: Fields) -> str | None:
    """Return the partner's own reference of the guest; blank is not sent."""
    sent = (fields.text("customerReference", longest=LONGEST_CUSTOMER_REFERENCE) or "").strip()
    if mask_card_numbers(sent) != sent:
        raise fields.refuse("customerReference", _("must not hold a card number"))
    return sent or None


def read_contact(fields: Fields) -> ContactDetails | None:
    """Return a contact, or None where none was sent."""
    contact = fields.child("contact")
    if contact is None:
        return None
    return ContactDetails(
        full_name=contact.text("fullName", longest=CONTACT_LENGTHS["full_name"]),
        first_name=contact.text("firstName", longest=CONTACT_LENGTHS["first_name"]),
        last_name=contact.text("lastName", longest=CONTACT_LENGTHS["last_name"]),
        email=_email(contact),
        phone=contact.text("phoneNumber", longest=CONTACT_LENGTHS["phone"]),
        country=_country(contact),
        postal_code=contact.text("postalCode", longest=CONTACT_LENGTHS["postal_code"]),
        notes=contact.text("notes", longest=LONGEST_NOTE),
        locales=_locales(contact),
    )


def _email(contact: Fields) -> str | None:
    email = contact.text("emailAddress", longest=CONTACT_LENGTHS["email"])
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise contact.refuse("emailAddress", _("must be an e-mail address")) from None
    return email


def _country(contact: Fields) -> str | None:
    country = contact.text("country", longest=80)
    if country and not is_country(country):
        raise contact.refuse("country", _("must be an ISO 3166-1 code with two letters, such as GB"))
    return country.upper() if country else country


def _locales(contact: Fields) -> tuple[str, ...] | None:
    locales = contact.texts("locales", most=MOST_LOCALES, longest=LONGEST_LOCALE)
    for index, locale in enumerate(locales or ()):
        if not _LOCALE.fullmatch(locale):
            raise contact.refuse(f"locales[{index}]", _("must be a language tag such as en-GB"))
    return None if locales is None else tuple(locales)
