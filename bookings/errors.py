"""What can be wrong with a wish to book: each class owns a stable code and carries the offending value."""

from typing import ClassVar

from money import Money


class BookingError(Exception):
    """Say that a wish to book cannot be met; nothing was changed."""

    code: ClassVar[str] = "BOOKING_ERROR"


class ProductNotFound(BookingError):
    """Say that there is no such product on sale."""

    code = "PRODUCT_NOT_FOUND"

    def __init__(self, product_id: str) -> None:
        super().__init__(f"There is no product {product_id!r}.")
        self.product_id = product_id


class OptionNotFound(BookingError):
    """Say that the product has no such option; None: no default one."""

    code = "OPTION_NOT_FOUND"

    def __init__(self, option_id: str | None) -> None:
        super().__init__(f"The product has no option {option_id!r}." if option_id else "No option is the default one.")
        self.option_id = option_id


class UnitNotFound(BookingError):
    """Say that the option has no such unit."""

    code = "UNIT_NOT_FOUND"

    def __init__(self, unit_id: str) -> None:
        super().__init__(f"The option has no unit {unit_id!r}.")
        self.unit_id = unit_id


class AvailabilityNotFound(BookingError):
    """Say that the option has no such departure, or that one was needed and not named."""

    code = "AVAILABILITY_NOT_FOUND"

    def __init__(self, availability_id: str | None) -> None:
        super().__init__(
            f"There is no availability {availability_id!r}." if availability_id else "An availability is required."
        )
        self.availability_id = availability_id


class BookingNotFound(BookingError):
    """Say that the partner has no booking with this uuid in this mode."""

    code = "BOOKING_NOT_FOUND"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"There is no booking {uuid!r}.")
        self.uuid = uuid


class CustomerNotFound(BookingError):
    """Say that the partner has no customer of this number in this mode."""

    code = "CUSTOMER_NOT_FOUND"

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no customer {number!r}.")
        self.number = number


class BookingUuidTaken(BookingError):
    """Say that the partner already used this uuid for other content."""

    code = "BOOKING_UUID_TAKEN"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"The uuid {uuid} was already used for another booking.")
        self.uuid = uuid


class HoldExpired(BookingError):
    """Say that the hold ran out before it was confirmed or changed."""

    code = "HOLD_EXPIRED"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"The hold of booking {uuid} has expired; please book again.")
        self.uuid = uuid


class SoldOut(BookingError):
    """Say that the departure has too few free seats, or is closed."""

    code = "SOLD_OUT"

    def __init__(self, availability_id: str) -> None:
        super().__init__(f"The availability {availability_id} has too few places left.")
        self.availability_id = availability_id


class UnitItemsMissing(BookingError):
    """Say that a booking needs at least one unit."""

    code = "UNIT_ITEMS_MISSING"

    def __init__(self) -> None:
        super().__init__("A booking needs at least one unit item.")


