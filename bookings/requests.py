"""What an edge asks of the bookings services, as frozen words of ours; None means: not sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from money import Money

MOST_UNIT_ITEMS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDetails:
    """Hold a guest's details as a partner sent them.

    A contact that is sent replaces the whole earlier one; a contact with nothing in it changes nothing.
    """

    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    postal_code: str | None = None
    notes: str | None = None
    locales: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitItemRequest:
    """Ask for one ticket; a uuid of an item the booking has keeps that item."""

    unit_id: str
    uuid: str | None = None
    reseller_reference: str | None = None
    contact: ContactDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveRequest:
    """Ask to hold seats; ids are the partner's text, checked by the service; no option is the product's default one.

    `expected_retail` is what the partner told the guest: another price is refused instead of charged.
    `customer_reference` is the partner's own name of the guest; blank is not sent.
    """

    product_id: str
    option_id: str | None = None
    availability_id: str | None = None
    unit_items: tuple[UnitItemRequest, ...] = ()
    uuid: str | None = None
    expiration_minutes: int | None = None
    notes: str | None = None
    reseller_reference: str | None = None
    contact: ContactDetails | None = None
    currency: str | None = None
    settlement_method: str | None = None
    email_receipt: bool | None = None
    metadata: Mapping[str, str] | None = None
    return_url: str | None = None
    customer_reference: str | None = None
    expected_retail: Money | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """Ask for an order with all of these bookings and gifts, or for an empty one that others join later."""

    order_id: str | None = None
    bookings: tuple[ReserveRequest, ...] = ()
    gifts: "tuple[GiftRequest, ...]" = ()
    contact: ContactDetails | None = None
    currency: str | None = None
    settlement_method: str | None = None
    expiration_minutes: int | None = None
    email_receipt: bool | None = None
    return_url: str | None = None
    customer_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanges:
    """Ask to change an order itself: `contact` replaces what was there; its bookings are changed one by one."""

    contact: ContactDetails | None = None
    currency: str | None = None
    email_receipt: bool | None = None
    expiration_minutes: int | None = None
    return_url: str | None = None
    customer_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingChanges:
    """Ask to change a booking: `unit_items`, `contact` and `metadata` replace what was there; "" clears a text, but for
    `customer_reference`: an order always has a customer.

    Without an option the booking keeps its own, unless `takes_default_option` or the product changes.
    """

    product_id: str | None = None
    option_id: str | None = None
    currency: str | None = None
    takes_default_option: bool = False
    availability_id: str | None = None
    unit_items: tuple[UnitItemRequest, ...] | None = None
    contact: ContactDetails | None = None
    notes: str | None = None
    reseller_reference: str | None = None
    email_receipt: bool | None = None
    metadata: Mapping[str, str] | None = None
    return_url: str | None = None
    customer_reference: str | None = None
    expiration_minutes: int | None = None
    expected_retail: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingFilter:
    """Narrow a partner's bookings; every bound is inclusive, every field given must hold."""

    reseller_reference: str | None = None
    supplier_reference: str | None = None
    local_date_start: date | None = None
    local_date_end: date | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    contact_last_name: str | None = None
    availability_id: str | None = None
    product_id: str | None = None
    option_id: str | None = None
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Narrow a partner's orders; every bound is inclusive, every field given must hold.

    A contact is the order's own or that of one of its bookings.
    """

    supplier_reference: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    contact_last_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftRequest:
    """Ask for a gift of an amount in minor units; `language` is the one the partner's request was made in."""

    amount_minor: int
    currency: str | None = None
    uuid: str | None = None
    expiration_minutes: int | None = None
    message: str | None = None
    recipient_full_name: str | None = None
    recipient_email: str | None = None
    contact: ContactDetails | None = None
    notes: str | None = None
    reseller_reference: str | None = None
    settlement_method: str | None = None
    return_url: str | None = None
    order_id: str | None = None
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftChanges:
    """Ask to change a gift; `contact` replaces what was there; "" clears a text."""

    amount_minor: int | None = None
    currency: str | None = None
    expiration_minutes: int | None = None
    message: str | None = None
    recipient_full_name: str | None = None
    recipient_email: str | None = None
    contact: ContactDetails | None = None
    notes: str | None = None
    reseller_reference: str | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftFilter:
    """Narrow a partner's gifts; every bound is inclusive, every field given must hold."""

    reseller_reference: str | None = None
    supplier_reference: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None
    contact_email: str | None = None
    statuses: tuple[str, ...] = ()
