"""One journey over real HTTP: what a partner asks, what a guest does at the processor, what the worker makes of it."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import Task
from django.utils import timezone

from bookings.models import Booking, Order
from payments import tasks
from payments.checking import Severity, ledger_findings, payment_findings
from payments.models import Case, Opening, OpeningStatus, Payment, Transaction, WebhookDelivery
from tests.faults.agreement import money_of_the_ledger, money_of_the_sandbox, under_way
from tests.faults.partner import OctoClient, session_of
from tests.payments.guest import CARD
from tests.payments.house import House, books, operations
from tests.processes import PATIENCE_SECONDS, Sandbox, wait_until

_BEAT_SECONDS = 0.25
_DRAINS: tuple["Task[..., Any]", ...] = (
    tasks.drain_deliveries,
    tasks.drain_operations,
    tasks.resolve_unknown,
    tasks.expire_holds,
    tasks.confirm_paid_orders,
    tasks.delete_revoked_cards,
)
NOTHING = {"authorized": 0, "captured": 0, "refunded": 0, "cancelled": 0, "charged_back": 0}


class Held:
    """A booking as its partner sees it, from hold to end."""

    def __init__(self, trip: "Trip", shown: dict[str, Any]) -> None:
        self._trip = trip
        self.uuid: str = shown["uuid"]
        self.first_session = session_of(shown)

    def read(self) -> dict[str, Any]:
        """Return what the partner is shown now."""
        answer = self._trip.octo.send("GET", f"/bookings/{self.uuid}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    @property
    def status(self) -> str:
        """Return the status the partner is shown."""
        status: str = self.read()["status"]
        return status

    @property
    def session(self) -> str:
        """Return the session a guest would be sent to now."""
        session = session_of(self.read())
        assert session is not None
        return session

    @property
    def order(self) -> Order:
        """Return the order as it is in the database now."""
        return Booking.objects.select_related("order").get(uuid=self.uuid).order

    @property
    def payment(self) -> Payment:
        """Return the current payment of the order."""
        return Payment.objects.get(order=self.order, superseded_at__isnull=True)

    @property
    def books(self) -> dict[str, int]:
        """Return what the ledger moved, by transfer, in minor units."""
        return books(self.order)

    @property
    def operations(self) -> list[tuple[str, str, str, int]]:
        """Return kind, origin, status and amount of the operations, sorted: a processor's times have whole seconds."""
        return sorted(operations(self.order))

    @property
    def at_processor(self) -> dict[str, int]:
        """Return what the processor's own books say of the order, in minor units."""
        references = set(Opening.objects.filter(payment__order=self.order).values_list("reference", flat=True))
        sums = dict(NOTHING)
        for row in self._trip.sandbox.get("money")["money"]:
            if row["merchantReference"] in references:
                for name in NOTHING:
                    sums[name] += row[name]
        return sums

    @property
    def cases(self) -> set[str]:
        """Return the kinds of the cases that are open for staff."""
        return set(
            Case.objects.filter(payment__order=self.order, closed_at__isnull=True).values_list("kind", flat=True)
        )

    def change(self, **body: Any) -> dict[str, Any]:
        """Change the booking as its partner."""
        answer = self._trip.octo.send("PATCH", f"/bookings/{self.uuid}", body)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def ask_to_confirm(self, session: str | None = None, evidence: str | None = None) -> tuple[int, dict[str, Any]]:
        """Ask once for the confirmation; return status and body."""
        answer = self._trip.octo.confirm(self.uuid, session=session, evidence=evidence)
        return answer.status_code, answer.json()

    def confirm(self, session: str | None = None, evidence: str | None = None) -> dict[str, Any]:
        """Ask for the confirmation until it is given: PAYMENT_PENDING is to be repeated, all else is a failure."""

        def ask() -> dict[str, Any] | None:
            status, body = self.ask_to_confirm(session, evidence)
            assert status == 200 or body["error"] == "PAYMENT_PENDING", body
            return body if status == 200 else None

        shown = self._trip.until(ask, "the confirmation")
        assert shown["status"] == "CONFIRMED"
        confirmed: dict[str, Any] = shown
        return confirmed

    def cancel(self) -> dict[str, Any]:
        """Cancel the booking as its partner."""
        answer = self._trip.octo.send("POST", f"/bookings/{self.uuid}/cancel", {"reason": "rain"})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def let_the_hold_run_out(self) -> None:
        """Let the time of the hold be over, as if the guest had taken that long."""
        past = timezone.now() - timedelta(seconds=1)
        Booking.objects.filter(uuid=self.uuid).update(expires_at=past)
        Order.objects.filter(pk=self.order.pk).update(expires_at=past)


