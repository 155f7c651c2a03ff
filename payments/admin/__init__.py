"""What staff see of payments: a page per payment that says what happened, and buttons that call one service each."""

from payments.admin.balances import BalanceCollectionAdmin
from payments.admin.cards import ReusableCardAdmin
from payments.admin.cases import CaseAdmin, CaseStepAdmin
from payments.admin.consents import CardConsentAdmin, CardRevocationAdmin, ConsentTextAdmin, RevokedTokenAdmin
from payments.admin.customers import CustomerAdmin
from payments.admin.gifts import GiftAdmin
from payments.admin.inbox import WebhookDeliveryAdmin
from payments.admin.ledger import LedgerEntryAdmin, PostingAdmin
from payments.admin.links import PaymentLinkAdmin
from payments.admin.notes import ExternalNoteAdmin
from payments.admin.operations import ChallengeAdmin, DisputeAdmin, GatewayEventAdmin, OpeningAdmin, TransactionAdmin
from payments.admin.payments import PaymentAdmin
from payments.admin.periods import ClosedPeriodAdmin
from payments.admin.routes import AccountRouteAdmin, SurchargeRuleAdmin

__all__ = [
    "AccountRouteAdmin",
    "BalanceCollectionAdmin",
    "CardConsentAdmin",
    "CardRevocationAdmin",
    "CaseAdmin",
    "CaseStepAdmin",
    "ChallengeAdmin",
    "ClosedPeriodAdmin",
    "ConsentTextAdmin",
    "CustomerAdmin",
    "DisputeAdmin",
    "ExternalNoteAdmin",
    "GatewayEventAdmin",
    "GiftAdmin",
    "LedgerEntryAdmin",
    "OpeningAdmin",
    "PaymentAdmin",
    "PaymentLinkAdmin",
    "PostingAdmin",
    "ReusableCardAdmin",
    "RevokedTokenAdmin",
    "SurchargeRuleAdmin",
    "TransactionAdmin",
    "WebhookDeliveryAdmin",
]
