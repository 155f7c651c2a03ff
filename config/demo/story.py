"""The main job, told once: bookings reserved, paid, refused, refunded, and what the books say in the end.

Everything happens over real HTTP, as a partner and a guest would do it. Each step holds or ends the story.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import uuid4

from config.demo.guests import Attempt, guest_for
from config.demo.morning import Morning
from config.demo.page import Page
from config.demo.people import Partner, Processor, expect, wait_for
from config.demo.texts import TEXTS
from config.settings import local as settings
from money import Money

RETURN_URL = "https://nordwind.example.com/thanks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """Hold what a partner picked from the catalogue."""

    product: Any
    option: Any
    slot: Any

    def body(self, guests: dict[str, int], *, currency: str) -> dict[str, Any]:
        """Return the reserve call for so many guests of each kind."""
        units = {unit["reference"]: unit["id"] for unit in self.option["units"]}
        return {
            "uuid": str(uuid4()),
            "productId": self.product["id"],
            "optionId": self.option["id"],
            "availabilityId": self.slot["id"],
            "currency": currency,
            "unitItems": [{"unitId": units[kind]} for kind, count in guests.items() for _ in range(count)],
        }


class Story:
    """Walk the main job and print it; `manage` runs a management command and returns what it printed."""

    def __init__(
        self,
        *,
        page: Page,
        web_url: str,
        sandbox_url: str,
        access: dict[str, Any],
        manage: Callable[..., str],
        gateway: str,
    ) -> None:
        self._page = page
        self._partner = Partner(web_url, access["octo_key"])
        self._processor = Processor(sandbox_url)
        self._manage = manage
        path = settings.GATEWAYS[gateway]
        self._texts = TEXTS[gateway]
        self._gateway = partner_name(path)
        self._guest = guest_for(partner_name=self._gateway, path=path, texts=self._texts, processor=self._processor)
        self._morning = Morning(
            page=page, processor=self._processor, manage=manage, ledger=self._ledger, gateway=gateway
        )

    def tell(self) -> None:
        """Tell the whole story.

        :raises StoryFailed: a step did not hold.
        """
        ledger_before, processor_before = self._ledger(), self._processor.money()
        paid = self._paid_at_first_try()
        self._refused_then_paid()
        self._taken_at_a_till()
        self._given_back_in_part(paid)
        self._books(ledger_before, processor_before)
        self._morning.tell()

    def _paid_at_first_try(self) -> Any:
        page, texts = self._page, self._texts
        trip = self._pick("canal-cruise")
        page.step("Nordwind Reisen, a travel agent, reserves for its guest Ada", "POST /octo/bookings")
        guests = {"adult": 2, "child": 1}
        booking = self._partner.post("bookings", self._wished(trip.body(guests, currency="EUR")))
        due = booking["cardPayment"]["balance"]
        expect(booking["status"] == "ON_HOLD", f"the booking is {booking['status']}, not on hold")
        expect(due == booking["pricing"]["retail"] > 0, f"{due} is due for {booking['pricing']}")
        expect(booking["cardPayment"]["gateway"] == self._gateway, f"{booking['cardPayment']['gateway']} takes it")
        expect(not self._guest.opened(booking), "something can be paid before there is a return URL")
        page.fact("tour", trip.product["title"] if "title" in trip.product else trip.product["internalName"])
        page.fact("departure", _day(trip.slot["localDateTimeStart"]))
        page.fact("guests", _people(guests))
        page.fact("price", _money(due, "EUR"))
        page.fact("booking", booking["supplierReference"], f"seats held until {_clock(booking['utcExpiresAt'])} UTC")
        page.held("ON_HOLD")

        page.step("It asks for something Ada can pay", "PATCH /octo/bookings/{uuid} {returnUrl}")
        booking = self._partner.patch(f"bookings/{booking['uuid']}", {"returnUrl": RETURN_URL})
        opened = self._guest.opened(booking)
        expect(bool(opened) == texts.has_page, "there is nothing that a guest could pay")
        page.fact("payment", booking["cardPayment"]["cardPaymentId"])
        page.fact("opened", opened or "·", texts.opened)
        page.held(f"{_money(booking['cardPayment']['amount'], 'EUR')} can be paid")

        page.step("Ada pays with a card", texts.page)
        paid = self._guest.pay(booking, is_good=True)
        page.fact("card", texts.card, texts.card_note)
        page.fact(f"{texts.name} says", paid.said, paid.name)
        self._told("paid", paid, booking, booked=due)

        page.step("Nordwind confirms", "POST /octo/bookings/{uuid}/confirm")
        contact = {"fullName": "Ada Vos", "emailAddress": "ada.vos@example.com"}
        booking = self._partner.confirm(booking["uuid"], {"contact": contact, "cardPayment": paid.card_payment})
        expect(booking["status"] == "CONFIRMED", f"the booking is {booking['status']}")
        expect(booking["cardPayment"]["balance"] == 0, f"{booking['cardPayment']['balance']} is still due")
        tickets = [item["ticket"]["deliveryOptions"][0]["deliveryValue"] for item in booking["unitItems"]]
        expect(len(set(tickets)) == 3, f"the tickets are {tickets}")
        page.fact("tickets", " · ".join(tickets))
        self._at_our_till(booking, due, "EUR")
        page.held("CONFIRMED")
        return booking

    def _refused_then_paid(self) -> None:
        page, texts = self._page, self._texts
        trip = self._pick(texts.second_tour)
        note = "; this account captures only what is confirmed" if texts.holds else ""
        page.step(f"Another guest, Ben{note}", "POST /octo/bookings")
        guests, currency = {"adult": 2}, texts.second_currency
        body = self._wished({**trip.body(guests, currency=currency), "returnUrl": RETURN_URL})
        booking = self._partner.post("bookings", body)
        uuid, due = booking["uuid"], booking["cardPayment"]["balance"]
        first = self._guest.opened(booking)
        page.fact("tour", trip.product["internalName"])
        page.fact("price", _money(due, currency), first and f"opened {first}")
        page.held("ON_HOLD")

        page.step("Ben's bank says no", f"{texts.page}, then confirm")
        refused = self._guest.pay(booking, is_good=False)
        if "refused" in texts.events:
            self._processor.webhook(texts.events["refused"], refused.name)
        status, answer = self._refusal(uuid, refused)
        expect((status, answer["error"]) == (400, "BAD_REQUEST"), f"confirm was answered {status} {answer}")
        page.fact(f"{texts.name} says", refused.said)
        page.fact("we say", answer["errorMessage"], "in the guest's language")
        booking = self._partner.get(f"bookings/{uuid}")
        second = self._guest.opened(booking)
        expect(second != first or not texts.has_page, "there is nothing new to pay")
        expect(booking["cardPayment"]["balance"] == due, f"{booking['cardPayment']['balance']} is due")
        page.held("still ON_HOLD, nothing taken" + (f", opened anew {second}" if second else ""))

        held = "it is authorized, not yet captured" if texts.holds else "this one is good"
        page.step(f"He tries another card; {held}", texts.page)
        paid = self._guest.pay(booking, is_good=True)
        self._told("paid", paid, booking, booked=0 if texts.holds else due)

        words = "The confirmation captures what was held" if texts.holds else "Nordwind confirms"
        page.step(words, "POST /octo/bookings/{uuid}/confirm")
        booking = self._partner.confirm(uuid, {"cardPayment": paid.card_payment})
        expect(booking["status"] == "CONFIRMED", f"the booking is {booking['status']}")
        if "captured" in texts.events:
            self._processor.webhook(texts.events["captured"], paid.name)
        card_payment = self._booked(booking, due)
        page.fact("captured" if texts.holds else "booked", _money(card_payment["totalPaid"], currency))
        self._at_our_till(booking, due, currency)
        page.held("CONFIRMED")

    def _taken_at_a_till(self) -> None:
        page = self._page
        trip = self._pick("lantern-cruise")
        gateway = partner_name(settings.GATEWAYS[next(slug for slug, texts in TEXTS.items() if not texts.has_page)])
        page.step("A family pays Nordwind at its own till", f"confirm with gateway {gateway}, source POS")
        guests = {"adult": 2, "child": 2}
        booking = self._partner.post("bookings", trip.body(guests, currency="JPY"))
        due = booking["cardPayment"]["balance"]
        till = {
            "gateway": gateway,
            "source": "POS",
            "amount": due,
            "currency": "JPY",
            "notes": f"till 4, receipt {booking['supplierReference']}",
        }
        booking = self._partner.confirm(booking["uuid"], {"cardPayment": till})
        expect(booking["status"] == "CONFIRMED", f"the booking is {booking['status']}")
        expect(booking["cardPayment"]["totalPaid"] == due, f"paid is {booking['cardPayment']['totalPaid']}, not {due}")
        page.fact("tour", trip.product["internalName"])
        page.fact("recorded", _money(due, "JPY"), till["notes"])
        self._morning.receipts.append((booking["supplierReference"], Money(due, "JPY")))
        page.held("CONFIRMED")

    def _given_back_in_part(self, booking: Any) -> None:
        page, texts = self._page, self._texts
        uuid, paid = booking["uuid"], booking["cardPayment"]["totalPaid"]
        page.step("Ada's friend falls ill; Nordwind takes her off the booking", "PATCH /octo/bookings/{uuid}")
        friend, *others = sorted(booking["unitItems"], key=lambda item: -item["pricing"]["retail"])
        amount = friend["pricing"]["retail"]
        keep = [{"uuid": item["uuid"], "unitId": item["unitId"]} for item in others]
        changed = self._partner.patch(f"bookings/{uuid}", {"unitItems": keep})
        expect(changed["status"] == "CONFIRMED", f"the booking is {changed['status']}")
        page.fact("price", _money(changed["pricing"]["retail"], "EUR"), f"was {_money(paid, 'EUR')}")
        page.fact(f"we ask {texts.name}", f"refund {_money(amount, 'EUR')}", "its row is written before the call")
        if "refunded" in texts.events:
            self._processor.webhook(texts.events["refunded"], booking["cardPayment"]["providerReference"])

        def look() -> Any:
            found = self._partner.get(f"bookings/{uuid}")["cardPayment"]
            return found if found["totalRefunded"] == amount else None

        refunded = wait_for(look, "the refund in our books")
        expect(refunded["balance"] == 0, f"{refunded['balance']} is due again")
        told = f"told by webhook {texts.events['refunded']}, booked by the worker" if "refunded" in texts.events else ""
        page.fact("given back", _money(amount, "EUR"), told)
        self._at_our_till(booking, -amount, "EUR")
        page.held("still CONFIRMED, one seat free again")

    def _books(self, ledger_before: Counter[tuple[str, str]], processor_before: dict[str, int]) -> None:
        page = self._page
        page.step("What the ledger says of all this", "manage.py check_payments, check_ledger")
        moved = self._ledger()
        moved.subtract(ledger_before)
        page.table(
            [account, currency, ("+" if minor > 0 else "") + Money(minor, currency).format()]
            for (account, currency), minor in sorted(moved.items())
            if minor
        )
        processor = Counter(self._processor.money())
        processor.subtract(processor_before)
        ours = {currency: minor for (account, currency), minor in moved.items() if account == "CLEARING" and minor}
        theirs = {currency: minor for currency, minor in processor.items() if minor}
        expect(ours == theirs, f"we say {ours} is at the processor, it says {theirs}")
        page.held("the processor's own record of money says the same, to the cent")
        checks = [json.loads(self._manage(command, "--json")) for command in ("check_payments", "check_ledger")]
        expect(all(check["ok"] for check in checks), f"the checks found {[check['findings'] for check in checks]}")
        page.held("check_payments and check_ledger find nothing wrong")

    def _told(self, what: str, attempt: Attempt, booking: Any, *, booked: int) -> None:
        """See the webhook come in and the worker take it in; nothing to see where the answer itself is the news."""
        page, texts = self._page, self._texts
        if what not in texts.events:
            return
        page.step(f"{texts.name} tells us by webhook; a Celery worker takes it in", "POST /webhooks/{account}/")
        event = texts.events[what]
        delivery = self._processor.webhook(event, attempt.name)
        page.fact("webhook", event, f"stored and acknowledged at {_stamp(delivery['attempts'][-1]['at'])} UTC")
        currency = booking["cardPayment"]["currency"]
        card_payment = self._booked(booking, booked)
        page.fact("booked", _money(booked, currency) if booked else "nothing yet", "" if booked else "held on the card")
        page.held(f"the payment is {card_payment['status']}")

    def _at_our_till(self, booking: Any, minor: int, currency: str) -> None:
        """Keep the receipt of what was paid at the partner's own till; a processor keeps its own."""
        if not self._texts.has_page:
            self._morning.receipts.append((booking["supplierReference"], Money(minor, currency)))

    def _wished(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "cardPayment": self._guest.wish()}

    def _booked(self, booking: Any, amount: int) -> Any:
        def look() -> Any:
            found = self._partner.get(f"bookings/{booking['uuid']}")["cardPayment"]
            return found if found["status"] == "CONFIRMED" and found["totalPaid"] == amount else None

        return wait_for(look, f"{amount} {booking['currency']} in our books")

    def _refusal(self, uuid: str, refused: Attempt) -> tuple[int, Any]:
        def attempt() -> tuple[int, Any] | None:
            status, answer = self._partner.ask(
                "POST", f"bookings/{uuid}/confirm", {"cardPayment": refused.card_payment}
            )
            return None if answer.get("error") == "PAYMENT_PENDING" else (status, answer)

        return wait_for(attempt, "the refusal in our books")

    def _pick(self, reference: str) -> Trip:
        """Return a departure that has room, a week or more from now: far from any cutoff."""
        product = next(product for product in self._partner.get("products") if product["reference"] == reference)
        option = next(option for option in product["options"] if option["default"])
        today = datetime.now(UTC).date()
        slots = self._partner.post(
            "availability",
            {
                "productId": product["id"],
                "optionId": option["id"],
                "localDateStart": (today + timedelta(days=7)).isoformat(),
                "localDateEnd": (today + timedelta(days=21)).isoformat(),
            },
        )
        slot = next((slot for slot in slots if slot["available"] and (slot["vacancies"] or 0) >= 20), None)
        expect(slot is not None, f"{reference} has no departure with room")
        return Trip(product=product, option=option, slot=slot)

    def _ledger(self) -> Counter[tuple[str, str]]:
        """Return what each account of the books holds, in minor units, by account and currency.

        Live and test are one here: live bookings are paid at the sandbox, whose settlements are never live.
        """
        held: Counter[tuple[str, str]] = Counter()
        for total in json.loads(self._manage("check_ledger", "--json"))["totals"]:
            held[total["account"], total["currency"]] += total["balance_minor"]
        return held


def partner_name(path: str) -> str:
    """Return the name by which partners know the gateway whose class is at a path."""
    module, _, name = path.rpartition(".")
    found: str = getattr(import_module(module), name).partner_talk.name
    return found


def _money(minor: int, currency: str) -> str:
    major = Money(minor, currency)
    whole, _, decimals = major.format().partition(".")
    return f"{currency} {int(whole):,}" + (f".{decimals}" if decimals else "")


def _people(guests: dict[str, int]) -> str:
    plural = {"child": "children"}
    return ", ".join(
        f"{count} {kind if count == 1 else plural.get(kind, kind + 's')}" for kind, count in guests.items()
    )


def _day(local: str) -> str:
    return f"{datetime.fromisoformat(local):%A, %d %B %Y, %H:%M}"


def _clock(utc: str) -> str:
    return f"{datetime.fromisoformat(utc):%H:%M}"


def _stamp(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S.%f}"[:-3]
