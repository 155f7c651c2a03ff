"""Reports of what moved: payments, refunds, chargebacks. Together they are what the ledger moved at the gateways."""

from reconciliation.exporting.report import EVERY_FILTER, Column, Kind, Report

_WHOSE = (
    Column("operation", Kind.OWN),
    Column("kind", Kind.WORD),
    Column("payment", Kind.OWN),
    Column("payment_number", Kind.COUNT),
    Column("order", Kind.OWN),
    Column("partner", Kind.WORD),
    Column("gateway", Kind.WORD),
    Column("account", Kind.WORD),
    Column("source", Kind.WORD),
    Column("gateway_reference", Kind.REFERENCE),
)
_TRIP = (Column("service_date", Kind.DATE), Column("last_service_date", Kind.DATE))
_BOOKED = (
    Column("booked_at", Kind.TIME),
    Column("counts_at", Kind.TIME),
    Column("settled_at", Kind.TIME),
    Column("batch", Kind.REFERENCE),
)
_MONEY = (
    Column("currency", Kind.WORD),
    Column("amount_minor", Kind.MINOR),
    Column("amount", Kind.MAJOR, currency="currency"),
)
_PARTS = (Column("surcharge_minor", Kind.MINOR), Column("donation_minor", Kind.MINOR))
_MOVEMENT = Column("movement", Kind.COUNT)
_PART_TOTALS = tuple((name, "currency") for name in ("amount_minor", "surcharge_minor", "donation_minor"))

PAYMENTS = Report(
    slug="payments",
    title="Payments: what sales and captures brought",
    statement="movements",
    kinds=("SALE", "CAPTURE"),
    columns=(*_WHOSE, *_TRIP, Column("paid_at", Kind.TIME), *_BOOKED, *_MONEY, *_PARTS, _MOVEMENT),
    order=("counts_at", "movement"),
    filters=EVERY_FILTER,
    period="counts_at",
    totals=_PART_TOTALS,
)

REFUNDS = Report(
    slug="refunds",
    title="Refunds: what was given back; negative where it left us",
    statement="movements",
    kinds=("REFUND",),
    columns=(
        *_WHOSE,
        Column("asked_by", Kind.TEXT),
        Column("asked_at", Kind.TIME),
        *_TRIP,
        Column("refunded_at", Kind.TIME),
        *_BOOKED,
        *_MONEY,
        *_PARTS,
        _MOVEMENT,
    ),
    order=("counts_at", "movement"),
    filters=EVERY_FILTER,
    period="counts_at",
    totals=_PART_TOTALS,
)

CHARGEBACKS = Report(
    slug="chargebacks",
    title="Chargebacks by stage, deadline and outcome",
    columns=(
        Column("dispute", Kind.REFERENCE),
        Column("operation", Kind.OWN),
        Column("payment", Kind.OWN),
        Column("order", Kind.OWN),
        Column("partner", Kind.WORD),
        Column("gateway", Kind.WORD),
        Column("account", Kind.WORD),
        Column("stage", Kind.REFERENCE),
        Column("outcome", Kind.WORD),
        Column("reason", Kind.TEXT),
        Column("evidence_due_at", Kind.TIME),
        Column("opened_at", Kind.TIME),
        *_TRIP,
        Column("happened_at", Kind.TIME),
        *_BOOKED,
        *_MONEY,
        Column("disputed_minor", Kind.MINOR),
        _MOVEMENT,
    ),
    order=("counts_at", "movement", "dispute", "payment"),
    filters=EVERY_FILTER,
    period="counts_at",
    totals=(("amount_minor", "currency"),),
)
