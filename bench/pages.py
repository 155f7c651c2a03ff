"""How fast each page of the back office answers on a seeded volume, and with how many queries.

`python -m bench.pages TRANSACTIONS` seeds the database that DATABASE_URL names, asks for every page as a member of
staff, and prints one JSON object. `make bench ARGS=pages` runs it on two sizes and prints both beside the goals.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any
from urllib.parse import urlencode

from bench.plans import Plan, explain

REPEATS = 15
GOAL_MS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Be one page that is measured."""

    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Say how one page did: milliseconds, queries, and what the slowest of these read and did."""

    name: str
    queries: int
    p50: float
    p95: float
    slowest_ms: float
    plan: Plan


def pages() -> Iterator[Page]:
    """Give every main page, with what is in this database in its address."""
    from django.urls import reverse

    from backoffice.queues.registry import QUEUES
    from bookings.models import Booking
    from money import Money
    from payments.models import ExternalNote, Opening, Payment, ReusableCard, Transaction
    from payments.states import OperationKind

    def page(name: str, route: str, *arguments: Any, **query: str) -> Page:
        address = reverse(f"admin:{route}", args=arguments)
        return Page(name=name, path=f"{address}?{urlencode(query)}" if query else address)

    refund = Transaction.objects.filter(kind=OperationKind.REFUND, card_last4__gt="").order_by("-number")[5]
    payment = Payment.objects.get(pk=refund.payment_id)
    booking = Booking.objects.get(order=payment.order_id)
    opening = Opening.objects.filter(payment=payment)[0]
    note = ExternalNote.objects.order_by("-pk")[0]
    card = ReusableCard.objects.order_by("-created_at")[0]
    last_name = booking.contact_last_name.lower()
    yield page("home", "index")
    for name, term in {
        "name": last_name,
        "beginning of a name": "mi",
        "full name": booking.contact_full_name,
        "name that is nobody's": "Quetzalcoatl",
        "e-mail": booking.contact_email,
        "last four digits": refund.card_last4,
        "last four digits of a test card": "4242",
        "name and digits": f"{last_name} {refund.card_last4}",
        "name and a test card": f"{last_name} 4242",
        "amount": Money(payment.amount_minor, "EUR").format(),
        "amount and currency": "20.00 EUR",
        "amount and name": f"20.00 EUR {last_name}",
        "note": note.text.split(",")[0],
        "number in a note": note.text.rsplit(" ", 1)[-1],
        "partner's reference": booking.reseller_reference or "MI-123456",
        "nothing": "ZZ-99999999",
    }.items():
        yield page(f"find: {name}", "find", q=term)
    for name, term in {
        "order": payment.order.reference,
        "payment": payment.reference,
        "gateway's reference": refund.gateway_reference or "",
        "session": opening.gateway_reference or "",
        "id": str(payment.order_id),
    }.items():
        yield page(f"find: {name}", "find", q=term)
    yield page(
        "find: second page of a name",
        "find",
        **{"q": "miller", "in": "guest", "older": f"{booking.number}.{booking.order_id.hex}"},
    )
    for model in ("payment", "transaction", "gatewayevent", "opening", "ledgerentry", "posting", "webhookdelivery",
                  "case", "dispute", "externalnote", "reusablecard", "paymentlink"):  # fmt: skip
        yield page(f"list: {model}", f"payments_{model}_changelist")
    for model in ("booking", "order", "customer", "gift", "change"):
        yield page(f"list: {model}", f"bookings_{model}_changelist")
    yield page("list: delivery of callbacks", "api_delivery_changelist")
    yield page("list: payments, failed", "payments_payment_changelist", state__exact="FAILED")
    yield page("list: payments, pending (none)", "payments_payment_changelist", state__exact="PENDING")
    yield page("list: payments, test", "payments_payment_changelist", is_live__exact="0")
    yield page("list: payments by name", "payments_payment_changelist", q=last_name)
    yield page("list: payments, page 20", "payments_payment_changelist", p="20")
    yield page("list: operations, chargebacks", "payments_transaction_changelist", kind__exact="CHARGEBACK")
    yield page("list: operations, unknown", "payments_transaction_changelist", unknown_since_at__isempty="0")
    yield page("list: ledger, disputed", "payments_ledgerentry_changelist", to_account__exact="DISPUTED")
    yield page("list: deliveries, orphans", "payments_webhookdelivery_changelist", status__exact="ORPHAN")
    yield page("list: bookings, cancelled", "bookings_booking_changelist", status__exact="CANCELLED")
    for name in ("books", "books_drift", "books_months"):
        yield page(name.replace("_", ": "), name)
    yield page("queues", "backoffice_queues")
    for queue in QUEUES:
        yield page(f"queue: {queue.slug}", "backoffice_queue", queue.slug)
    yield page("payment", "payments_payment_change", payment.pk)
    yield page("payment explained", "payments_payment_explain", payment.pk)
    yield page("order", "bookings_order_change", payment.order_id)
    yield page("booking", "bookings_booking_change", booking.pk)
    yield page("operation", "payments_transaction_change", refund.pk)
    yield page("card", "payments_reusablecard_change", card.pk)
    yield page("note", "payments_externalnote_change", note.pk)


def measure(page: Page, get: Callable[[str], Any]) -> Figures:
    """Ask for a page again and again; its queries are counted apart from its times.

    The two calls before the first that counts have its template compiled and its rows in memory.
    """
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    _see(get(page.path), page)
    reset_queries()
    with CaptureQueriesContext(connection) as captured:
        get(page.path)
    queries = list(captured.captured_queries)
    slowest = max(queries, key=lambda query: float(query["time"]))
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        get(page.path)
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return Figures(
        name=page.name,
        queries=len(queries),
        p50=median(times),
        p95=times[int(len(times) * 0.95)],
        slowest_ms=float(slowest["time"]) * 1000,
        plan=explain(slowest["sql"]),
    )


def _see(response: Any, page: Page) -> None:
    # What a search finds alone it leads straight to.
    is_found = page.path.startswith("/admin/find/") and response.status_code == 302
    if response.status_code != 200 and not is_found:
        raise RuntimeError(f"{page.name} answered {response.status_code} at {page.path}")


def _settle() -> None:
    """Have PostgreSQL do now what it would do by itself in the first minutes, while pages are asked for."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")
        cursor.execute("RESET statement_timeout")


def main() -> int:
    """Seed, measure every page, print."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.utils import timezone

    from config.garbage import spare_what_stays
    from config.volume import Wish, seed_volume
    from reconciliation.services.adding_up import add_up

    started = time.monotonic()
    wish = Wish(transactions=int(sys.argv[1]), partners=12, until=timezone.now())
    transactions = seed_volume(wish, say=lambda text: print(f"    {text}", file=sys.stderr, flush=True))
    # As the worker does by itself; the sums are a turn behind.
    for _ in range(2):
        add_up(now=timezone.now())
    seeded_in = time.monotonic() - started
    staff = get_user_model().objects.create_superuser("bench", "bench@example.com", "correct horse battery")
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(staff)
    _settle()
    # As a web process does, which has seeded nothing.
    spare_what_stays()
    figures = []
    for page in pages():
        figures.append(asdict(measure(page, client.get)))
        print(f"    {page.name}", file=sys.stderr, flush=True)
    print(json.dumps({"transactions": transactions, "seeded_in": seeded_in, "pages": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
