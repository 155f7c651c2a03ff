"""The side navigation: what there is, in the words of staff. A page is added to it by a line here."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Be one entry, shown to those who hold its permission.

    `page` is the name of an address of the admin site; `icon` is a name of Material Symbols.
    """

    title: str
    page: str
    icon: str
    permission: str


def rows_of(label: str, title: str, icon: str) -> Item:
    """Return the entry of a model's list; `label` is as in "payments.dispute"."""
    app, model = label.split(".")
    return Item(title=title, page=f"{app}_{model}_changelist", icon=icon, permission=f"{app}.view_{model}")


GROUPS: dict[str, list[Item]] = {
    "Find": [
        Item(title="Find", page="find", icon="search", permission="payments.view_payment"),
        rows_of("payments.payment", "Payments", "payments"),
        rows_of("bookings.order", "Orders", "shopping_cart"),
        rows_of("bookings.booking", "Bookings", "confirmation_number"),
        rows_of("bookings.customer", "Guests", "person"),
    ],
    "Work queues": [
        Item(title="All work queues", page="backoffice_queues", icon="checklist", permission="payments.view_case"),
        rows_of("payments.case", "Waits for a person", "assignment_late"),
        rows_of("payments.casestep", "Work on cases", "checklist_rtl"),
        rows_of("backoffice.probableduplicate", "Probable duplicates", "difference"),
        rows_of("backoffice.approvalrequest", "Refunds to approve", "approval"),
        rows_of("payments.dispute", "Disputes", "gavel"),
        rows_of("payments.webhookdelivery", "Webhooks", "inbox"),
        rows_of("api.delivery", "Callbacks", "outbox"),
        rows_of("bookings.outgoingmail", "Mails", "mail"),
    ],
    "Payments": [
        rows_of("payments.paymentlink", "Payment links", "link"),
        rows_of("api.invoice", "Invoices", "request_quote"),
        rows_of("payments.externalnote", "External payments", "sticky_note_2"),
        rows_of("bookings.gift", "Gift vouchers", "redeem"),
        rows_of("payments.balancecollection", "Balances collected", "event_repeat"),
        rows_of("payments.transaction", "Operations", "swap_horiz"),
        rows_of("payments.opening", "Payment pages opened", "open_in_new"),
        rows_of("payments.challenge", "Proofs at the bank", "verified_user"),
        rows_of("payments.gatewayevent", "What gateways said", "campaign"),
    ],
    "Cards": [
        rows_of("payments.reusablecard", "Reusable cards", "credit_card"),
        rows_of("payments.cardrevocation", "Revocations", "credit_card_off"),
        rows_of("payments.revokedtoken", "Revoked tokens", "token"),
        rows_of("payments.cardconsent", "Consents", "fact_check"),
        rows_of("payments.consenttext", "Consent texts", "article"),
    ],
    "Bookings": [
        rows_of("bookings.availability", "Departures", "departure_board"),
        rows_of("backoffice.departurecancellation", "Departures cancelled", "event_busy"),
        rows_of("bookings.product", "Products", "kayaking"),
        rows_of("bookings.option", "Options", "tune"),
        rows_of("bookings.unit", "Tickets and prices", "sell"),
        rows_of("bookings.supplier", "Brands", "storefront"),
        rows_of("bookings.installment", "Deposits and balances", "splitscreen"),
    ],
    "Partners": [
        rows_of("bookings.partner", "Partners", "handshake"),
        rows_of("bookings.partnerkey", "Keys", "key"),
        rows_of("bookings.signingsecret", "Signing secrets", "signature"),
        rows_of("api.subscription", "Subscriptions", "notifications"),
        rows_of("bookings.change", "What partners are told", "published_with_changes"),
        rows_of("api.idempotentrequest", "Repeated requests", "repeat"),
        rows_of("api.paymentprocess", "Payment processes", "receipt_long"),
        rows_of("api.contextpreference", "Context preferences", "toggle_on"),
    ],
    "Finance": [
        Item(title="Books", page="books", icon="monitoring", permission="reconciliation.view_settlementbatch"),
        Item(title="Drift", page="books_drift", icon="balance", permission="reconciliation.view_settlementbatch"),
        Item(title="Months", page="books_months", icon="calendar_month", permission="payments.view_closedperiod"),
        rows_of("payments.closedperiod", "Closings of months", "lock_clock"),
        rows_of("reconciliation.discrepancy", "Discrepancies", "rule"),
        rows_of("reconciliation.settlementreport", "Settlement files", "description"),
        rows_of("gateways.announcedreport", "Announced reports", "cloud_download"),
        rows_of("reconciliation.settlementbatch", "Payouts", "savings"),
        rows_of("reconciliation.settlementsource", "Where files come from", "source"),
        rows_of("reconciliation.feecontract", "What gateways may charge", "request_quote"),
        rows_of("reconciliation.accountcode", "Account codes", "tag"),
        rows_of("reconciliation.exportrun", "Exports", "table_view"),
        rows_of("reconciliation.scheduledexport", "Scheduled exports", "schedule_send"),
        rows_of("api.financekey", "Keys of finance's systems", "key"),
        rows_of("payments.posting", "Postings", "menu_book"),
        rows_of("payments.ledgerentry", "Ledger", "account_balance"),
    ],
    "Settings": [
        rows_of("gateways.gatewayaccount", "Gateway accounts", "account_balance_wallet"),
        rows_of("payments.accountroute", "Routes", "route"),
        rows_of("payments.surchargerule", "Surcharges", "percent"),
        rows_of("auth.user", "Staff", "badge"),
        rows_of("auth.group", "Roles", "groups"),
        rows_of("backoffice.refundlimit", "Refund limits of roles", "speed"),
        rows_of("backoffice.writeofflimit", "Write-off limits of roles", "price_check"),
    ],
    "Audit": [
        rows_of("backoffice.auditentry", "Audit log", "history"),
        Item(
            title="Personal data",
            page="personal_data",
            icon="person_remove",
            permission="backoffice.export_personal_data",
        ),
    ],
}


# What support reaches for all day stays open.
_ALWAYS_OPEN = frozenset({"Find", "Work queues"})


def navigation_for(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups as the theme takes them, without what the person may not see."""
    groups: list[dict[str, Any]] = []
    for title, items in GROUPS.items():
        allowed = [
            {"title": item.title, "icon": item.icon, "link": reverse(f"admin:{item.page}")}
            for item in items
            if request.user.has_perm(item.permission)
        ]
        if allowed:
            groups.append(
                {
                    "title": title,
                    "separator": bool(groups),
                    "collapsible": title not in _ALWAYS_OPEN,
                    "items": allowed,
                }
            )
    return groups
