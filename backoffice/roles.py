"""Who may do what: the five roles, as groups of permissions.

A migration gives a new permission to the groups (`backoffice.granting.grant`, with a copy of its own of what it gives);
this table is what all of them come to. What an administrator changed in a group by hand, a later migration leaves.
"""

from enum import StrEnum


class Role(StrEnum):
    """Name the groups."""

    SUPPORT = "Support"
    FINANCE = "Finance"
    MANAGER = "Manager"
    AUDITOR = "Auditor"
    ADMINISTRATOR = "Administrator"


def _permissions(app: str, action: str, *models: str) -> frozenset[str]:
    return frozenset(f"{app}.{action}_{model}" for model in models)


_CATALOGUE = ("supplier", "product", "option", "unit", "price", "availability")
_SETUP = ("partner", "partnerkey", "signingsecret")

_SEE_WHAT_IS_SOLD = _permissions(
    "bookings",
    "view",
    *("partner", "order", "booking", "unititem", "installment", "change", "customer", "gift", "outgoingmail"),
    *_CATALOGUE,
)
_SEE_MONEY = (
    _permissions("gateways", "view", "gatewayaccount")
    | _permissions(
        "payments",
        "view",
        *(
            "payment",
            "opening",
            "transaction",
            "gatewayevent",
            "dispute",
            "challenge",
            "case",
            "casestep",
            "externalnote",
        ),
        *("reusablecard", "cardconsent", "consenttext", "cardrevocation", "revokedtoken"),
        *("paymentlink", "balancecollection", "webhookdelivery", "ledgerentry", "posting"),
    )
    | _permissions("api", "view", "subscription", "delivery", "invoice", "invoicerefund", "paymentprocess")
    | _permissions("backoffice", "view", "departurecancellation", "probableduplicate")
)
_SEE_SETUP = (
    _permissions("bookings", "view", *_SETUP)
    | _permissions("payments", "view", "accountroute", "surchargerule")
    | _permissions("api", "view", "idempotentrequest", "contextpreference", "financekey")
)
_SEE_STAFF = _permissions("auth", "view", "user", "group") | _permissions("backoffice", "view", "auditentry")

_HELP_GUESTS = frozenset(
    {
        "payments.ask_gateway",
        "payments.refund_payment",
        "payments.change_case",
        "payments.add_externalnote",
        "payments.add_paymentlink",
        "payments.change_paymentlink",
        "payments.change_reusablecard",
        "payments.change_webhookdelivery",
        "bookings.change_gift",
        "bookings.change_outgoingmail",
        "api.change_delivery",
        "backoffice.change_probableduplicate",
        "backoffice.confirm_paid_order",
        "backoffice.plan_departure_cancellation",
        "backoffice.take_external_payment",
    }
)
_SEE_APPROVALS = _permissions("backoffice", "view", "approvalrequest", "refundlimit")
_TAKE_MONEY = frozenset(
    {"payments.capture_payment", "backoffice.charge_card", "backoffice.start_departure_cancellation"}
)
_SEE_SETTLEMENTS = (
    _permissions("gateways", "view", "announcedreport")
    | _permissions(
        "reconciliation",
        "view",
        *("settlementsource", "settlementreport", "settlementbatch", "settlementline", "badline", "batchposting"),
        *("match", "ledgerconsumed", "discrepancy", "discrepancyevent", "feecontract", "accountcode", "exportrun"),
        *("scheduledexport", "scheduledrun", "proposal"),
    )
    | {"backoffice.view_writeofflimit", "payments.view_closedperiod"}
)
_SETTLE = frozenset(
    {
        "reconciliation.add_accountcode",
        "reconciliation.add_feecontract",
        "reconciliation.add_settlementsource",
        "reconciliation.change_settlementsource",
        "reconciliation.import_settlement",
        "reconciliation.work_discrepancies",
        "reconciliation.approve_discrepancies",
        "reconciliation.export_reports",
        "reconciliation.add_scheduledexport",
        "reconciliation.change_scheduledexport",
        "payments.close_period",
    }
)
_RUN_THE_HOUSE = (
    _permissions("bookings", "add", *_CATALOGUE)
    | _permissions("bookings", "change", *_CATALOGUE)
    | _permissions("backoffice", "view", "auditentry")
    | {"backoffice.export_personal_data", "backoffice.erase_personal_data"}
    | {"backoffice.approve_refund", "backoffice.agree_refundlimit", "backoffice.agree_writeofflimit"}
)
_SET_UP = (
    frozenset(
        f"{app}.{action}_{model}"
        for app, models in {
            "auth": ("user",),
            "bookings": _SETUP,
            "gateways": ("gatewayaccount",),
            "payments": ("accountroute", "surchargerule"),
            "backoffice": ("refundlimit", "writeofflimit"),
            "api": ("contextpreference", "financekey"),
        }.items()
        for action in ("add", "change")
        for model in models
    )
    | _permissions("payments", "delete", "accountroute", "surchargerule")
    | {"backoffice.delete_refundlimit", "backoffice.delete_writeofflimit"}
)

_SUPPORT = _SEE_WHAT_IS_SOLD | _SEE_MONEY | _SEE_APPROVALS | _HELP_GUESTS
_FINANCE = _SUPPORT | _SEE_SETUP | _TAKE_MONEY | _SEE_SETTLEMENTS | _SETTLE
_MANAGER = _FINANCE | _RUN_THE_HOUSE

ROLES: dict[Role, frozenset[str]] = {
    Role.SUPPORT: _SUPPORT,
    Role.FINANCE: _FINANCE,
    Role.MANAGER: _MANAGER,
    Role.AUDITOR: _SEE_WHAT_IS_SOLD | _SEE_MONEY | _SEE_APPROVALS | _SEE_SETUP | _SEE_SETTLEMENTS | _SEE_STAFF,
    Role.ADMINISTRATOR: _MANAGER | _SEE_STAFF | _SET_UP,
}
