"""What staff see of partners, the catalogue and orders; what services decide is shown and not edited."""

from bookings.admin.catalog import AvailabilityAdmin, OptionAdmin, ProductAdmin, SupplierAdmin, UnitAdmin
from bookings.admin.mails import OutgoingMailAdmin
from bookings.admin.orders import BookingAdmin, ChangeAdmin, InstallmentAdmin, OrderAdmin
from bookings.admin.partners import PartnerAdmin, PartnerKeyAdmin

__all__ = [
    "AvailabilityAdmin",
    "BookingAdmin",
    "ChangeAdmin",
    "InstallmentAdmin",
    "OptionAdmin",
    "OrderAdmin",
    "OutgoingMailAdmin",
    "PartnerAdmin",
    "PartnerKeyAdmin",
    "ProductAdmin",
    "SupplierAdmin",
    "UnitAdmin",
]
