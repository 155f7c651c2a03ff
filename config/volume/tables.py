"""Which columns of the seeded tables differ from row to row."""

from collections.abc import Iterator

from bookings.encryption import encrypt_text
from bookings.models import Booking, Customer, Order, UnitItem
from config.volume.copying import Rows
from payments.models import (
    CardConsent,
    Case,
    DeliveryStatus,
    Dispute,
    ExternalNote,
    GatewayEvent,
    LedgerEntry,
    Opening,
    OpeningStatus,
    Payment,
    Posting,
    ReusableCard,
    Transaction,
    WebhookDelivery,
)


class Tables:
    """Collect the rows of all tables that are seeded."""

    def __init__(self) -> None:
        self.customers = Rows(
            Customer, "id", "number", "partner_id", "is_live", "reference", "full_name", "email", "created_at"
        )
        self.orders = Rows(
            Order,
            *("id", "uuid", "reference", "partner_id", "customer_id", "is_live", "status", "currency"),
            *("money_in_minor", "version", "confirmed_at", "created_at", "updated_at"),
            settlement_method="DIRECT",
            kind="BOOKING",
        )
        self.bookings = Rows(
            Booking,
            *("id", "uuid", "number", "reference", "order_id", "partner_id", "is_live", "status", "product_id"),
            *("option_id", "availability_id", "availability_reference", "seats_held", "original_minor"),
            *("retail_minor", "net_minor", "currency", "reseller_reference", "contact_full_name"),
            *("contact_first_name", "contact_last_name", "contact_email", "cancellation_refund", "confirmed_at"),
            *("cancelled_at", "created_at", "updated_at"),
        )
        self.unit_items = Rows(
            UnitItem, "uuid", "booking_id", "unit_id", "reference", "original_minor", "retail_minor", "net_minor"
        )
        self.payments = Rows(
            Payment,
            *("id", "reference", "number", "order_id", "partner_id", "account_id", "is_live", "amount_minor"),
            *("currency", "captures_at_once", "state", "captured_minor", "refunded_minor", "charged_back_minor"),
            *("created_at", "updated_at"),
            source="ECOM",
        )
        self.openings = Rows(
            Opening,
            *("id", "payment_id", "account_id", "reference", "idempotency_key", "gateway_reference", "amount_minor"),
            *("currency", "expires_at", "created_at"),
            status=OpeningStatus.CLOSED,
            return_url="https://shop.example.com/return",
        )
        self.transactions = Rows(
            Transaction,
            *("id", "number", "payment_id", "order_id", "account_id", "opening_id", "parent_id", "kind", "origin"),
            *("status", "amount_minor", "currency", "reference", "idempotency_key", "gateway_reference"),
            *("error_code", "raw_code", "raw_text", "card_id", "card_brand", "card_last4", "card_expiry", "reason"),
            *("requested_by", "unknown_since_at", "requested_at", "decided_at"),
        )
        self.events = Rows(
            GatewayEvent,
            *("id", "account_id", "payment_id", "transaction_id", "opening_id", "kind", "event_key", "source"),
            *("gateway_reference", "amount_minor", "currency", "decline_code", "raw_code", "raw_text"),
            *("occurred_at", "received_at"),
        )
        self.postings = Rows(Posting, "id", "event_id", "cause", "occurred_at", "posted_at", "counts_at")
        self.entries = Rows(
            LedgerEntry,
            *("posting_id", "from_account", "to_account", "amount_minor", "currency", "gateway_account_id"),
            *("order_id", "payment_id", "transaction_id", "partner_id", "is_live"),
        )
        self.deliveries = Rows(
            WebhookDelivery,
            *("id", "account_id", "payment_id", "delivery_key", "received_at", "processed_at"),
            status=DeliveryStatus.PROCESSED,
            attempts=1,
            body_encrypted=encrypt_text("{}"),
        )
        self.cases = Rows(Case, "payment_id", "kind", "detail", "opened_at", "closed_at", "closed_by")
        self.disputes = Rows(
            Dispute,
            *("payment_id", "transaction_id", "gateway_reference", "amount_minor", "currency", "evidence_due_at"),
            *("opened_at", "changed_at"),
            stage="CHARGEBACK",
            reason="Cardholder does not recognize the payment",
        )
        self.notes = Rows(ExternalNote, "payment_id", "transaction_id", "text", "written_at", written_by="partner")
        self.cards = Rows(
            ReusableCard,
            *("id", "partner_id", "account_id", "customer_id", "order_id", "is_live", "token_encrypted"),
            *("token_fingerprint", "shopper_reference", "brand", "last4", "expiry_month", "expiry_year"),
            *("created_at", "revoked_at"),
        )
        self.consents = Rows(CardConsent, "card_id", "payment_id", "order_id", "text_id", "given_at")

    def __iter__(self) -> Iterator[Rows]:
        """Give table by table."""
        return iter(vars(self).values())
