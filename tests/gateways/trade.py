"""Trade through one gateway at the sandbox, as the conformance suite does it.

No gateway is named here: what one can do it declares, what its page needs and answers its stand-in knows, and what it
tells is folded as the core folds it.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings

from config.local_secrets import standin_of
from gateways.partner_talk import Brought
from gateways.protocol import (
    Capability,
    CaptureRequest,
    ChargeRequest,
    CompleteRequest,
    EncryptedCard,
    ExternalCharge,
    Opened,
    OpenRequest,
    Outcome,
    OutcomeKind,
    RawCard,
    Reference,
    RefundRequest,
    Source,
    VoidRequest,
)
from gateways.registry import gateway_class
from money import Money
from payments.references import new_reference
from payments.states import Fact, OperationKind, Position, derive
from tests.gateways.merchant import Merchant, listening
from tests.processes import Sandbox

K = OutcomeKind
GUEST = "c-1204"
_OPERATION_OF = {
    K.CAPTURED: OperationKind.CAPTURE,
    K.CAPTURE_FAILED: OperationKind.CAPTURE,
    K.VOIDED: OperationKind.VOID,
    K.VOID_FAILED: OperationKind.VOID,
    K.REFUNDED: OperationKind.REFUND,
    K.REFUND_FAILED: OperationKind.REFUND,
    K.REFUND_REVERSED: OperationKind.REFUND,
    K.DISPUTE_OPENED: OperationKind.CHARGEBACK,
    K.CHARGEBACK: OperationKind.CHARGEBACK,
    K.CHARGEBACK_REVERSED: OperationKind.CHARGEBACK,
}
_SECRET = re.compile(r"secret|api_key|hmac|password|private_key")
_ATTEMPT_WORDS = frozenset({K.AUTHORIZED, K.DECLINED, K.EXPIRED, K.PENDING})


@dataclass(kw_only=True)
class Paid:
    """Be one payment: what was asked, under which name the processor has it, and all that answers said of it."""

    money: Money
    captures_at_once: bool
    reference: str
    opened: Opened | None = None
    opening_reference: str = ""
    said: list[Outcome] = field(default_factory=list)

    @property
    def payments(self) -> list[str]:
        """Return the processor's names of the attempts that were not refused."""
        named = (one.reference.payment for one in self.said if one.kind in (K.AUTHORIZED, K.CAPTURED))
        return [name for name in named if name]

    @property
    def payment(self) -> str:
        """Return the processor's name of the payment."""
        return self.payments[-1]

    @property
    def taken(self) -> str:
        """Return the processor's name of what took the money."""
        named = [one.reference.gateway for one in self.said if one.kind is K.CAPTURED]
        return named[-1] or self.payment if named else self.payment


