"""Write the seeded orders with all that hangs on them, as the services would have left them."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from bookings.encryption import encrypt_text, fingerprint
from bookings.models import BookingStatus
from config.volume.catalog import Catalog, price_of
from config.volume.copying import NULL, copy_text
from config.volume.people import FIRST_NAMES, LAST_NAMES, NOTES
from config.volume.stories import Plan, Story
from config.volume.tables import Tables
from gateways.errors import ErrorCode
from gateways.protocol import OutcomeKind as Kind
from payments.models import CaseKind, ConsentText, EventSource, LedgerAccount, Origin
from payments.states import OperationKind, State, Status

# As the references of the house are written (bookings.services.numbering, payments.references).
_ALOUD, _PUBLIC = (
    # Three letters at a time: a word is drawn many million times.
    ["".join(letters) for letters in product(alphabet, repeat=3)]
    for alphabet in ("23456789ABCDEFGHJKMNPQRSTVWXYZ", "23456789bcdfghjkmnpqrstvwxyz")
)
# A prime: multiplied by it, numbers of eight such letters follow each other in no order that is seen.
_SPREAD = 402_653_189
_KEEPS_CARD = 0.06
# How many bookings carry a reference of their partner.
_IS_NAMED = 0.3
_DELIVERIES_KEPT = timedelta(days=180)
_CASES_STAY_OPEN = timedelta(days=30)
_SECOND = timedelta(seconds=1)
_BRANDS = ("visa", "visa", "mc", "mc", "amex")
# What test cards end in: guests of test orders have no others.
_TEST_LAST4 = ("4242", "1111", "1142", "0008")
# Of the list price, in percent: seasons and offers.
_PRICES = (70, 80, 85, 90, 95, 100, 100, 100, 110, 125)
_GONE = frozenset({Story.DECLINED, Story.ABANDONED})
_GIVEN_BACK = frozenset({Story.REFUNDED, Story.REFUND_FAILED, Story.REFUND_UNKNOWN})


class Numbers:
    """Count on from where a sequence of the database is."""

    def __init__(self, last: int) -> None:
        self.last = last

    def __call__(self) -> int:
        self.last += 1
        return self.last


@dataclass(slots=True, kw_only=True)
class _Writing:
    """Be one order being written: its plan, its ids as COPY reads them, and the money that moved so far."""

    plan: Plan
    order: str
    payment: str
    amount: int
    last4: str
    brand: str
    now: datetime
    partner: str
    opening: str = NULL
    card: str = NULL
    captured: int = 0
    refunded: int = 0
    charged_back: int = 0


class Writer:
    """Turn plans into rows of `tables`; `seats` counts what is sold of each departure."""

    def __init__(
        self, *, catalog: Catalog, numbers: dict[str, Numbers], consent: ConsentText, until: datetime, seed: int
    ) -> None:
        self.tables = Tables()
        self.seats: Counter[str] = Counter()
        self.transactions = 0
        self._catalog, self._numbers, self._consent, self._until = catalog, numbers, consent, until
        self._partners = [str(partner.pk) for partner in catalog.partners]
        self._chance = random.Random(f"rows of {seed}")  # noqa: S311 - invented data

    def write(self, plan: Plan) -> None:
        """Add an order and all that became of it."""
        chance = self._chance
        unit_minor = price_of(plan.tour.number, plan.currency) * chance.choice(_PRICES) // 100
        writing = _Writing(
            plan=plan,
            order=self._id(),
            payment=self._id(),
            amount=unit_minor * plan.adults,
            last4=f"{chance.randrange(10_000):04}" if plan.is_live else chance.choice(_TEST_LAST4),
            brand=chance.choice(_BRANDS),
            now=plan.moment,
            partner=self._partners[int(chance.random() ** 2 * len(self._partners))],
        )
        customer = self._sold(writing, unit_minor)
        if plan.story is Story.TAKEN_ELSEWHERE:
            self._taken_elsewhere(writing)
        else:
            self._paid_by_card(writing, customer)
        self._payment(writing)

    def _sold(self, writing: _Writing, unit_minor: int) -> str:
        """Write guest, order, booking and tickets; return the guest's id."""
        plan, chance, tables = writing.plan, self._chance, self.tables
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        name, email = f"{first} {last}", f"{first}.{last}{chance.randrange(40)}@example.com".lower()
        customer, booking, number = self._id(), self._id(), self._numbers["customer"]()
        named_customer = f"G-{number}" if chance.random() < 0.1 else ""
        is_live, currency = copy_text(plan.is_live), plan.currency
        begun, confirmed = _text(plan.moment), _text(plan.moment + 100 * _SECOND)
        status = BookingStatus.CONFIRMED
        if plan.story in _GONE:
            status, confirmed = BookingStatus.EXPIRED, NULL
        elif plan.story in _GIVEN_BACK:
            status = BookingStatus.CANCELLED
        is_cancelled = status is BookingStatus.CANCELLED
        day = (plan.moment - plan.tour.first_at).days + 1 + int(chance.expovariate(0.08))
        day = max(0, min(day, len(plan.tour.ids) - 1))
        departure = plan.tour.ids[day]
        seats = plan.adults if status is BookingStatus.CONFIRMED else 0
        self.seats[departure] += seats
        kept = writing.amount if plan.story not in _GONE | {Story.REFUNDED, Story.CHARGED_BACK} else 0
        if plan.story is Story.PARTLY_REFUNDED:
            kept -= writing.amount // 2
        tables.customers.add(customer, number, writing.partner, is_live, named_customer, name, email, begun)
        tables.orders.add(
            *(writing.order, self._id(), f"OR-{_aloud(number)}", writing.partner, customer, is_live),
            *(status, currency, kept, 2, confirmed, begun, begun),
        )
        named = f"{last[:2].upper()}-{chance.randrange(10**6):06}" if chance.random() < _IS_NAMED else ""
        list_price = price_of(plan.tour.number, currency) * plan.adults
        tables.bookings.add(
            *(booking, self._id(), self._numbers["booking"](), f"BK-{_aloud(number)}", writing.order),
            *(writing.partner, is_live, status, plan.tour.product, plan.tour.option, departure),
            *((plan.tour.first_at + timedelta(days=day)).isoformat(), seats, list_price, writing.amount),
            *(writing.amount * 85 // 100, currency, named, name, first, last, email),
            *("FULL" if is_cancelled else "", confirmed, begun if is_cancelled else NULL, begun, begun),
        )
        for _ in range(plan.adults):
            item = f"UN-{self._word(_ALOUD, 8)}"
            tables.unit_items.add(
                self._id(), booking, plan.tour.adult, item, unit_minor, unit_minor, unit_minor * 85 // 100
            )
        return customer

    def _paid_by_card(self, writing: _Writing, customer: str) -> None:
        """Let the guest try to pay in a session, and what comes after."""
        plan = writing.plan
        self._open(writing)
        if plan.story is Story.ABANDONED:
            self._event(writing, Kind.EXPIRED, after=3_600, source=EventSource.POLL)
            return
        if plan.story in (Story.DECLINED, Story.PAID_AT_SECOND_TRY):
            self._decline(writing)
        if plan.story is Story.DECLINED:
            return
        charge = self._charge(writing, customer)
        if plan.story in (Story.REFUNDED, Story.PARTLY_REFUNDED):
            half = writing.amount // 2 if plan.story is Story.PARTLY_REFUNDED else writing.amount
            self._refund(writing, charge, half, Status.PROCESSED)
        elif plan.story is Story.REFUND_FAILED:
            self._refund(writing, charge, writing.amount, Status.FAILED)
            self._case(writing, CaseKind.REFUND_FAILED, "the card is closed")
        elif plan.story is Story.REFUND_UNKNOWN:
            self._refund(writing, charge, writing.amount, Status.PENDING)
            self._case(writing, CaseKind.OUTCOME_UNKNOWN, "no answer came, and asking again gave none")
        elif plan.story is Story.CHARGED_BACK:
            self._charge_back(writing, charge)

    def _taken_elsewhere(self, writing: _Writing) -> None:
        """Let a till take the money and the partner report it."""
        reference = f"SLIP-{self._numbers['transaction'].last + 1:07}"
        sale = self._operation(
            writing, OperationKind.SALE, writing.amount, gateway_reference=reference, origin=Origin.OURS
        )
        writing.captured = writing.amount
        self._event(writing, Kind.CAPTURED, of=sale, reference=reference, source=EventSource.ANSWER, moves=True)
        text = f"{self._chance.choice(NOTES)}, slip {reference[5:]}"
        self.tables.notes.add(writing.payment, sale, text, _text(writing.now))

    def _open(self, writing: _Writing) -> None:
        plan, begun = writing.plan, _text(writing.plan.moment)
        writing.opening, reference = self._id(), f"cpo_{self._word(_PUBLIC, 20)}"
        session = f"CS{self._word(_ALOUD, 16)}"
        until = _text(plan.moment + timedelta(hours=1))
        self.tables.openings.add(
            *(writing.opening, writing.payment, plan.account.pk, reference, reference, session, writing.amount),
            *(plan.currency, until, begun),
        )
        self._event(writing, Kind.ACTION_REQUIRED, after=1, source=EventSource.ANSWER, reference=session)

    def _decline(self, writing: _Writing) -> None:
        reference = self._word(_ALOUD, 16)
        sale = self._operation(
            *(writing, OperationKind.AUTHORIZATION if writing.plan.is_held_first else OperationKind.SALE),
            *(writing.amount, Status.FAILED),
            gateway_reference=reference,
        )
        self._event(writing, Kind.DECLINED, after=40, of=sale, reference=reference)

    def _charge(self, writing: _Writing, customer: str) -> str:
        """Take the money, at once or by a capture; return the operation that refunds go back to."""
        if self._chance.random() < _KEEPS_CARD:
            self._keep_card(writing, customer)
        reference = self._word(_ALOUD, 16)
        if not writing.plan.is_held_first:
            sale = self._operation(writing, OperationKind.SALE, writing.amount, gateway_reference=reference)
            writing.captured = writing.amount
            self._event(writing, Kind.CAPTURED, after=60, of=sale, reference=reference, moves=True)
            return sale
        hold = self._operation(writing, OperationKind.AUTHORIZATION, writing.amount, gateway_reference=reference)
        self._event(writing, Kind.AUTHORIZED, after=60, of=hold, reference=reference)
        reference = self._word(_ALOUD, 16)
        capture = self._operation(
            *(writing, OperationKind.CAPTURE, writing.amount),
            gateway_reference=reference,
            parent=hold,
            origin=Origin.OURS,
        )
        writing.captured = writing.amount
        self._event(writing, Kind.CAPTURED, after=30, of=capture, reference=reference, moves=True)
        return capture

    def _refund(self, writing: _Writing, charge: str, amount: int, status: Status) -> None:
        writing.now += min(timedelta(days=self._chance.randrange(1, 12)), (self._until - writing.now) / 2)
        is_unknown = status is Status.PENDING
        reference = NULL if is_unknown else self._word(_ALOUD, 16)
        refund = self._operation(
            *(writing, OperationKind.REFUND, amount, status),
            gateway_reference=reference,
            parent=charge,
            origin=Origin.OURS,
            reason="Guest cancelled",
        )
        if is_unknown:
            return
        if status is Status.PROCESSED:
            writing.refunded = amount
        kind = Kind.REFUNDED if status is Status.PROCESSED else Kind.REFUND_FAILED
        self._event(
            writing, kind, after=50, of=refund, reference=reference, amount=amount, moves=status is Status.PROCESSED
        )

    def _charge_back(self, writing: _Writing, charge: str) -> None:
        writing.now += min(timedelta(days=self._chance.randrange(5, 40)), (self._until - writing.now) / 2)
        reference = self._word(_ALOUD, 16)
        row = self._operation(
            writing, OperationKind.CHARGEBACK, writing.amount, gateway_reference=reference, parent=charge
        )
        writing.charged_back = writing.amount
        self._event(writing, Kind.CHARGEBACK, of=row, reference=reference, moves=True)
        told = _text(writing.now)
        self.tables.disputes.add(
            *(writing.payment, row, reference, writing.amount, writing.plan.currency),
            *(_text(writing.now + timedelta(days=14)), told, told),
        )
        self._case(writing, CaseKind.CHARGEBACK, "the guest's bank took the money back")

    def _operation(
        self,
        writing: _Writing,
        kind: OperationKind,
        amount: int,
        status: Status = Status.PROCESSED,
        *,
        gateway_reference: str,
        parent: str = NULL,
        origin: Origin = Origin.GATEWAY,
        reason: str = "",
    ) -> str:
        plan, row, reference = writing.plan, self._id(), f"tx_{self._word(_PUBLIC, 20)}"
        is_failed, is_unknown = status is Status.FAILED, status is Status.PENDING
        has_card = plan.story is not Story.TAKEN_ELSEWHERE
        asked = _text(writing.now)
        by = "" if origin is Origin.GATEWAY else "greta" if reason else "partner"
        self.transactions += 1
        self.tables.transactions.add(
            *(row, self._numbers["transaction"](), writing.payment, writing.order, plan.account.pk),
            *(NULL if parent != NULL else writing.opening, parent, kind, origin, status, amount, plan.currency),
            *(reference, reference if origin is Origin.OURS else NULL, gateway_reference),
            *((ErrorCode.CREDIT_LIMIT_EXCEEDED, "51", "Not sufficient funds") if is_failed else ("", "", "")),
            *((writing.card, writing.brand, writing.last4, "2029-11") if has_card else (NULL, "", "", "")),
            *(reason, by, asked if is_unknown else NULL, asked, NULL if is_unknown else asked),
        )
        return row

    def _event(
        self,
        writing: _Writing,
        kind: Kind,
        *,
        after: int = 0,
        of: str = NULL,
        reference: str = "",
        amount: int | None = None,
        source: EventSource = EventSource.WEBHOOK,
        moves: bool = False,
    ) -> None:
        """Let the gateway say something, and book it where it `moves` money."""
        plan, tables, number = writing.plan, self.tables, self._numbers["event"]()
        writing.now += after * _SECOND
        told, minor = _text(writing.now), writing.amount if amount is None else amount
        is_refusal = kind in (Kind.DECLINED, Kind.REFUND_FAILED)
        key = f"{reference or number}:{kind}"
        tables.events.add(
            *(number, plan.account.pk, writing.payment, of, writing.opening, kind, key, source, reference),
            *(minor, plan.currency),
            *((ErrorCode.CREDIT_LIMIT_EXCEEDED, "51", "Not sufficient funds") if is_refusal else ("", "", "")),
            *(told, told),
        )
        if source is EventSource.WEBHOOK and writing.now > self._until - _DELIVERIES_KEPT:
            tables.deliveries.add(self._id(), plan.account.pk, writing.payment, key, told, told)
        if not moves:
            return
        posting = self._id()
        tables.postings.add(posting, number, kind.lower(), told, told, told)
        money = LedgerAccount.EXTERNAL if plan.story is Story.TAKEN_ELSEWHERE else LedgerAccount.CLEARING
        ways = {
            Kind.CAPTURED: (LedgerAccount.RECEIVABLE, money),
            Kind.REFUNDED: (money, LedgerAccount.RECEIVABLE),
            Kind.CHARGEBACK: (money, LedgerAccount.DISPUTED),
        }[kind]
        tables.entries.add(
            *(posting, *ways, minor, plan.currency, plan.account.pk, writing.order, writing.payment, of),
            *(writing.partner, copy_text(plan.is_live)),
        )

    def _payment(self, writing: _Writing) -> None:
        plan, begun = writing.plan, _text(writing.plan.moment)
        state = State.CAPTURED
        if plan.story is Story.REFUNDED:
            state = State.REFUNDED
        elif plan.story in _GONE:
            state = State.FAILED if plan.story is Story.DECLINED else State.EXPIRED
        reference = f"cp_{plan.moment:%Y%m%d}_{self._word(_PUBLIC, 10)}"
        self.tables.payments.add(
            *(writing.payment, reference, self._numbers["payment"](), writing.order, writing.partner),
            *(plan.account.pk, copy_text(plan.is_live), writing.amount, plan.currency),
            *(copy_text(plan.account.captures_at_once), state, writing.captured, writing.refunded),
            *(writing.charged_back, begun, _text(writing.now)),
        )

    def _case(self, writing: _Writing, kind: CaseKind, detail: str) -> None:
        is_open = writing.now > self._until - _CASES_STAY_OPEN
        closed = (NULL, "") if is_open else (_text(writing.now + timedelta(days=9)), "greta")
        self.tables.cases.add(writing.payment, kind, detail, _text(writing.now), *closed)

    def _keep_card(self, writing: _Writing, customer: str) -> None:
        plan, kept, token = writing.plan, _text(writing.plan.moment), self._word(_ALOUD, 16)
        writing.card = self._id()
        self.tables.cards.add(
            *(writing.card, writing.partner, plan.account.pk, customer, writing.order, copy_text(plan.is_live)),
            *(copy_text(encrypt_text(token)), fingerprint(token), f"guest-{token}", writing.brand, writing.last4),
            *(self._chance.randrange(1, 13), plan.moment.year + self._chance.randrange(5), kept),
            kept if self._chance.random() < 0.1 else NULL,
        )
        self.tables.consents.add(writing.card, writing.payment, writing.order, self._consent.pk, kept)

    def _id(self) -> str:
        """Return a random uuid (version 4)."""
        bits = self._chance.getrandbits(128)
        return f"{bits & ~(0xF000 << 64 | 0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48:032x}"

    def _word(self, threes: list[str], length: int) -> str:
        return "".join(self._chance.choices(threes, k=-(-length // 3)))[:length]


def _aloud(number: int) -> str:
    """Return eight letters that no other number has and that do not look like the next one's."""
    first, rest = divmod(number * _SPREAD % 30**8, 30**6)
    return _ALOUD[first][1:] + _ALOUD[rest // 30**3] + _ALOUD[rest % 30**3]


def _text(moment: datetime) -> str:
    return moment.isoformat(" ")
