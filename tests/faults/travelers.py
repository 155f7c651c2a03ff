"""What partners, guests and staff do in a storm: each traveler is a thread with its own dice and its own client."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from django.db import connections
from django.utils import timezone

from bookings.models import Booking, Order
from gateways.protocol import Capability
from money import Money
from payments.errors import PaymentError
from payments.models import Payment
from payments.services import aftercare
from tests.faults.partner import OctoClient
from tests.faults.tills import Till
from tests.faults.ways import Way
from tests.processes import Sandbox

_TRIES = 4


@dataclass(slots=True, kw_only=True)
class Held:
    """Be a booking with something that a guest can pay."""

    way: Way
    uuid: str
    adults: int
    client: Any


class Traveler:
    """Book, pay, change their mind. What the storm does to a request is shrugged off, as a real client would."""

    def __init__(self, octo: OctoClient, sandbox: Sandbox, ways: Sequence[Way], dice: random.Random) -> None:
        self.octo = octo
        self._sandbox = sandbox
        self._ways = ways
        self._dice = dice
        self._bag: list[Way] = []
        self.till = Till(octo, dice)
        self.done: Counter[str] = Counter()
        self.refunds_by_the_processor = 0

    def run(self, journeys: int, *, is_over: threading.Event) -> None:
        """Make so many journeys, but begin none after `is_over`.

        Before them something is sold and cancelled by the first way, so that travelers with different first ways leave
        none out.
        """
        names, weights = zip(*((story.__name__, weight) for story, weight in STORIES), strict=True)
        stories = {story.__name__: story for story, _ in STORIES}
        # All dice for the choice of stories fall first: what happens in one does not change which comes next.
        plan = self._dice.choices(names, weights, k=journeys)
        try:
            if held := self.sold(self._ways[0]):
                self.cancel(held)
            for name in plan:
                if is_over.is_set():
                    break
                stories[name](self)
                self.done[name] += 1
        finally:
            connections.close_all()

    def hold(self, way: Way | None = None, *, is_at_once: bool = False, **fields: Any) -> Held | None:
        """Reserve, and read again until there is something to pay; None when there is nothing."""
        way = way or self._any_way()
        currency = self._dice.choice(way.at_once if is_at_once or not way.held else way.at_once + way.held)
        adults = self._dice.randint(1, 3)
        wish = self.octo.wish(adults, currency=currency, cardPayment={"gateway": way.name}, **fields)
        answer = self.octo.send("POST", "/bookings", wish)
        for _ in range(_TRIES):
            if answer.status_code == 200 and (client := way.client_of(answer.json())):
                return Held(way=way, uuid=wish["uuid"], adults=adults, client=client)
            self._breathe()
            if answer.status_code == 200:
                answer = self.octo.send("GET", f"/bookings/{wish['uuid']}")
            else:
                answer = self.octo.send("POST", "/bookings", wish)
        return None

    def pay(self, held: Held, client: Any = None, *, is_good: bool = True, kind: str = "") -> Any:
        """Pay what was opened; return what the browser is answered, None when it takes no payment."""
        path, card = held.way.standin.guest_pays(client or held.client, is_good=is_good)
        try:
            return self._sandbox.post(path, **{**card, **held.way.also_posted.get(kind, {})})
        except httpx.HTTPStatusError:
            return None

    def confirm(self, held: Held, answer: Any = None, client: Any = None, *, has_evidence: bool = False) -> bool:
        """Confirm as often as the payment is pending, a few times at most."""
        brought = held.way.brought(client or held.client, answer, has_evidence=has_evidence)
        return self._confirm_with(held.uuid, brought)

    def cancel(self, held: Held) -> None:
        self.octo.send("POST", f"/bookings/{held.uuid}/cancel", {"reason": "rain"})

    def sold(self, way: Way | None = None, **fields: Any) -> Held | None:
        """Return a booking whose guest has paid and which was asked to be confirmed."""
        held = self.hold(way, **fields)
        if held is None:
            return None
        answer = self.pay(held)
        self.confirm(held, answer, has_evidence=self._dice.random() < 0.3)
        return held

    def pay_and_confirm(self) -> None:
        self.sold()

    def abandon(self) -> None:
        self.hold()

    def refused_and_paid(self) -> None:
        if (held := self.hold()) is None:
            return
        kinds = [kind for kind in held.way.also_posted if kind.startswith("refused")]
        answer = self.pay(held, is_good=False, kind=self._dice.choice(["", *kinds]))
        client = held.client
        if self._dice.random() < 0.5 and not self.confirm(held, answer):
            client = self._client_now(held) or client
        answer = self.pay(held, client)
        self.confirm(held, answer, client)

    def pay_old_and_new_opening(self) -> None:
        if (held := self.hold()) is None:
            return
        changed = self.octo.send("PATCH", f"/bookings/{held.uuid}", {"unitItems": self.octo.units(held.adults + 1)})
        newer = held.way.client_of(changed.json()) if changed.status_code == 200 else None
        self.pay(held)
        answer = self.pay(held, newer) if newer and self._dice.random() < 0.6 else None
        self.confirm(held, answer, newer)

    def pay_and_cancel(self) -> None:
        if (held := self.hold()) is None:
            return
        self.pay(held)
        self.cancel(held)

    def confirm_and_cancel(self) -> None:
        if held := self.sold():
            self.cancel(held)

    def confirm_with_fewer(self) -> None:
        if (held := self.sold()) and held.adults > 1:
            self.octo.send("PATCH", f"/bookings/{held.uuid}", {"unitItems": self.octo.units(1)})

    def two_confirm_at_once(self) -> None:
        if (held := self.hold()) is None:
            return
        answer = self.pay(held)
        self._twice(lambda: self.confirm(held, answer))

    def staff_refund_twice_at_once(self) -> None:
        """Give back a third or two thirds, by two members of staff at once: together perhaps more than there is."""
        thirds = self._dice.choice([1, 2])
        if (held := self.sold()) is None:
            return
        payment = self._payment(held)

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
        """Let the processor's own back office give some back, or the guest's bank take it; and staff too."""
        acts = [act for act in ("staff_refunds", "bank_takes_back") if self._way_with(act)]
        act = self._dice.choice(acts)
        if (held := self.sold(self._way_with(act))) is None:
            return
        payment = self._payment(held)
        moved = payment.transactions.filter(status="PROCESSED", account=payment.account).order_by("requested_at")
        root = moved.filter(kind__in=["SALE", "AUTHORIZATION"]).first()
        taken = moved.filter(kind__in=["SALE", "CAPTURE"]).last()
        if root is None or taken is None or payment.captured_minor < 2:
            return
        path, body = getattr(held.way.standin, act)(
            payment=root.gateway_reference, taken=taken.gateway_reference, minor=payment.captured_minor // 2
        )
        try:
            self._sandbox.post(path, **body)
        except httpx.HTTPStatusError:
            return
        self.refunds_by_the_processor += act == "staff_refunds"
        if self._dice.random() < 0.5:
            self.cancel(held)

    def hold_runs_out_while_the_guest_pays(self) -> None:
        if (held := self.hold()) is None:
            return
        ended = timezone.now() - timedelta(seconds=1)
        Booking.objects.filter(uuid=held.uuid, status="ON_HOLD").update(expires_at=ended)
        Order.objects.filter(bookings__uuid=held.uuid, status="ON_HOLD").update(expires_at=ended)
        self._breathe()
        answer = self.pay(held)
        self.confirm(held, answer, has_evidence=True)

    def capture_fails(self) -> None:
        if (way := self._way_of_special("capture_fails")) and (held := self.hold(way)):
            answer = self.pay(held, kind="capture_fails")
            self.confirm(held, answer)

    def refund_fails(self) -> None:
        if (way := self._way_of_special("refund_fails")) and (held := self.hold(way)):
            answer = self.pay(held, kind="refund_fails")
            self.confirm(held, answer)
            self.cancel(held)

    def pay_twice_by_a_kept_card(self) -> None:
        """Have the card kept, and book again for it to be charged without the guest; then give some of it back."""
        able = [way for way in self._ways if {Capability.STORE_CARD, Capability.CHARGE_STORED_CARD} <= way.capabilities]
        way, guest = self._dice.choice(able), f"C-{self._dice.randrange(10**9)}"
        first = self.hold(way, is_at_once=True, customerReference=guest)
        if first is None:
            return
        self.confirm(first, self.pay(first, kind="card_kept"))
        for _ in range(_TRIES):
            answer = self.octo.send("GET", f"/bookings/{first.uuid}")
            cards = answer.json()["cardPayment"]["reusableCards"] if answer.status_code == 200 else []
            if cards:
                break
            self._breathe()
        else:
            return
        currency = answer.json()["pricing"]["currency"]
        wish = self.octo.wish(1, currency=currency, customerReference=guest, cardPayment={"gateway": way.name})
        if self.octo.send("POST", "/bookings", wish).status_code != 200:
            return
        is_confirmed = self._confirm_with(wish["uuid"], {"cardId": cards[0]["id"]})
        if is_confirmed and self._dice.random() < 0.5:
            self.octo.send("POST", f"/bookings/{wish['uuid']}/cancel", {"reason": "rain"})

    def sell_at_the_till(self) -> None:
        self.till.sell()

    def sell_at_the_till_in_parts(self) -> None:
        self.till.sell_in_parts()

    def _confirm_with(self, uuid: str, card_payment: dict[str, Any] | None) -> bool:
        for _ in range(_TRIES):
            answer = self.octo.confirm_with(uuid, card_payment)
            if answer.status_code == 200:
                return True
            if answer.json()["error"] != "PAYMENT_PENDING":
                return False
            self._breathe()
        return False

    def _any_way(self) -> Way:
        """Return the ways in ever new orders, each as often as the others."""
        if not self._bag:
            self._bag = self._dice.sample(self._ways, len(self._ways))
        return self._bag.pop()

    def _way_of_special(self, kind: str) -> Way | None:
        able = [way for way in self._ways if kind in way.also_posted]
        return self._dice.choice(able) if able else None

    def _way_with(self, act: str) -> Way | None:
        able = [way for way in self._ways if hasattr(way.standin, act)]
        return self._dice.choice(able) if able else None

    def _client_now(self, held: Held) -> Any:
        answer = self.octo.send("GET", f"/bookings/{held.uuid}")
        return held.way.client_of(answer.json()) if answer.status_code == 200 else None

    def _payment(self, held: Held) -> Payment:
        return Payment.objects.filter(order__bookings__uuid=held.uuid).latest("created_at")

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


STORIES: tuple[tuple[Callable[[Traveler], None], int], ...] = (
    (Traveler.pay_and_confirm, 5),
    (Traveler.abandon, 1),
    (Traveler.refused_and_paid, 3),
    (Traveler.pay_old_and_new_opening, 3),
    (Traveler.pay_and_cancel, 3),
    (Traveler.confirm_and_cancel, 4),
    (Traveler.confirm_with_fewer, 2),
    (Traveler.two_confirm_at_once, 2),
    (Traveler.staff_refund_twice_at_once, 3),
    (Traveler.processor_refunds, 3),
    (Traveler.hold_runs_out_while_the_guest_pays, 2),
    (Traveler.capture_fails, 1),
    (Traveler.refund_fails, 1),
    (Traveler.pay_twice_by_a_kept_card, 3),
    (Traveler.sell_at_the_till, 3),
    (Traveler.sell_at_the_till_in_parts, 2),
)
