from bookings.models.catalog import Availability, AvailabilityType, Option, Price, Product, Supplier, Unit, UnitType
from bookings.models.change import Change, ChangeTopic
from bookings.models.former import FormerBooking
from bookings.models.gift import Gift
from bookings.models.mail import MailKind, MailStatus, OutgoingMail
from bookings.models.order import (
    ASKED_KINDS,
    Booking,
    BookingStatus,
    Customer,
    Installment,
    InstallmentKind,
    Order,
    OrderKind,
    SettlementMethod,
    UnitItem,
)
from bookings.models.partner import Dialect, Partner, PartnerKey, SigningSecret

__all__ = [
    "ASKED_KINDS",
    "Availability",
    "AvailabilityType",
    "Booking",
    "BookingStatus",
    "Change",
    "ChangeTopic",
    "Customer",
    "Dialect",
    "FormerBooking",
    "Gift",
    "Installment",
    "InstallmentKind",
    "MailKind",
    "MailStatus",
    "Option",
    "Order",
    "OrderKind",
    "OutgoingMail",
    "Partner",
    "PartnerKey",
    "Price",
    "Product",
    "SettlementMethod",
    "SigningSecret",
    "Supplier",
    "Unit",
    "UnitItem",
    "UnitType",
]
