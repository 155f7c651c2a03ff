"""What Spreedly sends: proof that it is Spreedly, and what became of a charge that the guest had to confirm.

Only charges that wait for the guest have callbacks; everything else is told by the answer. Whether money moved, how
much and for which charge is read from signed fields alone; which fields are signed, a callback says itself, and that
list is not part of what is signed. So the list must hold everything that is read, each name once and in alphabetical
order, as Spreedly's are: then no other assignment of the same values to these names is possible.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateways.adapters.spreedly.callbacks import transactions_in
from gateways.adapters.spreedly.wire import TOKEN, Unreadable, is_charge, kept, news_of, when
from gateways.errors import InvalidSignature
from gateways.protocol import Delivery, Outcome, OutcomeKind, Reference, Verified

# Everything that `read` reads. Spreedly signs callback_url and ip, too. Source: Spreedly docs, "Signed requests".
READ = frozenset(
    {
        "amount",
        "currency_code",
        "on_test_gateway",
        "order_id",
        "state",
        "succeeded",
        "token",
        "transaction_type",
        "updated_at",
    }
)
_ALGORITHMS = frozenset({"sha1", "sha256"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Let in what is Spreedly's and meant for this account.

    There may be several secrets while one is being replaced. A callback says which of an environment's gateways it is
    about, and whether that is a test gateway; a live account wants no news of one.
    """

    secrets: tuple[str, ...] = field(repr=False)
    gateway_token: str = field(repr=False)
    is_live: bool

    def verify(self, delivery: Delivery) -> Verified:
        """Prove a delivery and name it.

        :raises InvalidSignature: says which proof failed, never what was sent.
        """
        transactions = transactions_in(delivery.body)
        if transactions is None:
            raise InvalidSignature("spreedly: the body holds no transactions")
        identity = [self._proved(transaction) for transaction in transactions]
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
        return Verified(delivery_key=digest, status=200)

    def _proved(self, transaction: Mapping[str, Any]) -> list[str]:
        names, algorithm, signature = _signed_part(transaction)
        text = _signed_text(transaction, names)
        if not any(
            hmac.compare_digest(hmac.new(secret.encode(), text, algorithm).hexdigest(), signature)
            for secret in self.secrets
        ):
            raise InvalidSignature("spreedly: the signature of a transaction is wrong")
        if transaction.get("gateway_token") not in (None, self.gateway_token):
            raise InvalidSignature("spreedly: a transaction is of another gateway")
        if self.is_live and transaction["on_test_gateway"] is not False:
            raise InvalidSignature("spreedly: a transaction is of a test gateway")
        return [str(transaction[name]) for name in sorted(READ)]


def read(delivery: Delivery) -> tuple[Outcome, ...]:
    """Translate a genuine delivery; what cannot be read is a note, for refusing it would stop the queue behind it."""
    return tuple(_news(transaction, delivery) for transaction in transactions_in(delivery.body) or ())


def _news(transaction: Mapping[str, Any], delivery: Delivery) -> Outcome:
    signed = {name: transaction.get(name) for name in READ}
    happened_at = min(when(signed["updated_at"]) or delivery.received_at, delivery.received_at)
    if is_charge(signed):
        try:
            said = news_of({**transaction, **_WITHOUT_UNPROVED, **signed}, at=delivery.received_at)
        except Unreadable:
            pass
        else:
            # A clock that runs ahead must not make its word the last one for good.
            return replace(said, occurred_at=happened_at)
    token = signed["token"] if isinstance(signed["token"], str) and TOKEN.fullmatch(signed["token"]) else None
    digest = hashlib.sha256(json.dumps(signed, sort_keys=True, default=str).encode()).hexdigest()
    return Outcome(
        kind=OutcomeKind.NOTE,
        reference=Reference(gateway=token),
        event_key=f"note:{digest}",
        occurred_at=happened_at,
        raw=kept(transaction),
    )


# What is not signed and would decide something: which Opening, and the token of a card to be kept, which the look-up
# tells. The reason of a refusal and how a card looks are for people.
_WITHOUT_UNPROVED: dict[str, Any] = {"description": None, "retain_on_success": None}


def _signed_part(transaction: Mapping[str, Any]) -> tuple[list[str], str, str]:
    signed = transaction.get("signed")
    part: Mapping[str, Any] = signed if isinstance(signed, Mapping) else {}
    listed, algorithm, signature = part.get("fields"), part.get("algorithm"), part.get("signature")
    names = listed.split() if isinstance(listed, str) else listed
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidSignature("spreedly: a transaction is not signed")
    if algorithm not in _ALGORITHMS or not isinstance(signature, str) or not signature.isascii():
        raise InvalidSignature("spreedly: a transaction is signed in no way that we know")
    if names != sorted(set(names)) or not READ.issubset(names):
        raise InvalidSignature("spreedly: what is signed does not say what happened")
    return names, str(algorithm), signature.lower()


def _signed_text(transaction: Mapping[str, Any], names: list[str]) -> bytes:
    return "|".join(_signed_value(transaction.get(name)) for name in names).encode("utf-8", "surrogatepass")


def _signed_value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int)) or "|" in str(value):
        # Values are joined by a bar and not escaped: one inside could be read as a boundary.
        raise InvalidSignature("spreedly: a signed value that cannot be read in one way")
    return str(value)
