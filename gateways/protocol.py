"""The Gateway protocol: how the core talks to any processor. Chapter one of the book.

An adapter translates between these dataclasses and one vendor's wire. It decides nothing, stores nothing and knows
nothing of bookings. Amounts are `Money` (minor units by ISO 4217); an adapter applies its vendor's own exponents on the
way out and in.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from gateways.errors import DeclineClass, ErrorCode
from gateways.exponents import Exponents
from gateways.partner_talk import CheckoutPage, PartnerTalk
from money import Money


class Capability(StrEnum):
    """Name what a gateway can do; declared exactly when the verb works."""

    OPEN = "open"
    CHARGE_STORED_CARD = "charge_stored_card"
    CHARGE_PAYMENT_TOKEN = "charge_payment_token"  # noqa: S105, a name
    CHARGE_ENCRYPTED_CARD = "charge_encrypted_card"
    CHARGE_RAW_CARD = "charge_raw_card"
    CHARGE_EXTERNAL = "charge_external"
    COMPLETE = "complete"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    PARTIAL_CAPTURE = "partial_capture"
    VOID = "void"
    REFUND = "refund"
    PARTIAL_REFUND = "partial_refund"
    FETCH = "fetch"
    CLOSE = "close"
    WEBHOOKS = "webhooks"
    STORE_CARD = "store_card"


class Source(StrEnum):
    """Say where the card is: in the guest's browser, in a terminal, or read out by phone or mail."""

    ECOM = "ECOM"
    POS = "POS"
    MOTO = "MOTO"


