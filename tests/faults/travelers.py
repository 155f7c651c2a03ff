"""What partners, guests and staff do in a storm: each traveler is a thread with its own dice and its own client."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
from django.db import connections
from django.utils import timezone

from bookings.models import Booking, Order
from money import Money
from payments.errors import PaymentError
from payments.models import Payment
from payments.services import aftercare
from tests.faults.partner import OctoClient, session_of
from tests.payments.guest import CARD
from tests.processes import Sandbox

GUEST = "Ada Byron"
REFUSALS = ("DECLINED", "NOT_ENOUGH_BALANCE", "EXPIRED_CARD", "BLOCK_CARD")
_TRIES = 4


class Traveler:
    """Book, pay, change their mind. What the storm does to a request is shrugged off, as a real client would."""

    def __init__(self, octo: OctoClient, sandbox: Sandbox, dice: random.Random) -> None:
        self.octo = octo
        self._sandbox = sandbox
        self._dice = dice
        self.done: Counter[str] = Counter()
        self.refunds_by_the_processor = 0

    def run(self, journeys: int, *, until: float) -> None:
        """Make so many journeys, but begin none after `until` on the monotonic clock."""
        names, weights = zip(*((story.__name__, weight) for story, weight in _STORIES), strict=True)
        stories = {story.__name__: story for story, _ in _STORIES}
        # All dice for the choice of stories fall first: what happens in one does not change which comes next.
        plan = self._dice.choices(names, weights, k=journeys)
        try:
            for name in plan:
                if time.monotonic() > until:
                    break
                stories[name](self)
                self.done[name] += 1
        finally:
            connections.close_all()

    def hold(self, **fields: Any) -> dict[str, Any] | None:
        """Reserve, and read again until there is a session; None when there is none."""
        currency = self._dice.choice(["EUR", "USD"])
        wish = self.octo.wish(self._dice.randint(1, 3), currency=currency, **fields)
        answer = self.octo.send("POST", "/bookings", wish)
        for _ in range(_TRIES):
            if answer.status_code == 200 and session_of(answer.json()):
                booking: dict[str, Any] = answer.json()
                return booking
            self._breathe()
            if answer.status_code == 200:
                answer = self.octo.send("GET", f"/bookings/{wish['uuid']}")
            else:
                answer = self.octo.send("POST", "/bookings", wish)
        return None

    def pay(self, session: str | None, holder: str = GUEST) -> str | None:
        """Pay a session; return what the browser brings back, None when the session takes no payment."""
        try:
            paid = self._sandbox.post(f"adyen/sessions/{session}/pay", **CARD, holderName=holder)
        except httpx.HTTPStatusError:
            return None
        result: str = paid["sessionResult"]
        return result

    def confirm(self, booking: dict[str, Any], session: str | None = None, evidence: str | None = None) -> bool:
        """Confirm as often as the payment is pending, a few times at most."""
        named = session or session_of(booking)
        for _ in range(_TRIES):
            answer = self.octo.confirm(booking["uuid"], session=named, evidence=evidence)
            if answer.status_code == 200:
                return True
            if answer.json()["error"] != "PAYMENT_PENDING":
                return False
            self._breathe()
        return False

    def cancel(self, booking: dict[str, Any]) -> None:
        self.octo.send("POST", f"/bookings/{booking['uuid']}/cancel", {"reason": "rain"})

    def sold(self) -> dict[str, Any] | None:
        """Return a booking whose guest has paid and which was asked to be confirmed."""
        booking = self.hold()
        if booking is None:
            return None
        evidence = self.pay(session_of(booking))
        self.confirm(booking, evidence=evidence if self._dice.random() < 0.3 else None)
        return booking

    def pay_and_confirm(self) -> None:
        self.sold()

    def abandon(self) -> None:
        self.hold()

    def refused_and_paid(self) -> None:
        if (booking := self.hold()) is None:
            return
        self.pay(session_of(booking), self._dice.choice(REFUSALS))
        fresh = None
        if self._dice.random() < 0.5 and not self.confirm(booking):
            answer = self.octo.send("GET", f"/bookings/{booking['uuid']}")
            fresh = session_of(answer.json()) if answer.status_code == 200 else None
        session = fresh or session_of(booking)
        self.pay(session)
        self.confirm(booking, session)

    def pay_old_and_new_session(self) -> None:
        if (booking := self.hold()) is None:
            return
        changed = self.octo.send(
            "PATCH", f"/bookings/{booking['uuid']}", {"unitItems": self.octo.units(len(booking["unitItems"]) + 1)}
        )
        newer = session_of(changed.json()) if changed.status_code == 200 else None
        self.pay(session_of(booking))
        if self._dice.random() < 0.6:
            self.pay(newer)
        self.confirm(booking, newer)

    def pay_and_cancel(self) -> None:
        if (booking := self.hold()) is None:
            return
        self.pay(session_of(booking))
        self.cancel(booking)

    def confirm_and_cancel(self) -> None:
        if booking := self.sold():
            self.cancel(booking)

    def confirm_with_fewer(self) -> None:
        if (booking := self.sold()) and len(booking["unitItems"]) > 1:
            self.octo.send("PATCH", f"/bookings/{booking['uuid']}", {"unitItems": self.octo.units(1)})

    def two_confirm_at_once(self) -> None:
        if (booking := self.hold()) is None:
            return
        self.pay(session_of(booking))
        self._twice(lambda: self.confirm(booking))

    def staff_refund_twice_at_once(self) -> None:
        """Give back a third or two thirds, by two members of staff at once: together perhaps more than there is."""
        thirds = self._dice.choice([1, 2])
        if (booking := self.sold()) is None:
            return
        payment = self._payment(booking)

        def refund() -> None:
            part = Money(payment.captured_minor * thirds // 3, payment.currency)
            try:
                aftercare.refund_payment(
                    payment=payment, money=part, reason="goodwill", requested_by="grace", clock=timezone.now
                )
            except PaymentError:
                return

        self._twice(refund)

    def processor_refunds(self) -> None:
        """Let the processor's own back office give some back, and staff too."""
        if (booking := self.sold()) is None:
            return
        payment = self._payment(booking)
        psp = payment.transactions.filter(status="PROCESSED", kind__in=["SALE", "AUTHORIZATION"]).first()
        if psp is None or payment.captured_minor < 2:
            return
        action = self._dice.choice(["refund", "chargeback"])
        try:
            self._sandbox.post(f"adyen/payments/{psp.gateway_reference}/{action}", amount=payment.captured_minor // 2)
        except httpx.HTTPStatusError:
            return
        self.refunds_by_the_processor += action == "refund"
        if self._dice.random() < 0.5:
            self.cancel(booking)

    def hold_runs_out_while_the_guest_pays(self) -> None:
        if (booking := self.hold()) is None:
            return
        ended = timezone.now() - timedelta(seconds=1)
        Booking.objects.filter(uuid=booking["uuid"], status="ON_HOLD").update(expires_at=ended)
        Order.objects.filter(bookings__uuid=booking["uuid"], status="ON_HOLD").update(expires_at=ended)
        self._breathe()
        evidence = self.pay(session_of(booking))
        self.confirm(booking, evidence=evidence)

    def capture_fails(self) -> None:
        if booking := self.hold():
            self.pay(session_of(booking), "capture failed")
            self.confirm(booking)

    def refund_fails(self) -> None:
        if booking := self.hold():
            self.pay(session_of(booking), "refund failed")
            self.confirm(booking)
            self.cancel(booking)

    def _payment(self, booking: dict[str, Any]) -> Payment:
        return Payment.objects.filter(order__bookings__uuid=booking["uuid"]).latest("created_at")

    def _twice(self, act: Callable[[], Any]) -> None:
        def once(_: int) -> None:
            try:
                act()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(once, range(2)))

    def _breathe(self) -> None:
        """Wait as a client does between two tries."""
        time.sleep(self._dice.uniform(0.05, 0.25))


_STORIES: tuple[tuple[Callable[[Traveler], None], int], ...] = (
    (Traveler.pay_and_confirm, 5),
    (Traveler.abandon, 1),
    (Traveler.refused_and_paid, 3),
    (Traveler.pay_old_and_new_session, 3),
    (Traveler.pay_and_cancel, 3),
    (Traveler.confirm_and_cancel, 4),
    (Traveler.confirm_with_fewer, 2),
    (Traveler.two_confirm_at_once, 2),
    (Traveler.staff_refund_twice_at_once, 3),
    (Traveler.processor_refunds, 2),
    (Traveler.hold_runs_out_while_the_guest_pays, 2),
    (Traveler.capture_fails, 1),
    (Traveler.refund_fails, 1),
)
