from payments.models.balance import BalanceCollection
from payments.models.card import CardConsent, CardRevocation, ReusableCard, RevokedToken
from payments.models.case_step import CaseStep, CaseStepKind
from payments.models.challenge import Challenge
from payments.models.consent import ConsentText
from payments.models.inbox import DeliveryStatus, WebhookDelivery
from payments.models.ledger import LedgerAccount, LedgerEntry, Posting
from payments.models.link import LinkEnd, PaymentLink
from payments.models.note import ExternalNote
from payments.models.payment import Opening, OpeningStatus, Payment
from payments.models.period import ClosedPeriod
from payments.models.route import AccountRoute, SurchargeRule
from payments.models.transaction import (
    Case,
    CaseKind,
    Dispute,
    EventSource,
    GatewayEvent,
    Origin,
    Transaction,
)

__all__ = [
    "AccountRoute",
    "BalanceCollection",
    "CardConsent",
    "CardRevocation",
    "Case",
    "CaseKind",
    "CaseStep",
    "CaseStepKind",
    "Challenge",
    "ClosedPeriod",
    "ConsentText",
    "DeliveryStatus",
    "Dispute",
    "EventSource",
    "ExternalNote",
    "GatewayEvent",
    "LedgerAccount",
    "LedgerEntry",
    "LinkEnd",
    "Opening",
    "OpeningStatus",
    "Origin",
    "Payment",
    "PaymentLink",
    "Posting",
    "ReusableCard",
    "RevokedToken",
    "SurchargeRule",
    "Transaction",
    "WebhookDelivery",
]
