"""A partner's own till: what is taken there is only reported, so its record is what our books must agree with."""

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db.models import Q

from gateways.protocol import Capability
from gateways.registry import gateway_class
from payments.models import LedgerAccount, LedgerEntry
from tests.faults.partner import OctoClient
from tests.processes import wait_until

# What was taken less what was given back, in minor units, by booking and currency.
Taken = dict[tuple[str, str], int]
# The booking that a receipt names, its currency, and what was taken or given back, in minor units.
Receipt = tuple[str, str, int]


class Till:
    """Take money at a counter and report it."""

    def __init__(self, octo: OctoClient, dice: random.Random) -> None:
        self._octo = octo
        self._dice = dice
        (self.name,) = (
            gateway_class(slug).partner_talk.name
            for slug in settings.GATEWAYS
            if Capability.CHARGE_EXTERNAL in gateway_class(slug).capabilities
        )
        self.taken: Taken = defaultdict(int)
        self.receipts: list[Receipt] = []

    def sell(self) -> None:
        """Sell, perhaps only at the second card, perhaps reported twice at once; perhaps the guest cancels."""
        if (booking := self._reserve()) is None:
            return
        uuid, due = booking["uuid"], booking["cardPayment"]["balance"]
        if self._dice.random() < 0.4:
            refused = self._report(uuid, due, approved=False, refusalReason="not enough balance")
            assert refused.status_code == 400, refused.text
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda _: self._report(uuid, due), range(self._dice.choice([1, 2]))))
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        self._note(booking, due)
        if self._dice.random() < 0.5:
            self._cancel(booking, due)

    def sell_in_parts(self) -> None:
        """Take a part, and then the rest; or give the part back, or have the booking cancelled."""
        if (booking := self._reserve()) is None:
            return
        uuid, due = booking["uuid"], booking["cardPayment"]["balance"]
        part = due // 3
        assert self._report(uuid, part).status_code == 200
        self._note(booking, part)
        match self._dice.choice(["rest", "back", "cancelled"]):
            case "rest":
                assert self._report(uuid, due - part).status_code == 200
                self._note(booking, due - part)
            case "back":
                card_payment = {"gateway": self.name, "cancel": True}
                assert self._octo.confirm_with(uuid, card_payment).status_code == 200
                self._note(booking, -part)
            case _:
                self._cancel(booking, part)

    def _reserve(self) -> dict[str, Any] | None:
        currency = self._dice.choice(["EUR", "USD", "JPY"])
        card_payment = {"gateway": self.name, "source": self._dice.choice(["POS", "MOTO"])}
        wish = self._octo.wish(self._dice.randint(1, 3), currency=currency, cardPayment=card_payment)
        answer = self._octo.send("POST", "/bookings", wish)
        booking: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return booking

    def _report(self, uuid: str, amount: int, **external: Any) -> Any:
        report = {"gateway": self.name, "amount": amount, "notes": "slip"}
        body = {**report, self.name: external} if external else report
        return wait_until(lambda: self._answer_to(uuid, body), what="the report being taken in")

    def _answer_to(self, uuid: str, report: dict[str, Any]) -> Any:
        """Return the answer to a report; None while its twin is being taken in, for then it is to be repeated."""
        answer = self._octo.confirm_with(uuid, report)
        is_pending = answer.status_code != 200 and answer.json()["error"] == "PAYMENT_PENDING"
        return None if is_pending else answer

    def _cancel(self, booking: dict[str, Any], taken: int) -> None:
        answer = self._octo.send("POST", f"/bookings/{booking['uuid']}/cancel", {"reason": "rain"})
        assert answer.status_code == 200, answer.text
        self._note(booking, -taken)

    def _note(self, booking: dict[str, Any], minor: int) -> None:
        currency = booking["pricing"]["currency"]
        self.taken[booking["uuid"], currency] += minor
        self.receipts.append((booking["supplierReference"], currency, minor))


def taken_by_the_books() -> Taken:
    """Return the same from our ledger, without what was given back whole."""
    sums: Taken = defaultdict(int)
    at_tills = Q(from_account=LedgerAccount.EXTERNAL) | Q(to_account=LedgerAccount.EXTERNAL)
    for entry in LedgerEntry.objects.filter(at_tills).prefetch_related("order__bookings"):
        assert entry.order is not None
        (booking,) = entry.order.bookings.all()
        sign = (entry.to_account == LedgerAccount.EXTERNAL) - (entry.from_account == LedgerAccount.EXTERNAL)
        sums[str(booking.uuid), entry.currency] += sign * entry.amount_minor
    return {key: minor for key, minor in sums.items() if minor}