class OutcomeKind(StrEnum):
    """Name everything a gateway can say, in our words."""

    ACTION_REQUIRED = "ACTION_REQUIRED"
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    CAPTURE_FAILED = "CAPTURE_FAILED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"
    VOID_FAILED = "VOID_FAILED"
    REFUNDED = "REFUNDED"
    REFUND_FAILED = "REFUND_FAILED"
    REFUND_REVERSED = "REFUND_REVERSED"
    DISPUTE_OPENED = "DISPUTE_OPENED"
    CHARGEBACK = "CHARGEBACK"
    CHARGEBACK_REVERSED = "CHARGEBACK_REVERSED"
    CARD_STORED = "CARD_STORED"
    CARD_REVOKED = "CARD_REVOKED"
    REPORT_AVAILABLE = "REPORT_AVAILABLE"
    NOTE = "NOTE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Name the thing a request or a piece of news is about.

    `ours` is the reference we gave (an Opening's or a Transaction's), `gateway` the processor's id of this very attempt
    or operation, `payment` the processor's id of the payment it belongs to (equal to `gateway` for the payment itself),
    `opening` the processor's id of the session, intent or order it happened in.
    """

    ours: str | None = None
    gateway: str | None = None
    payment: str | None = None
    opening: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Say why a bank or processor said no: our code, and the vendor's own words for staff.

    `is_card_gone` says that a stored card can never be charged again: the gateway has it no more, or its holder told
    the bank to refuse.
    """

    code: ErrorCode
    raw_code: str = ""
    raw_text: str = ""
    is_card_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Say what the guest's browser must do next."""

    type: str
    url: str = field(default="", repr=False)
    method: str = "GET"
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Describe a card without its number; `token` is the processor's reusable reference, None when there is none."""

    brand: str = ""
    last4: str = ""
    bin: str = ""
    expiry_month: int | None = None
    expiry_year: int | None = None
    token: str | None = field(default=None, repr=False)
    shopper_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeNews:
    """Say how a dispute stands."""

    stage: str
    reason: str = ""
    evidence_due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Be one piece of news from a gateway, whichever way it came.

    `event_key` is canonical: the answer, the webhook, the poll and the report of one fact carry the same one (usually
    the processor's reference of the operation); together with account and `kind` it is unique. `money` is None where
    the news has no amount. `cumulative` says that `money` is a total so far and not an increment. `occurred_at` is the
    processor's clock, or ours when it gave none. `problem` says why a NOTE is none of CAPTURED, REFUNDED and so on
    although money moved: nothing can be booked from it, and somebody must look. `raw` is scrubbed already.
    """

    kind: OutcomeKind
    reference: Reference
    event_key: str
    occurred_at: datetime
    money: Money | None = None
    cumulative: bool = False
    decline: Decline | None = None
    action: Action | None = None
    card: Card | None = None
    dispute: DisputeNews | None = None
    problem: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_about_money(self) -> bool:
        """Say whether somebody must find out what this news speaks of, should we have no record of it."""
        return bool(self.problem) or self.kind not in (
            OutcomeKind.NOTE,
            OutcomeKind.REPORT_AVAILABLE,
            OutcomeKind.CARD_STORED,
            OutcomeKind.CARD_REVOKED,
            OutcomeKind.DECLINED,
            OutcomeKind.EXPIRED,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """Ask for something a guest can pay; `is_hosted` asks for a page of the gateway's own to send the guest to.

    `card_token` asks that a kept card of `shopper_reference` is filled in, where a gateway has such pages; it is never
    logged.
    """

    reference: str
    idempotency_key: str
    money: Money
    return_url: str
    source: Source
    captures_at_once: bool
    expires_at: datetime
    channel: str = "Web"
    country_code: str = ""
    locale: str = ""
    email: str = field(default="", repr=False)
    shopper_reference: str = ""
    stores_card: bool = False
    is_hosted: bool = False
    card_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Be what a gateway opened; `client` is what the guest's browser needs, as JSON, and may hold secrets.

    `redirect_url` is the gateway's own page, where one was asked for.
    """

    gateway_reference: str
    expires_at: datetime
    client: Mapping[str, Any] = field(repr=False)
    redirect_url: str = field(default="", repr=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCharge:
    """Register a payment somebody else took, or a refusal somebody else got."""

    is_approved: bool
    refusal_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EncryptedCard:
    """Be a card as the processor's own script encrypted it in a browser; opaque to us, and still kept nowhere."""

    number: str
    expiry_month: str
    expiry_year: str
    security_code: str = ""
    holder_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawCard:
    """Be a card in the clear: it exists inside one charge and rests nowhere, neither in a text nor in an error."""

    number: str
    expiry_month: str
    expiry_year: str
    cvc: str = ""
    holder_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BillingAddress:
    """Be where the cardholder's bank sends its letters; `country` is ISO 3166-1 alpha-2."""

    street: str
    house_number: str
    city: str
    postal_code: str
    country: str
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BrowserInfo:
    """Describe the guest's browser to the bank, in the words of EMV 3-D Secure; the offset is in minutes."""

    user_agent: str
    accept_header: str
    language: str
    color_depth: int
    screen_height: int
    screen_width: int
    time_zone_offset: int
    is_java_enabled: bool = False
    is_javascript_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Shopper:
    """Say who is at the keyboard, for the bank's proof of it; `origin` is scheme, host and port of the page."""

    origin: str = ""
    ip: str = ""
    email: str = ""
    billing_address: BillingAddress | None = None
    browser: BrowserInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """Take money now, without a page: by a stored card, by what the guest's browser got for a card, by a card's own
    details, or registered from elsewhere.

    Exactly one of `card_token`, `payment_token`, `card` and `external` is set. Tokens and cards are never logged. With
    a `payment_token` or a `card` the guest is there, and may be asked to prove who they are (`ACTION_REQUIRED`), but
    for what is read out by phone or mail; `stores_card` then says that they agreed to keep the card,
    `opening_reference` is our reference of the Opening they entered it in, `browser_info` what the page says of their
    browser, for that proof, and `shopper` the same in structure.
    """

    reference: str
    idempotency_key: str
    money: Money
    source: Source
    captures_at_once: bool
    card_token: str | None = field(default=None, repr=False)
    payment_token: str | None = field(default=None, repr=False)
    shopper_reference: str = ""
    stores_card: bool = False
    opening_reference: str = ""
    browser_info: str = field(default="", repr=False)
    card: EncryptedCard | RawCard | None = field(default=None, repr=False)
    shopper: Shopper | None = field(default=None, repr=False)
    external: ExternalCharge | None = None
    return_url: str = ""
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteRequest:
    """Ask how a guest's attempt ended, with the evidence the client brought back.

    `opening_reference` is the one we stored, never the client's word; `evidence` is the client's: a result that the
    gateway signed, or the name of the attempt, to be held against `money` and `reference`. Of a charge by a card's own
    details there is no Opening: `proof` is then what the guest's bank gave the guest to bring back, by its names, and
    `idempotency_key` belongs to that very proof. An outcome under another reference tells that the proof was of that
    charge.
    """

    opening_reference: str = ""
    reference: str
    money: Money
    evidence: str = field(default="", repr=False)
    proof: Mapping[str, str] = field(default_factory=dict, repr=False)
    idempotency_key: str = ""
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest:
    """Ask for authorized money; `payment_reference` is the processor's id of the payment."""

    payment_reference: str
    reference: str
    idempotency_key: str
    money: Money
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidRequest:
    """Release an authorization.

    `may_be_captured` asks for whatever undoes the payment: a release, or a full refund if it turns out to be captured.
    """

    payment_reference: str
    reference: str
    idempotency_key: str
    may_be_captured: bool = False
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Give back captured money, whole or in part.

    `taken_reference` is the processor's id of the sale or capture that took it, for those that give captures back and
    not payments; empty where the caller does not know it.
    """

    payment_reference: str
    reference: str
    idempotency_key: str
    money: Money
    requested_at: datetime
    taken_reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeCardRequest:
    """Make a stored card unusable at the gateway."""

    card_token: str = field(repr=False)
    shopper_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Be one HTTP request a gateway sent us, as it came; header names are lower case."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Say that a delivery is genuine, how to tell it from others, and how to acknowledge it.

    `status` is the HTTP status that the gateway takes for a receipt.
    """

    delivery_key: str
    acknowledgement: str = ""
    content_type: str = "text/plain"
    status: int = 202


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Map one column of a settlement report onto a field of ours; docs/reconciliation.md has the fields and units."""

    header: str
    field: str
    unit: str = ""
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Describe a settlement report so that importing can type it in SQL; `types` maps the vendor's row types.

    `currencies` maps the vendor's names of currencies where they are not ISO 4217's letters. `batch_is_payout` says
    that a batch is what one payout was made of, so that no line of its own need tell of it; `batch_is_whole` that a
    report has all lines of the batches it names, so that one that is made anew replaces what was told of them before.
    `settles` is False for a report of what was done, in which no money is settled.
    """

    columns: tuple[Column, ...]
    types: Mapping[str, str]
    currencies: Mapping[str, str] = field(default_factory=dict)
    batch_is_payout: bool = False
    batch_is_whole: bool = False
    settles: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """Ask for a settlement report by the name that a gateway gave it; a larger one than `most_bytes` is refused."""

    name: str
    idempotency_key: str
    most_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """Answer a gateway that asks, before it sends anything, whether an address is ours."""

    body: str = field(repr=False)
    content_type: str = "application/json"


class Gateway(Protocol):
    """Be a processor. Every verb raises NotSent, AnswerLost, Rejected or Unsupported and nothing else.

    `has_wire` says that verbs call somebody: no lock and no transaction may be held meanwhile. Without a wire each verb
    is final at once and says what is said again when it is repeated.
    `webhooks_are_hints` says that deliveries prove nothing: what they speak of is fetched before it is believed.
    `slowest_refund_days` is within how many business days a refund is on the guest's card; None where the vendor
    promises nothing.
    `decline_classes` has the raw codes of refusals, in small letters, that say what can be done about them.
    """

    slug: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]
    partner_talk: ClassVar[PartnerTalk]
    exponents: ClassVar[Exponents]
    has_wire: ClassVar[bool]
    webhooks_are_hints: ClassVar[bool]
    idempotency_window_seconds: ClassVar[int | None]
    longest_opening_seconds: ClassVar[int | None]
    slowest_refund_days: ClassVar[int | None]
    secret_fields: ClassVar[frozenset[str]]
    decline_classes: ClassVar[Mapping[str, DeclineClass]]
    settlement_columns: ClassVar[ColumnMap | None]

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """Take an account's credentials; nothing is sent."""
        ...

    @classmethod
    def missing_credentials(cls, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the credentials that are needed and absent, empty or unreadable."""
        ...

    def client_settings(self, *, money: Money, country_code: str) -> Mapping[str, Any]:
        """Return what a browser needs to know before anything is opened (public values only)."""
        ...

    def checkout_page(self) -> CheckoutPage | None:
        """Return what our own payment page needs for this account; None where no guest can pay on it."""
        ...

    def open(self, request: OpenRequest) -> Opened:
        """Open something a guest can pay."""
        ...

    def charge(self, request: ChargeRequest) -> Outcome:
        """Take money by a stored card, or register what was taken elsewhere."""
        ...

    def complete(self, request: CompleteRequest) -> tuple[Outcome, ...]:
        """Read how the guest's attempt ended; empty when the gateway says it is not finished."""
        ...

    def capture(self, request: CaptureRequest) -> Outcome:
        """Ask for authorized money."""
        ...

    def void(self, request: VoidRequest) -> Outcome:
        """Release an authorization."""
        ...

    def refund(self, request: RefundRequest) -> Outcome:
        """Give captured money back."""
        ...

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        """Ask what the gateway believes happened, by whatever its vendor documents and whatever the reference has.

        By an opening: every attempt in it, and that it expired. By a payment: that attempt and what was done to it. By
        `ours` alone: whether the gateway knows an operation of that name. Empty when it knows nothing or nothing yet.
        """
        ...

    def close(self, reference: Reference) -> None:
        """Let nobody pay any more what was opened (`reference.opening`); what is paid, held or over stays as it is.

        :raises Unsupported: this gateway documents no way to do so.
        """
        ...

    def revoke_card(self, request: RevokeCardRequest) -> None:
        """Delete a stored card at the gateway; deleting one that is gone is fine, and so is repeating it.

        :raises Unsupported: this gateway stores no cards, or documents no way to delete one.
        """
        ...

    def greet_webhook(self) -> Greeting:
        """Answer a gateway that asks for a word of its own before it sends anything to an address.

        :raises Unsupported: this gateway asks for nothing.
        """
        ...

    def verify_webhook(self, delivery: Delivery) -> Verified:
        """Prove that a delivery is genuine.

        :raises InvalidSignature: it is not, or proves nothing.
        """
        ...

    def read_webhook(self, delivery: Delivery) -> tuple[Outcome, ...]:
        """Translate a genuine delivery into news; unknown events become NOTE, never an error."""
        ...

    def reports_since(self, moment: datetime) -> tuple[str, ...]:
        """Return the names of the settlement reports there are since a moment, where the gateway can be asked; others
        announce them (REPORT_AVAILABLE), or have people download them.
        """
        ...

    def fetch_report(self, request: ReportRequest) -> AbstractContextManager[Iterator[bytes]]:
        """Have a settlement report piece by piece.

        Where it lies is the adapter's knowledge: what an announcement says about that proves nothing, and credentials
        go nowhere it names.

        :raises Unsupported: this gateway has no such report, or it settles nothing; asking again is of no use.
        :raises NotReady: it is still being made.
        """
        ...
