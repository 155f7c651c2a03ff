"""Ask Viva what became of something: by an order's code, by a transaction's id, or by a reference of ours.

Only look-ups that clients of Viva's are known to use: `GET /api/orders/{code}`, and `GET /api/transactions` by id, by
`ordercode` and by `date`. Nothing can be asked by a reference of ours alone but the transactions of a day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateways.adapters.viva.calls import Deadline, NotFound, Viva, path_part
from gateways.adapters.viva.transactions import (
    CAPTURES,
    HOLDS,
    Told,
    code_of,
    family_of,
    kept,
    lowered,
    outcomes_of,
    payment_of,
    told_of,
    when,
)
from gateways.adapters.viva.webhooks import order_key
from gateways.errors import AnswerLost, Rejected
from gateways.protocol import Outcome, OutcomeKind, Reference

# Viva's days are those of Athens, at most three hours ahead of UTC. The last look at an unknown outcome is 31 hours
# after the first, which may be three of its days.
_ATHENS_AHEAD = timedelta(hours=3)
_DAYS = 3
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_LIST_BYTES = 16 * 1024 * 1024
# GET /api/orders/{code}, StateId: 0 pending, 1 expired, 2 cancelled, 3 paid.
_ENDINGS: Mapping[int, str] = {1: "expired", 2: "cancelled"}
_PAID = 3
# The reasons of so many refused attempts are asked for one by one; guests hardly ever try more cards.
_MOST_REASONS = 3


class Look:
    """Be one look, of which all calls together end in time."""

    def __init__(self, viva: Viva, *, operation: str, deadline: Deadline, now: datetime) -> None:
        self._viva, self._operation, self._deadline, self._now = viva, operation, deadline, now

    def order(self, order_code: str) -> tuple[Outcome, ...]:
        """Return every attempt in an order and what was done to it, and that it ended unpaid."""
        family = family_of(self._in_order(order_code))
        found = self._words(family.values(), family)
        if any(outcome.kind not in (OutcomeKind.DECLINED, OutcomeKind.PENDING) for outcome in found):
            return found
        return (*found, *self._ending(order_code, is_pending=any(one.kind is OutcomeKind.PENDING for one in found)))

    def transaction(self, transaction_id: str) -> tuple[Outcome, ...]:
        """Return what became of one transaction."""
        told = self._by_id(transaction_id)
        if told is None:
            return ()
        family = self._around(told)
        return self._words([told], family)

    def payment(self, transaction_id: str) -> tuple[Outcome, ...]:
        """Return what became of a payment, and what was done to it; a capture stands for the payment it is of."""
        told = self._by_id(transaction_id)
        if told is None:
            return ()
        family = family_of([*self._in_order(told.order_code or ""), told])
        return self._words(_of_one_payment(told, family), family)

    def reference(self, ours: str) -> tuple[Outcome, ...]:
        """Return what bears our reference among the transactions of the last days."""
        today = (self._now + _ATHENS_AHEAD).date()
        for days in range(_DAYS):
            family = family_of(self._list({"date": (today - timedelta(days=days)).isoformat()}))
            named = [told for told in family.values() if told.ours == ours]
            if named:
                for told in named:
                    family |= self._around(told)
                return self._words(named, family)
        return ()

    def taken_by(self, payment_id: str) -> str | None:
        """Return the id of the transaction whose money can go back: a charge itself, or the newest capture of a hold.

        None for a hold that was not captured.

        :raises Rejected: Viva knows no such payment.
        """
        told = self._by_id(payment_id)
        if told is None:
            raise Rejected(f"viva {self._operation}: Viva knows no such payment")
        if told.type_id not in HOLDS:
            return told.id
        captures = [
            one
            for one in self._in_order(told.order_code or "")
            if one.type_id in CAPTURES and one.parent == told.id and one.status not in ("E", "A")
        ]
        return max(captures, key=_age).id if captures else None

    def attempt(self, transaction_id: str) -> Told | None:
        """Return a transaction as the newer API tells it, which alone says why one failed; None if there is none.

        :raises AnswerLost: the answer is no transaction.
        """
        try:
            answer = self._viva.newer(
                self._operation,
                "GET",
                f"/checkout/v2/transactions/{path_part(transaction_id)}",
                deadline=self._deadline,
            )
        except NotFound:
            return None
        told = told_of(answer, transaction_id)
        if told is None:
            raise AnswerLost(f"viva {self._operation}: the answer is no transaction")
        return told

    def words_in(self, told: Told, order_code: str) -> tuple[Outcome, ...]:
        """Return what an attempt means among the others of its order, and what was done to it."""
        family = family_of([*self._in_order(order_code), told])
        return self._words(_of_one_payment(told, family), family)

    def _words(self, wanted: Iterable[Told], family: Mapping[str, Told]) -> tuple[Outcome, ...]:
        """Return what transactions mean, oldest first; why the newest refusals were made is asked for."""
        ordered = sorted(wanted, key=_age)
        unexplained = [one.id for one in ordered if one.is_attempt and one.status == "E" and not one.event_id]
        found: list[Outcome] = []
        for told in ordered:
            reason = self.attempt(told.id) if told.id in unexplained[-_MOST_REASONS:] else None
            explained = replace(told, event_id=reason.event_id) if reason else told
            found.extend(outcomes_of(explained, family, self._now))
        return tuple(found)

    def _around(self, told: Told) -> dict[str, Told]:
        """Return the transactions that say what this one is about: it alone, if it is an attempt that stands."""
        family = family_of([told])
        if told.is_attempt and told.status not in ("R", "X"):
            return family
        family |= family_of(self._in_order(told.order_code or ""))
        family[told.id] = told
        child = told
        for _ in range(3):
            if child.is_attempt or child.parent is None:
                break
            parent = family.get(child.parent) or self._by_id(child.parent)
            if parent is None:
                break
            family[parent.id] = child = parent
        return family

    def _ending(self, order_code: str, *, is_pending: bool) -> tuple[Outcome, ...]:
        try:
            answer = self._viva.older(
                self._operation, "GET", f"/api/orders/{path_part(order_code)}", deadline=self._deadline
            )
        except NotFound:
            return ()
        order = lowered(answer)
        state = order.get("stateid")
        if code_of(order.get("ordercode")) != order_code or type(state) is not int:
            raise AnswerLost(f"viva {self._operation}: the answer is about no order of ours")
        if state == _PAID and not is_pending:
            # Nothing that was listed is a payment: the list is behind, and whoever took it for the last word lost it.
            raise AnswerLost(f"viva {self._operation}: the order is paid, and the payment is not listed yet")
        if state not in _ENDINGS:
            return ()
        ended_at = when(order.get("expirationdate")) or self._now
        ours = order.get("merchanttrns")
        return (
            Outcome(
                kind=OutcomeKind.EXPIRED,
                reference=Reference(ours=ours if isinstance(ours, str) and ours else None, opening=order_code),
                event_key=order_key(order_code, _ENDINGS[state]),
                occurred_at=min(ended_at, self._now),
                raw=kept(answer),
            ),
        )

    def _by_id(self, transaction_id: str) -> Told | None:
        found = self._list({}, transaction_id)
        return next((told for told in found if told.id == transaction_id), None)

    def _in_order(self, order_code: str) -> list[Told]:
        return self._list({"ordercode": order_code}) if order_code else []

    def _list(self, query: Mapping[str, str], transaction_id: str = "") -> list[Told]:
        try:
            answer = self._viva.older(
                self._operation,
                "GET",
                f"/api/transactions/{path_part(transaction_id)}",
                deadline=self._deadline,
                query=query,
                most_bytes=_LONGEST_LIST_BYTES,
            )
        except NotFound:
            return []
        found = lowered(answer)
        entries = found.get("transactions")
        if not isinstance(entries, list) or found.get("errorcode", 0) not in (0, None):
            raise AnswerLost(f"viva {self._operation}: the answer lists no transactions")
        return [told for entry in entries if (told := told_of(_fields(entry))) is not None]


def _of_one_payment(told: Told, family: Mapping[str, Told]) -> list[Told]:
    """Return the payment that a transaction belongs to, and all that was done to it."""
    payment = payment_of(told, family)
    if payment is None:
        return []
    return [one for one in family.values() if (found := payment_of(one, family)) and found.id == payment.id]


def _age(told: Told) -> tuple[datetime, str]:
    return told.at or _LONG_AGO, told.id


def _fields(entry: object) -> Mapping[str, Any]:
    return entry if isinstance(entry, Mapping) else {}
