"""How a guest pays in the story: on a gateway's page at the sandbox, or at the partner's own till."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from config.demo.people import Processor
from config.demo.texts import Texts
from config.local_secrets import standin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Be what a guest tried: the `cardPayment` that goes with the confirmation, and what the processor calls it."""

    card_payment: dict[str, Any]
    said: str
    name: str = ""


class Guest(Protocol):
    """Pay what a booking asks for."""

    def wish(self) -> dict[str, Any]:
        """Return the `cardPayment` with which a partner asks for this gateway."""
        ...

    def opened(self, booking: Mapping[str, Any]) -> str:
        """Return the name of what stands open for the guest; empty when nothing does."""
        ...

    def pay(self, booking: Mapping[str, Any], *, is_good: bool) -> Attempt:
        """Pay with a good card, or with one that the bank refuses."""
        ...


class GuestOnAPage:
    """Pay on a page at the sandbox; what the page needs and answers, the gateway's own folder knows."""

    def __init__(self, *, gateway: str, path: str, processor: Processor) -> None:
        self._name = gateway
        self._standin = standin_of(path)
        self._processor = processor

    def wish(self) -> dict[str, Any]:
        """Return the `cardPayment` with which a partner asks for this gateway."""
        return {"gateway": self._name}

    def opened(self, booking: Mapping[str, Any]) -> str:
        """Return the name of what stands open for the guest; empty before there is a return URL."""
        name: str = self._standin.opened(booking["cardPayment"][self._name])
        return name

    def pay(self, booking: Mapping[str, Any], *, is_good: bool) -> Attempt:
        """Pay with a published test card."""
        client = booking["cardPayment"][self._name]
        path, body = self._standin.guest_pays(client, is_good=is_good)
        answer = self._processor.post(path, body)
        return Attempt(
            card_payment={"gateway": self._name, self._name: self._standin.brought(client, answer)},
            said=self._standin.said(answer),
            name=self._standin.attempt(answer),
        )


class GuestAtATill:
    """Pay where the partner takes the money itself and reports it."""

    def __init__(self, *, gateway: str) -> None:
        self._name = gateway
        self._slips = 0

    def wish(self) -> dict[str, Any]:
        """Return the `cardPayment` with which a partner asks for this gateway."""
        return {"gateway": self._name}

    def opened(self, booking: Mapping[str, Any]) -> str:
        """Return nothing: no page is opened."""
        return ""

    def pay(self, booking: Mapping[str, Any], *, is_good: bool) -> Attempt:
        """Pay at the till; what it says goes into the report."""
        self._slips += 1
        report: dict[str, Any] = {"gateway": self._name, "notes": f"slip {booking['supplierReference']}-{self._slips}"}
        if is_good:
            return Attempt(card_payment=report, said=f"approved, {report['notes']}")
        refusal = {"approved": False, "refusalReason": "not enough balance"}
        return Attempt(card_payment={**report, self._name: refusal}, said="declined, not enough balance")


def guest_for(*, partner_name: str, path: str, texts: Texts, processor: Processor) -> Guest:
    """Return the guest who pays through a gateway."""
    if texts.has_page:
        return GuestOnAPage(gateway=partner_name, path=path, processor=processor)
    return GuestAtATill(gateway=partner_name)