@dataclass(kw_only=True)
class Trade(Merchant):
    """Be a merchant at a gateway, under an account's slug and credentials, and the guests that pay there.

    `standin` is None where there is nobody to talk to.
    """

    capabilities: frozenset[Capability]
    standin: Any
    account: str
    credentials: dict[str, str] = field(default_factory=dict)
    # Texts that must turn up in no log, repr, raw or error.
    secrets: set[str] = field(default_factory=set)

    def can(self, *capabilities: Capability) -> bool:
        return self.capabilities >= set(capabilities)

    def open_request(self, money: Money, **more: Any) -> OpenRequest:
        fields: dict[str, Any] = {
            "reference": _new("op"),
            "idempotency_key": str(uuid4()),
            "money": money,
            "return_url": "https://shop.example.com/return",
            "source": Source.ECOM,
            "captures_at_once": True,
            "expires_at": datetime.now(UTC) + timedelta(minutes=30),
            "country_code": "DE",
            "locale": "en-GB",
        }
        return OpenRequest(**{**fields, **more})

    def charge_request(self, money: Money, **more: Any) -> ChargeRequest:
        fields: dict[str, Any] = {
            "reference": _new("tx"),
            "idempotency_key": str(uuid4()),
            "money": money,
            "source": Source.ECOM,
            "captures_at_once": True,
            "shopper_reference": GUEST,
            "return_url": "https://shop.example.com/return",
            "requested_at": datetime.now(UTC),
        }
        return ChargeRequest(**{**fields, **more})

    def paid(self, money: Money, *, kinds: Iterable[str] = ("",), **more: Any) -> Paid:
        """Have a guest pay once for each of `kinds`: "" is a good card, "refused" one that the bank refuses, and others
        are what the stand-in knows besides.
        """
        if self.standin is None:
            report = self.charge_request(money, external=ExternalCharge(is_approved="refused" not in kinds), **more)
            return self._charged(report)
        request = self.open_request(money, **more)
        paid = Paid(
            money=money,
            captures_at_once=request.captures_at_once,
            reference=request.reference,
            opened=self.gateway.open(request),
            opening_reference=request.reference,
        )
        for kind in kinds:
            self._pay(paid, request, kind)
        return paid

    def kept_card(self) -> str:
        """Have a guest pay and let the card be kept; return its token."""
        paid = self.paid(Money(9000, "EUR"), kinds=["card_kept"], stores_card=True, shopper_reference=GUEST)
        cards = [one.card for one in self.heard(paid) if one.card is not None and one.card.token]
        assert {card.token for card in cards} == {cards[0].token}
        assert {card.shopper_reference for card in cards} <= {None, GUEST}
        assert cards[0].token
        return cards[0].token

    def charge_card(self, token: str, money: Money) -> Paid:
        """Charge a kept card without the guest."""
        return self._charged(self.charge_request(money, card_token=token))

    def charge_details(self, card: EncryptedCard | RawCard, money: Money) -> Paid:
        """Charge a card by its own details."""
        self.secrets.add(card.number)
        return self._charged(self.charge_request(money, card=card, shopper_reference=""))

    def capture(self, paid: Paid, money: Money) -> None:
        request = CaptureRequest(
            payment_reference=paid.payment,
            reference=_new("tx"),
            idempotency_key=str(uuid4()),
            money=money,
            requested_at=datetime.now(UTC),
        )
        paid.said.append(self.gateway.capture(request))

    def void(self, paid: Paid) -> None:
        request = VoidRequest(
            payment_reference=paid.payment,
            reference=_new("tx"),
            idempotency_key=str(uuid4()),
            requested_at=datetime.now(UTC),
        )
        paid.said.append(self.gateway.void(request))

    def refund(self, paid: Paid, money: Money) -> None:
        request = RefundRequest(
            payment_reference=paid.payment,
            reference=_new("tx"),
            idempotency_key=str(uuid4()),
            money=money,
            requested_at=datetime.now(UTC),
            taken_reference=paid.taken,
        )
        paid.said.append(self.gateway.refund(request))

    def happens(self, act: str, paid: Paid, minor: int) -> bool:
        """Let something happen to a payment at the processor; say whether such a thing can."""
        if not hasattr(self.standin, act):
            return False
        path, body = getattr(self.standin, act)(payment=paid.payment, taken=paid.taken, minor=minor)
        self.sandbox.post(path, **body)
        return True

    def heard(self, paid: Paid) -> list[Outcome]:
        """Return all that is said of a payment: by answers, by deliveries unless they are hints, and when asked."""
        told: list[Outcome] = []
        if self.can(Capability.WEBHOOKS):
            self.sandbox.post("webhooks/flush")
            told = self.told()
        if self.gateway.webhooks_are_hints:
            told = [found for hint in told for found in self.gateway.fetch(hint.reference)]
        return [*paid.said, *(one for one in told if self._is_about(one, paid)), *self.fetched(paid)]

    def fetched(self, paid: Paid) -> list[Outcome]:
        """Return what the gateway says of what was opened and of what was paid; nothing where it cannot be asked."""
        if not self.can(Capability.FETCH):
            return []
        asked = []
        if paid.opened is not None:
            asked.append(Reference(ours=paid.opening_reference, opening=paid.opened.gateway_reference))
        if paid.payments:
            asked.append(Reference(ours=paid.reference, gateway=paid.payment, payment=paid.payment))
        return [one for reference in asked for one in self.gateway.fetch(reference)]

    def moved(self, paid: Paid) -> dict[str, int]:
        """Return what the processor's own record says that it moved for a payment, in minor units."""
        rows = [row for row in self.rows() if row["merchantReference"] == paid.reference]
        assert {row["currency"] for row in rows} <= {paid.money.currency}
        return {name: sum(row[name] for row in rows) for name in ("captured", "refunded", "charged_back")}

    def _charged(self, request: ChargeRequest) -> Paid:
        return Paid(
            money=request.money,
            captures_at_once=request.captures_at_once,
            reference=request.reference,
            said=[self.gateway.charge(request)],
        )

    def _pay(self, paid: Paid, request: OpenRequest, kind: str) -> None:
        assert paid.opened is not None
        path, card = self.standin.guest_pays(paid.opened.client, is_good=kind != "refused")
        card = {**card, **getattr(self.standin, "ALSO_POSTED", {}).get(kind, {})}
        self.secrets |= {card["number"], card["number"].replace(" ", "")}
        answer = self.sandbox.post(path, **card)
        words = self.standin.brought(paid.opened.client, answer)
        talk = gateway_class(self.slug).partner_talk
        brought = {one.means: words[one.name] for one in talk.brings if one.name in words}
        if Brought.PAYMENT_TOKEN in brought:
            charge = self.charge_request(
                request.money,
                captures_at_once=request.captures_at_once,
                payment_token=brought[Brought.PAYMENT_TOKEN],
                stores_card=request.stores_card,
                opening_reference=request.reference,
            )
            paid.reference = charge.reference
            paid.said.append(self.gateway.charge(charge))
        elif self.can(Capability.COMPLETE):
            complete = CompleteRequest(
                opening_reference=paid.opened.gateway_reference,
                reference=request.reference,
                money=request.money,
                evidence=brought.get(Brought.EVIDENCE) or brought.get(Brought.PAYMENT) or "",
                requested_at=datetime.now(UTC),
            )
            paid.said.extend(self.gateway.complete(complete))
        else:
            paid.said.extend(self.fetched(paid))

    def _is_about(self, outcome: Outcome, paid: Paid) -> bool:
        """Say whether news are of one payment and not of another one of the same test."""
        ours = {paid.reference, paid.opening_reference, *(one.reference.ours for one in paid.said)}
        theirs = {one.reference.payment for one in paid.said} | {paid.opened.gateway_reference if paid.opened else None}
        reference = outcome.reference
        return reference.ours in ours - {None} or bool(
            {reference.gateway, reference.payment, reference.opening} & (theirs - {None})
        )


