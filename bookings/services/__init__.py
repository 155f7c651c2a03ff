"""What can be done to bookings; edges and payments call these and nothing below them."""

from bookings.services.asked_orders import create_asked_order, note_payment_news
from bookings.services.cancelling import cancel_booking, cancel_order
from bookings.services.carts import extend_order, update_order
from bookings.services.catalogue import ensure_availabilities
from bookings.services.confirming import BegunConfirmation, begin_confirmation, confirm_locked_order, confirm_order
from bookings.services.customers import customer_for
from bookings.services.gift_uses import record_gift_uses, tell_gift_uses
from bookings.services.gifts import cancel_gift, create_gift, extend_gift, notify_gift, update_gift
from bookings.services.keys import mint_partner_key, revoke_partner_key
from bookings.services.mails import drain_mails, prune_mails, send_mail_again, write_mail
from bookings.services.numbering import new_reference
from bookings.services.ordering import create_order
from bookings.services.orders import (
    bookings_under_lock,
    expire_order,
    keep_hold,
    lock_customer,
    lock_order,
    record_money,
    retake_seats,
    settle_status,
)
from bookings.services.reserving import reserve_booking
from bookings.services.summaries import notify_order
from bookings.services.units import show_installments
from bookings.services.updating import extend_booking, update_booking, writes_at_once

__all__ = [
    "BegunConfirmation",
    "begin_confirmation",
    "bookings_under_lock",
    "cancel_booking",
    "cancel_gift",
    "cancel_order",
    "confirm_locked_order",
    "confirm_order",
    "create_asked_order",
    "create_gift",
    "create_order",
    "customer_for",
    "drain_mails",
    "ensure_availabilities",
    "expire_order",
    "extend_booking",
    "extend_gift",
    "extend_order",
    "keep_hold",
    "lock_customer",
    "lock_order",
    "mint_partner_key",
    "new_reference",
    "note_payment_news",
    "notify_gift",
    "notify_order",
    "prune_mails",
    "record_gift_uses",
    "record_money",
    "reserve_booking",
    "retake_seats",
    "revoke_partner_key",
    "send_mail_again",
    "settle_status",
    "show_installments",
    "tell_gift_uses",
    "update_booking",
    "update_gift",
    "update_order",
    "write_mail",
    "writes_at_once",
]
