"""Read what OCTO's order calls ask into frozen requests of our own words."""

from django.http import QueryDict
from django.utils.translation import gettext as _

from api.fields import Fields
from api.octo.catalogue_requests import query_values
from api.octo.errors import Refusal
from api.octo.gift_requests import read_gift
from api.octo.list_requests import ListRequest, check_pairs, read_last_name, read_list
from api.octo.requests import read_contact, read_customer_reference, read_minutes, read_reserve, read_return_url
from bookings.free_text import CONTACT_LENGTHS, LONGEST_REFERENCE
from bookings.requests import OrderChanges, OrderFilter, OrderRequest

ORDERS_FIELDS_REQUIRED = "ORDERS_FIELDS_REQUIRED"
MOST_BOOKINGS = 20


def read_order(
    fields: Fields, *, with_cards: bool, with_pricing: bool, with_gifts: bool, language: str
) -> OrderRequest:
    """Return what POST /orders asks.

    How long it is held, where its guest returns to and how it is paid is the order's, and is not read in a booking.
    """
    if fields.boolean("quote"):
        raise fields.refuse("quote", _("quotes are not offered"))
    bookings = fields.children("bookings", most=MOST_BOOKINGS) or []
    return OrderRequest(
        order_id=fields.identifier("orderId"),
        bookings=tuple(read_reserve(each, with_cards=False, with_pricing=with_pricing) for each in bookings),
        gifts=tuple(
            read_gift(each, with_cards=False, with_order=False, language=language)
            for each in (fields.children("gifts", most=MOST_BOOKINGS) if with_gifts else None) or ()
        ),
        contact=read_contact(fields),
        currency=fields.currency("currency"),
        settlement_method=fields.text("settlementMethod", longest=32),
        expiration_minutes=read_minutes(fields),
        email_receipt=fields.boolean("emailReceipt"),
        return_url=read_return_url(fields) if with_cards else None,
        customer_reference=read_customer_reference(fields) if with_cards else None,
    )


def read_order_changes(fields: Fields, *, with_cards: bool) -> OrderChanges:
    """Return what PATCH /orders/{orderId}, its preview and the body of its confirm change."""
    return OrderChanges(
        contact=read_contact(fields),
        currency=fields.currency("currency"),
        email_receipt=fields.boolean("emailReceipt"),
        expiration_minutes=read_minutes(fields),
        return_url=read_return_url(fields) if with_cards else None,
        customer_reference=read_customer_reference(fields) if with_cards else None,
    )


def read_order_list(query: QueryDict) -> ListRequest[OrderFilter]:
    """Return what GET /orders asks; one of the filters is needed."""
    fields = Fields(query_values(query, lists=()))
    filters = OrderFilter(
        supplier_reference=fields.text("supplierReference", longest=LONGEST_REFERENCE) or None,
        created_from=fields.moment("utcCreatedAtStart"),
        created_to=fields.moment("utcCreatedAtEnd"),
        updated_from=fields.moment("utcUpdatedAtStart"),
        updated_to=fields.moment("utcUpdatedAtEnd"),
        contact_email=fields.text("contactEmailAddress", longest=CONTACT_LENGTHS["email"]) or None,
        contact_phone=fields.text("contactPhoneNumber", longest=CONTACT_LENGTHS["phone"]) or None,
        contact_last_name=read_last_name(fields),
    )
    check_pairs(fields, "utcCreatedAt", "utcUpdatedAt")
    if filters == OrderFilter():
        raise Refusal(
            ORDERS_FIELDS_REQUIRED,
            _("Send one of the filters: %(filters)s.") % {"filters": "supplierReference, utcCreatedAtStart and "
              "utcCreatedAtEnd, utcUpdatedAtStart and utcUpdatedAtEnd, contactEmailAddress, contactPhoneNumber, "
              "contactLastName"},
        )  # fmt: skip
    return read_list(fields, filters)