class UnitRestriction(BookingError):
    """Say that the mix or number of units is not allowed."""

    code = "UNIT_RESTRICTION"

    def __init__(self, reason: str, *, unit_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unit_id = unit_id


class CutoffPassed(BookingError):
    """Say that sales for the departure have ended."""

    code = "CUTOFF_PASSED"

    def __init__(self, availability_id: str) -> None:
        super().__init__(f"Sales for the availability {availability_id} have ended.")
        self.availability_id = availability_id


class PriceDiffers(BookingError):
    """Say that the booking costs something else than the partner expected."""

    code = "PRICE_DIFFERS"

    def __init__(self, retail: Money) -> None:
        super().__init__(f"The booking costs {retail}.")
        self.retail = retail


class OrderNotFound(BookingError):
    """Say that the partner has no order of this id in this mode."""

    code = "ORDER_NOT_FOUND"

    def __init__(self, order_id: str) -> None:
        super().__init__(f"There is no order {order_id!r}.")
        self.order_id = order_id


class OrderUuidTaken(BookingError):
    """Say that the partner already used this id for an order with other content."""

    code = "ORDER_UUID_TAKEN"

    def __init__(self, order_id: str) -> None:
        super().__init__(f"The id {order_id} was already used for another order.")
        self.order_id = order_id


class OrderNotOpen(BookingError):
    """Say that an order cannot be changed, confirmed or cancelled as it stands: nothing in it can be, or its hold ran
    out.
    """

    code = "ORDER_NOT_OPEN"

    def __init__(self, order_id: str, reason: str) -> None:
        super().__init__(f"The order {order_id} cannot be changed: {reason}.")
        self.order_id = order_id
        self.reason = reason


class OrderHasOtherHolds(BookingError):
    """Say that a booking cannot be confirmed alone: its order holds more, and one payment pays for all of it."""

    code = "ORDER_HAS_OTHER_HOLDS"

    def __init__(self, uuid: str, order_id: str) -> None:
        super().__init__(f"The booking {uuid} is paid with its order {order_id}; confirm the order.")
        self.uuid = uuid
        self.order_id = order_id


class NotConfirmable(BookingError):
    """Say that a booking in this status cannot be confirmed."""

    code = "NOT_CONFIRMABLE"

    def __init__(self, uuid: str, status: str) -> None:
        super().__init__(f"The booking {uuid} is {status} and cannot be confirmed.")
        self.uuid = uuid
        self.status = status


class AlreadyConfirmed(BookingError):
    """Say that everything on the order is confirmed already."""

    code = "ALREADY_CONFIRMED"

    def __init__(self, order_id: str) -> None:
        super().__init__(f"The order {order_id} is confirmed already.")
        self.order_id = order_id


class NotCancellable(BookingError):
    """Say that a booking in this status cannot be cancelled."""

    code = "NOT_CANCELLABLE"

    def __init__(self, uuid: str, status: str) -> None:
        super().__init__(f"The booking {uuid} is {status} and cannot be cancelled.")
        self.uuid = uuid
        self.status = status


class CancellationCutoffPassed(BookingError):
    """Say that it is too late to cancel without force."""

    code = "CANCELLATION_CUTOFF_PASSED"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"It is too late to cancel the booking {uuid}.")
        self.uuid = uuid


class NotUpdatable(BookingError):
    """Say that a booking cannot be changed, by its status or because it is too late."""

    code = "NOT_UPDATABLE"

    def __init__(self, uuid: str, reason: str) -> None:
        super().__init__(f"The booking {uuid} cannot be changed: {reason}.")
        self.uuid = uuid
        self.reason = reason


class NotExpirable(BookingError):
    """Say that an order must not expire: it is no hold, its hold still runs, or it has money."""

    code = "NOT_EXPIRABLE"

    def __init__(self, order_id: str, reason: str) -> None:
        super().__init__(f"The order {order_id} does not expire: {reason}.")
        self.order_id = order_id
        self.reason = reason


class CurrencyNotOffered(BookingError):
    """Say that the units have no price in this currency."""

    code = "CURRENCY_NOT_OFFERED"

    def __init__(self, currency: str, available: tuple[str, ...]) -> None:
        super().__init__(f"The product is not sold in {currency}, only in {', '.join(available) or 'no currency'}.")
        self.currency = currency
        self.available = available


class SettlementMethodNotAllowed(BookingError):
    """Say that the partner may not settle this product this way."""

    code = "SETTLEMENT_METHOD_NOT_ALLOWED"

    def __init__(self, settlement_method: str | None, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"The settlement method {settlement_method} is not allowed here; allowed: {', '.join(allowed) or 'none'}."
        )
        self.settlement_method = settlement_method
        self.allowed = allowed


class InvalidValue(BookingError):
    """Say which field holds a value that cannot be used, and why."""

    code = "INVALID_VALUE"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}.")
        self.field = field
        self.reason = reason