@contextmanager
def trading(slug: str, sandbox: Sandbox) -> Iterator[Trade]:
    """Trade through a gateway of the settings, on an account of its own at the sandbox that sends its webhooks here."""
    made, account = gateway_class(slug), f"{slug}-conforms"
    if Capability.CHARGE_EXTERNAL in made.capabilities:
        yield Trade(
            slug=slug,
            gateway=made({}),
            sandbox=sandbox,
            capabilities=made.capabilities,
            standin=None,
            account=account,
        )
        return
    standin = standin_of(settings.GATEWAYS[slug])
    credentials = standin.credentials(account, settings.LOCAL_SECRETS.text, sandbox.url)
    trade = Trade(
        slug=slug,
        gateway=made(credentials),
        sandbox=sandbox,
        capabilities=made.capabilities,
        standin=standin,
        account=account,
        credentials=credentials,
        secrets={value for name, value in credentials.items() if _SECRET.search(name)},
    )
    with listening(trade):
        described = standin.sandbox_account(credentials, trade.webhook_url)
        sandbox.put(f"{slug}/accounts/{standin.account_name(described)}", **described)
        yield trade


def position_of(outcomes: Iterable[Outcome], paid: Paid) -> Position:
    """Fold what was said of a payment as the core does: each fact once, bound to the operation it speaks of."""
    facts = {(one.kind, one.event_key): one for one in reversed(list(outcomes))}
    return derive(_fact_of(one, paid) for one in facts.values())


def _fact_of(outcome: Outcome, paid: Paid) -> Fact:
    """Bind news to its operation by the processor's names. A sale has no capture of its own."""
    reference = outcome.reference
    attempt = (reference.gateway if outcome.kind in _ATTEMPT_WORDS else reference.payment) or ""
    charge = OperationKind.SALE if paid.captures_at_once else OperationKind.AUTHORIZATION
    operation_kind = charge if outcome.kind in _ATTEMPT_WORDS else _OPERATION_OF.get(outcome.kind)
    name, parent = attempt, ""
    if operation_kind is OperationKind.CAPTURE and charge is OperationKind.SALE:
        operation_kind = charge
    elif outcome.kind in _OPERATION_OF:
        name, parent = reference.gateway or reference.ours or "", f"{charge}:{attempt}"
    is_charge = operation_kind in (None, charge)
    return Fact(
        operation=f"{operation_kind}:{name}" if name and operation_kind else "",
        operation_kind=operation_kind,
        kind=outcome.kind,
        key=outcome.event_key,
        occurred_at=outcome.occurred_at,
        attempt=paid.reference if is_charge else "",
        attempted_at=datetime(2026, 11, 21, tzinfo=UTC) if is_charge else None,
        parent=parent,
        amount_minor=(outcome.money or paid.money).minor,
        is_cumulative=outcome.cumulative,
    )


def _new(prefix: str) -> str:
    return new_reference(prefix)
