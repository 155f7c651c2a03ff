"""All that the search box finds: what payments knows, and what partners see of invoices."""

from api.models import Invoice, InvoiceRefund
from payments.finding.lookups import LOOKUPS, Lookup, spelled

ALL_LOOKUPS: tuple[Lookup, ...] = (
    *LOOKUPS,
    Lookup(name="invoice", label="invoice", model=Invoice, said="public_id", where=spelled("public_id")),
    Lookup(name="sale", label="sale of an invoice", model=Invoice, said="sale_id", where=spelled("sale_id")),
    Lookup(
        name="invoice-refund",
        label="refund of an invoice",
        model=InvoiceRefund,
        order="invoice__order_id",
        said="public_id",
        where=spelled("public_id"),
    ),
)
BY_NAME = {lookup.name: lookup for lookup in ALL_LOOKUPS}