class GiftNotFound(BookingError):
    """Say that the partner has no gift with this uuid in this mode."""

    code = "GIFT_NOT_FOUND"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"There is no gift {uuid!r}.")
        self.uuid = uuid


class GiftUuidTaken(BookingError):
    """Say that the partner already used this uuid for another gift."""

    code = "GIFT_UUID_TAKEN"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"The uuid {uuid} was already used for another gift.")
        self.uuid = uuid


class GiftHoldExpired(BookingError):
    """Say that the hold of a gift ran out before it was confirmed or changed."""

    code = "GIFT_HOLD_EXPIRED"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"The hold of gift {uuid} has expired.")
        self.uuid = uuid


class GiftNotConfirmable(BookingError):
    """Say that a gift in this status cannot be confirmed."""

    code = "GIFT_NOT_CONFIRMABLE"

    def __init__(self, uuid: str, status: str) -> None:
        super().__init__(f"The gift {uuid} is {status} and cannot be confirmed.")
        self.uuid = uuid
        self.status = status


class GiftNotCancellable(BookingError):
    """Say that a gift cannot be cancelled, by its status or because somebody paid with it."""

    code = "GIFT_NOT_CANCELLABLE"

    def __init__(self, uuid: str, status: str, *, is_spent: bool) -> None:
        super().__init__(f"The gift {uuid} is {'spent' if is_spent else status} and cannot be cancelled.")
        self.uuid = uuid
        self.status = status
        self.is_spent = is_spent


class GiftNotUpdatable(BookingError):
    """Say that a gift, or this of it, cannot be changed any more."""

    code = "GIFT_NOT_UPDATABLE"

    def __init__(self, uuid: str, reason: str) -> None:
        super().__init__(f"The gift {uuid} cannot be changed: {reason}.")
        self.uuid = uuid
        self.reason = reason


class GiftAmountNotAllowed(BookingError):
    """Say that a gift is worth too little or too much."""

    code = "GIFT_AMOUNT_NOT_ALLOWED"

    def __init__(self, least: Money, most: Money) -> None:
        super().__init__(f"A gift is worth from {least} to {most}.")
        self.least = least
        self.most = most


class GiftNotNotifiable(BookingError):
    """Say that there is no code to be mailed, or nobody to mail it to."""

    code = "GIFT_NOT_NOTIFIABLE"

    def __init__(self, uuid: str, reason: str) -> None:
        super().__init__(f"The gift {uuid} cannot be mailed: {reason}.")
        self.uuid = uuid
        self.reason = reason


class OrderNotNotifiable(BookingError):
    """Say that there is nothing in an order to mail about."""

    code = "ORDER_NOT_NOTIFIABLE"

    def __init__(self, order_id: str, reason: str) -> None:
        super().__init__(f"The order {order_id} cannot be mailed: {reason}.")
        self.order_id = order_id
        self.reason = reason


class OrderWithoutAddress(BookingError):
    """Say that nobody in an order has an e-mail address, and none was given."""

    code = "ORDER_WITHOUT_ADDRESS"

    def __init__(self, order_id: str) -> None:
        super().__init__(f"Nobody in the order {order_id} has an e-mail address.")
        self.order_id = order_id


class ReferenceTaken(BookingError):
    """Say that the partner used a reference for another invoice or top-up before."""

    code = "REFERENCE_TAKEN"

    def __init__(self, reference: str) -> None:
        super().__init__(f"The reference {reference!r} was used before.")
        self.reference = reference


class MailNotSendable(BookingError):
    """Say that a mail waits to be sent already."""

    code = "MAIL_NOT_SENDABLE"

    def __init__(self, mail_id: str) -> None:
        super().__init__(f"The mail {mail_id} waits to be sent already.")
        self.mail_id = mail_id


class KeyAlreadyRevoked(BookingError):
    """Say that a partner's key was revoked before."""

    code = "KEY_ALREADY_REVOKED"

    def __init__(self, prefix: str) -> None:
        super().__init__(f"The key {prefix}… was revoked before.")
        self.prefix = prefix
