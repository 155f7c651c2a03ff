"""The courier: sends webhooks, tries again as the processor would, and lets scripted faults happen to them."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp

from gateways.sandbox.faults import WEBHOOK, FaultBook
from gateways.sandbox.processor import Dispatch, Processor
from gateways.sandbox.store import Document, Store

KIND = "webhooks"
ANSWER_WITHIN_SECONDS = 10
GIVE_UP_AFTER_SECONDS = 30 * 24 * 3600
# After this many failed attempts the endpoint counts as down, and later events queue behind the failing one.
QUICK_ATTEMPTS = 4
# A held webhook goes out by itself after this long when no other one ever overtakes it.
HELD_AT_MOST_SECONDS = 30.0
KEPT_FINISHED = 20_000

PENDING, DELIVERED, DROPPED, REFUSED = "pending", "delivered", "dropped", "refused"
ABANDONED, NO_ENDPOINT = "abandoned", "no_endpoint"
LOST = frozenset({DROPPED, REFUSED, ABANDONED, NO_ENDPOINT})


class Courier:
    """Deliveries are documents in the store, so the queue survives a restart.

    `true_item` is what happened; `item` is what is sent, which differs only when a fault spoiled it.
    """

    def __init__(self, store: Store, faults: FaultBook, *, retry_scale: float, delay_seconds: float) -> None:
        self.processors: Mapping[str, Processor] = {}
        self._store = store
        self._faults = faults
        self._scale = retry_scale
        self._delay = delay_seconds
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._pending: dict[str, Document] = {}
        # Subsets of the pending ones, so that a long queue is not searched at every attempt.
        self._held: set[str] = set()
        self._failing: set[str] = set()
        self._client: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the HTTP client and take up what an earlier run left undelivered."""
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit_per_host=16),
            timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        for delivery in self._store.all(KIND).values():
            if delivery["status"] == PENDING:
                self._add_pending(delivery)
                self._schedule(delivery)

    def stop(self) -> None:
        """Drop all timers and attempts under way; the documents stay as they are."""
        for timer in self._timers.values():
            timer.cancel()
        for task in self._running.values():
            task.cancel()
        self._timers.clear()
        for remembered in (self._running, self._pending, self._held, self._failing):
            remembered.clear()

    async def close(self) -> None:
        """Stop and close the HTTP client."""
        self.stop()
        if self._client is not None:
            await self._client.close()

    def publish(
        self, *, gateway: str, account: str, event: str, item: Document, delay_seconds: float = 0.0
    ) -> Document:
        """Queue one webhook, let a scripted fault happen to it, and return its delivery."""
        processor = self.processors[gateway]
        fault = self._faults.take(gateway=gateway, operation=WEBHOOK, path="", body=item)
        kind = fault.fault if fault else None
        true_item = processor.sign(account, item)
        delivery = self._new(gateway=gateway, account=account, event=event, item=true_item)
        delivery["next_at"] += self._delay + delay_seconds
        if kind:
            delivery["fault"] = kind
        match kind:
            case "dropped":
                delivery["status"] = DROPPED
            case "delayed":
                assert fault is not None
                delivery["next_at"] += fault.seconds
            case "reordered":
                delivery["held"] = True
                delivery["next_at"] += HELD_AT_MOST_SECONDS
            case "wrongly_signed" | "wrong_amount" | "wrong_currency":
                delivery["item"] = processor.spoil(account, item, kind)
                # A forged message is not repeated by the processor, which never sent it.
                delivery["once"] = kind == "wrongly_signed"
        self._keep_and_schedule(delivery)
        if kind == "doubled":
            twin = self._new(gateway=gateway, account=account, event=event, item=true_item)
            twin.update({"fault": kind, "copy_of": delivery["id"], "next_at": delivery["next_at"]})
            self._keep_and_schedule(twin)
        return delivery

    async def send(self, *, gateway: str, account: str, event: str, item: Document) -> Document:
        """Send an item at once, past all faults, and return its delivery after the first attempt."""
        delivery = self._new(gateway=gateway, account=account, event=event, item=item)
        self._add_pending(delivery)
        await self._attempt_now([delivery["id"]])
        return delivery

    async def resend(self, delivery_id: str) -> Document | None:
        """Send what truly happened, signed with the account's present key, once more and at once."""
        delivery = self._store.get(KIND, delivery_id)
        if delivery is None:
            return None
        self._revive(delivery)
        await self._attempt_now([delivery_id])
        return delivery

    async def flush(self, *, lost: bool) -> dict[str, int]:
        """Deliver everything pending now, held and delayed webhooks included, and wait for the answers.

        With `lost`, also what was dropped, refused, abandoned or had nowhere to go. One attempt each.
        """
        if lost:
            for delivery in [row for row in self._store.all(KIND).values() if row["status"] in LOST]:
                self._revive(delivery)
        attempted: set[str] = set()
        while todo := [key for key in self._pending if key not in attempted]:
            attempted.update(todo)
            await self._attempt_now(todo)
        delivered = sum(1 for key in attempted if (self._store.get(KIND, key) or {}).get("status") == DELIVERED)
        return {"delivered": delivered, "pending": self.pending_count()}

    def pending_count(self) -> int:
        """Return how many webhooks are still to be delivered."""
        return len(self._pending)

    def shown(self, *, status: str | None = None, event: str | None = None) -> list[Document]:
        """Return the deliveries as the control API shows them."""
        rows = self._store.all(KIND).values()
        return [row for row in rows if status in (None, row["status"]) and event in (None, row["event"])]

    def hurry(self, *, gateway: str, account: str, rested_seconds: float = 0.0) -> None:
        """Try an account's failing webhooks again now, because its endpoint has changed or works again.

        Those whose last attempt is not `rested_seconds` old are left alone.
        """
        now = time.time()
        for delivery in [self._pending[key] for key in self._failing]:
            rested = not delivery["attempts"] or now - delivery["attempts"][-1]["at"] >= rested_seconds
            if rested and (delivery["gateway"], delivery["account"]) == (gateway, account):
                delivery["next_at"] = now
                self._schedule(delivery)

    def _new(self, *, gateway: str, account: str, event: str, item: Document) -> Document:
        number = self._store.get("counters", KIND) or {"last": 0}
        number["last"] += 1
        self._store.put("counters", KIND, number)
        now = time.time()
        return {
            "id": f"wh_{number['last']:06d}",
            "gateway": gateway,
            "account": account,
            "event": event,
            "status": PENDING,
            "fault": None,
            "item": item,
            "true_item": item,
            "attempts": [],
            "created_at": now,
            "round_at": now,
            "next_at": now,
        }

    def _revive(self, delivery: Document) -> None:
        true_item = self.processors[delivery["gateway"]].sign(delivery["account"], delivery["true_item"])
        delivery.update(
            {
                "status": PENDING,
                "once": False,
                "held": False,
                "item": true_item,
                "next_at": time.time(),
                "round_at": time.time(),
            }
        )
        self._held.discard(delivery["id"])
        self._add_pending(delivery)

    def _add_pending(self, delivery: Document) -> None:
        key = delivery["id"]
        self._store.put(KIND, key, delivery)
        self._pending[key] = delivery
        if delivery.get("held"):
            self._held.add(key)
        if delivery["attempts"] or delivery.get("queued"):
            self._failing.add(key)

    def _keep_and_schedule(self, delivery: Document) -> None:
        self._store.put(KIND, delivery["id"], delivery)
        if delivery["status"] != PENDING:
            return
        queue = [
            row["next_at"]
            for row in (self._pending[key] for key in self._failing)
            if len(row["attempts"]) >= QUICK_ATTEMPTS
            and (row["gateway"], row["account"]) == (delivery["gateway"], delivery["account"])
        ]
        if queue:
            delivery["queued"] = True
            delivery["next_at"] = max(delivery["next_at"], min(queue))
        self._add_pending(delivery)
        self._schedule(delivery)

    def _schedule(self, delivery: Document) -> None:
        key = delivery["id"]
        if key in self._running:
            return
        if timer := self._timers.pop(key, None):
            timer.cancel()
        wait = max(0.0, delivery["next_at"] - time.time())
        self._timers[key] = asyncio.get_running_loop().call_later(wait, self._begin, key)

    def _begin(self, key: str) -> asyncio.Task[None]:
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key not in self._running:
            self._running[key] = asyncio.get_running_loop().create_task(self._attempt(key))
        return self._running[key]

    async def _attempt_now(self, keys: Iterable[str]) -> None:
        await asyncio.gather(*(self._begin(key) for key in keys), return_exceptions=True)

    async def _attempt(self, key: str) -> None:
        delivery = self._pending[key]
        dispatch = self.processors[delivery["gateway"]].dispatch(delivery)
        if dispatch is None:
            self._finish(delivery, NO_ENDPOINT)
            return
        started = time.time()
        outcome = await self._post(dispatch)
        attempt = {"at": round(started, 3), "seconds": round(time.time() - started, 3), **outcome}
        delivery["attempts"].append(attempt)
        status = outcome.get("status", 0)
        if status == dispatch.accepted if dispatch.accepted is not None else 200 <= status < 300:
            self._finish(delivery, DELIVERED)
            # The endpoint works again, so its queue moves; what it refused a moment ago keeps its own pace.
            pause = (self.processors[delivery["gateway"]].retry_wait(1) or 0.0) * self._scale
            self.hurry(gateway=delivery["gateway"], account=delivery["account"], rested_seconds=pause)
        elif delivery.get("once"):
            self._finish(delivery, REFUSED)
        elif (
            time.time() - delivery["round_at"] > GIVE_UP_AFTER_SECONDS * self._scale
            or (wait := self.processors[delivery["gateway"]].retry_wait(len(delivery["attempts"]))) is None
        ):
            self._finish(delivery, ABANDONED)
        else:
            delivery["next_at"] = time.time() + wait * self._scale
            self._running.pop(key, None)
            self._failing.add(key)
            self._store.put(KIND, key, delivery)
            self._schedule(delivery)
        self._release_held(delivery)
        self._store.save()

    async def _post(self, dispatch: Dispatch) -> dict[str, Any]:
        assert self._client is not None
        try:
            async with self._client.post(
                dispatch.url, data=dispatch.body, headers=dispatch.headers, allow_redirects=False
            ) as response:
                await response.read()
                return {"status": response.status}
        except TimeoutError:
            return {"error": f"no answer within {ANSWER_WITHIN_SECONDS} s"}
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _finish(self, delivery: Document, status: str) -> None:
        delivery["status"] = status
        delivery.pop("queued", None)
        if status == DELIVERED:
            delivery["delivered_at"] = time.time()
        self._pending.pop(delivery["id"], None)
        self._running.pop(delivery["id"], None)
        self._held.discard(delivery["id"])
        self._failing.discard(delivery["id"])
        self._store.put(KIND, delivery["id"], delivery)
        rows = self._store.all(KIND)
        if len(rows) > KEPT_FINISHED:
            oldest = next((key for key, row in rows.items() if row["status"] == DELIVERED), None)
            if oldest is not None:
                self._store.remove(KIND, oldest)
        self._store.save()

    def _release_held(self, gone: Document) -> None:
        for delivery in [self._pending[key] for key in self._held]:
            same = (delivery["gateway"], delivery["account"]) == (gone["gateway"], gone["account"])
            if same and delivery["id"] != gone["id"]:
                delivery["held"] = False
                self._held.discard(delivery["id"])
                delivery["next_at"] = time.time()
                self._schedule(delivery)