class Trip:
    """Everybody who takes part."""

    def __init__(self, *, house: House, octo: OctoClient, sandbox: Sandbox) -> None:
        self.house = house
        self.octo = octo
        self.sandbox = sandbox
        self._next_beat = 0.0

    def hold(self, adults: int = 2, **fields: Any) -> Held:
        """Reserve for some adults, 45.00 EUR or 50.00 USD each; with a return URL and so with a session."""
        return Held(self, self.octo.reserve(adults, **fields))

    def pay(self, session: str | None, holder: str = "Ada Byron") -> dict[str, Any]:
        """Let the guest pay a session with a published test card; some names make the bank refuse."""
        assert session is not None
        paid: dict[str, Any] = self.sandbox.post(f"adyen/sessions/{session}/pay", **CARD, holderName=holder)
        return paid

    @staticmethod
    def now() -> datetime:
        """Return the time, as services are told it."""
        return timezone.now()

    def fault(self, operation: str, fault: str, **more: Any) -> None:
        """Let something go wrong at the processor."""
        self.sandbox.post("faults", gateway="adyen", operation=operation, fault=fault, **more)

    def forgive(self) -> None:
        """Let nothing go wrong any more."""
        self.sandbox.delete("faults")

    def back_office(self, psp_reference: str, action: str, **more: Any) -> None:
        """Do something in the processor's own back office."""
        self.sandbox.post(f"adyen/payments/{psp_reference}/{action}", **more)

    def requests(self, operation: str) -> list[dict[str, Any]]:
        """Return the calls the processor got, oldest first."""
        found: list[dict[str, Any]] = self.sandbox.get("requests", operation=operation)["requests"]
        return found

    def until(self, look: Callable[[], Any], what: str, *, seconds: float = PATIENCE_SECONDS) -> Any:
        """Return the first true value of `look`, playing beat meanwhile: its drains go to the real worker."""

        def beat_and_look() -> Any:
            self.beat()
            return look()

        return wait_until(beat_and_look, seconds=seconds, what=what)

    def beat(self) -> None:
        """Send what beat would send, four times a second at most."""
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + _BEAT_SECONDS
        for task in _DRAINS:
            task.apply_async(expires=2, headers={"periodic": "yes"})

    def settle(self) -> None:
        """Wait until every webhook that was sent is in and handled, and nothing is under way."""
        self.until(lambda: not under_way(self.sandbox), "everything coming to rest")

    def findings(self) -> list[str]:
        """Return every fault that the checks of the books find."""
        found = [
            *payment_findings(now=timezone.now() + timedelta(minutes=1), stuck_after=timedelta(0)),
            *ledger_findings(),
        ]
        return [f"{one.code} {one.subject} {one.message}" for one in found if one.severity is Severity.FAULT]

    def come_to_rest(self) -> None:
        """See that the books are in order and agree with the processor's to the cent."""
        self.forgive()
        wait_until(lambda: self.sandbox.get("webhooks/idle")["pending"] == 0, what="the last webhook")
        claims = (Transaction, Opening, WebhookDelivery)
        self.until(
            lambda: not any(model.objects.filter(claimed_until__gt=timezone.now()).exists() for model in claims),
            "the worker being idle",
        )
        assert self.findings() == []
        assert money_of_the_sandbox(self.sandbox) == money_of_the_ledger()
        assert not Opening.objects.filter(status=OpeningStatus.REQUESTED).exists()
