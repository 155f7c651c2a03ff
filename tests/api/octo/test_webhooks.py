"""The routes of octo/webhooks: who may subscribe to what and where, and what of it is seen again."""

import pytest

from api.models import Delivery, Subscription
from api.octo.webhook_requests import EVENTS
from tests.api.octo.shop import CORE, Octo, Shop
from tests.api.octo.test_budgets import cost_of
from tests.api.octo.test_schema import check, document  # noqa: F401 - a fixture

HOOKS = "octo/webhooks"
URL = "http://127.0.0.1:9999/octo"
WISH = {"event": "booking_update", "url": URL}


@pytest.fixture
def octo(shop: Shop) -> Octo:
    return shop.octo(HOOKS)


def subscribed(octo: Octo, **fields) -> dict:
    answer = octo.post("/webhooks", {**WISH, **fields})
    assert answer.status_code == 200, answer.content
    return answer.json()


def refused(answer) -> str:
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"] == "BAD_REQUEST"
    return answer.json()["errorMessage"]


def test_a_webhook_is_made_shown_changed_and_ended(octo, document):  # noqa: F811
    made = octo.post("/webhooks", {**WISH, "headers": {"X-Webhook-Secret": "sesame"}})
    hook = made.json()

    assert hook == {
        "id": hook["id"],
        "event": "booking_update",
        "url": URL,
        "capabilities": ["octo/webhooks"],
        "headers": {"X-Webhook-Secret": "sesame"},
        "retryOnError": True,
        "useContactLanguage": True,
    }
    listed = octo.get("/webhooks")
    assert listed.json() == [hook]
    changed = octo.patch(f"/webhooks/{hook['id']}", {"retryOnError": False, "headers": {}})
    assert changed.json() == {**hook, "retryOnError": False, "headers": {}}
    ended = octo.delete(f"/webhooks/{hook['id']}")
    assert ended.json() == {"success": True, "message": "Webhooks ended: 1."}
    assert octo.get("/webhooks").json() == []
    check(made, "POST", "/webhooks", document)
    check(listed, "GET", "/webhooks", document)
    check(changed, "PATCH", f"/webhooks/{hook['id']}", document)
    check(ended, "DELETE", f"/webhooks/{hook['id']}", document)
    check(octo.delete(f"/webhooks/{hook['id']}"), "DELETE", f"/webhooks/{hook['id']}", document)


def test_an_ended_webhook_leaves_no_secret_behind(octo):
    hook = subscribed(octo, url="http://ada:sesame@127.0.0.1:9999/octo", headers={"X-Webhook-Secret": "sesame"})
    row = Subscription.objects.get()
    assert b"sesame" not in bytes(row.url_encrypted) + bytes(row.headers_encrypted)

    octo.delete(f"/webhooks/{hook['id']}")

    row.refresh_from_db()
    assert (row.url_encrypted, row.headers_encrypted, row.url_host) == (None, None, "127.0.0.1")


def test_capabilities_are_those_of_the_request_at_create_and_at_every_change(shop, octo):
    hook = subscribed(shop.octo("octo/cardPayments, octo/pricing, octo/webhooks, octo/unknown"))
    assert hook["capabilities"] == ["octo/pricing", "octo/cardPayments", "octo/webhooks"]

    narrowed = octo.patch(f"/webhooks/{hook['id']}", {})

    assert narrowed.json()["capabilities"] == ["octo/webhooks"]


def test_routes_are_refused_without_the_capability(shop, octo):
    hook = subscribed(octo)
    core = shop.octo(CORE)

    for answer in (
        core.post("/webhooks", WISH),
        core.get("/webhooks"),
        core.patch(f"/webhooks/{hook['id']}", {"retryOnError": False}),
        core.delete(f"/webhooks/{hook['id']}"),
        core.delete("/webhooks", {"url": URL}),
        core.post(f"/webhooks/{hook['id']}/resend"),
    ):
        assert "It needs octo/webhooks" in refused(answer)
    assert octo.get("/webhooks").json() == [hook]


def test_the_same_event_and_url_again_are_the_same_webhook_as_it_is_asked_for_now(octo):
    first = subscribed(octo, headers={"X-Webhook-Secret": "old"}, retryOnError=False)

    second = subscribed(octo, headers={"X-Webhook-Secret": "new"})

    assert second == {**first, "headers": {"X-Webhook-Secret": "new"}, "retryOnError": True}
    assert Subscription.objects.count() == 1


def test_webhooks_end_by_url_in_query_or_body(octo):
    other = subscribed(octo, url=f"{URL}/other")
    subscribed(octo)
    by_query = octo.send("DELETE", "/webhooks?url=http://127.0.0.1:9999/octo")
    subscribed(octo)
    by_body = octo.delete("/webhooks", {"url": URL, "event": "booking_update"})

    for answer in (by_query, by_body):
        assert answer.json() == {"success": True, "message": "Webhooks ended: 1."}
    assert octo.get("/webhooks").json() == [other]
    assert refused(octo.delete("/webhooks", {"url": URL})) == "There is no such webhook."
    assert refused(octo.delete("/webhooks", {})) == "url: is required."


def test_live_and_test_are_apart_and_so_are_partners(shop, octo):
    mine = subscribed(octo)
    test = subscribed(octo_test := shop.octo(HOOKS, **{"Octo-Env": "test"}))
    foreign = Octo(shop.other_key, capabilities=HOOKS)
    theirs = subscribed(foreign)

    assert [each.get("/webhooks").json() for each in (octo, octo_test, foreign)] == [[mine], [test], [theirs]]
    assert Octo(shop.test_key, capabilities=HOOKS).get("/webhooks").json() == [test]
    for stranger in (octo_test, foreign):
        for answer in (
            stranger.patch(f"/webhooks/{mine['id']}", {"retryOnError": False}),
            stranger.delete(f"/webhooks/{mine['id']}"),
            stranger.post(f"/webhooks/{mine['id']}/resend"),
        ):
            assert refused(answer) == "There is no such webhook."
            assert answer.json()["webhookId"] == mine["id"]
    assert octo.get("/webhooks").json() == [mine]


@pytest.mark.parametrize("webhook_id", ["nothing", "5d0c5b8e-6b0b-4f5d-9a66-2f1c9f7d1a10", "%00"])
def test_an_unknown_id_is_a_400(octo, webhook_id):
    assert refused(octo.patch(f"/webhooks/{webhook_id}", {})) == "There is no such webhook."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"event": None}, "event: is required."),
        ({"event": "availability_update"}, f"event: must be one of {', '.join(EVENTS)}."),
        ({"url": None}, "url: is required."),
        ({"url": "nowhere"}, "url: must be an http or https address in ASCII."),
        ({"url": "http://127.0.0.1:25/"}, "url: the port must be 80, 443 or 1024 and above."),
        ({"url": "http://10.0.0.1/"}, "url: the host must be a name, all of whose addresses are public."),
        ({"url": "http://169.254.169.254/"}, "url: the host must be a name, all of whose addresses are public."),
        ({"url": "http://nobody.invalid/"}, "url: the host has no address."),
        ({"url": f"{URL}?card=4111111111111111"}, "url: must not hold a card number."),
        ({"url": "https://example.com/" + "a" * 1_024}, "url: must have at most 1024 characters."),
        ({"headers": {"Host": "a"}}, "headers.Host: is a header that we set."),
        ({"headers": {"content-length": "1"}}, "headers.content-length: is a header that we set."),
        ({"headers": {"Content-Type": "a"}}, "headers.Content-Type: is a header that we set."),
        ({"headers": {"Transfer-Encoding": "a"}}, "headers.Transfer-Encoding: is a header that we set."),
        ({"headers": {"OCTO-Signature": "a"}}, "headers.OCTO-Signature: is a header that we set."),
        ({"headers": {"Connection": "a"}}, "headers.Connection: is a header that we set."),
        ({"headers": {"X A": "a"}}, "headers: has a name that is no header name."),
        ({"headers": {"": "a"}}, "headers: has a name that is no header name."),
        ({"headers": {"X-A\r\nHost": "a"}}, "headers: has a name that is no header name."),
        ({"headers": {"X-A": "a\r\nHost: b"}}, "headers.X-A: must be printable ASCII on one line."),
        ({"headers": {"X-A": "ä"}}, "headers.X-A: must be printable ASCII on one line."),
        ({"headers": {"X-A": "a", "x-a": "b"}}, "headers: has the same header twice."),
        ({"headers": {"X-A": "4111 1111 1111 1111"}}, "headers.X-A: must not hold a card number."),
        ({"headers": {"X-A": "a" * 1_001}}, "headers.X-A: must have at most 1000 characters."),
        ({"headers": {f"X-{number}": "a" for number in range(21)}}, "headers: must have at most 20 entries."),
        ({"headers": "X-A: a"}, "headers: must be an object."),
        ({"retryOnError": "yes"}, "retryOnError: must be true or false."),
        ({"useContactLanguage": 1}, "useContactLanguage: must be true or false."),
    ],
)
def test_what_cannot_be_subscribed_to_is_named_and_nothing_is_written(octo, fields, message):
    assert refused(octo.post("/webhooks", {**WISH, **fields})) == message
    assert Subscription.objects.count() == 0


def test_a_change_to_what_another_webhook_does_is_refused(octo):
    subscribed(octo)
    other = subscribed(octo, url=f"{URL}/other")

    answer = octo.patch(f"/webhooks/{other['id']}", {"url": URL})

    assert refused(answer) == "url: another webhook tells this event there already."
    assert octo.get("/webhooks").json()[1] == other


def test_a_partner_has_a_limit(octo, settings):
    settings.CALLBACKS = {**settings.CALLBACKS, "MOST_SUBSCRIPTIONS": 2}
    for number in range(2):
        subscribed(octo, url=f"{URL}/{number}")

    answer = octo.post("/webhooks", WISH)

    assert (answer.status_code, answer.json()["error"]) == (400, "UNPROCESSABLE_ENTITY")
    assert answer.json()["errorMessage"] == "There are 2 webhooks already; end one."


def test_one_booking_or_order_is_told_again_by_name(shop, octo, document):  # noqa: F811
    booking = shop.reserve(octo)
    hook = subscribed(octo)
    order_id = str(shop.stored(booking).order.uuid)
    path = f"/webhooks/{hook['id']}/resend"

    nothing = octo.post(path)
    by_uuid = octo.post(path, {"uuid": booking["uuid"]})
    by_order = octo.post(path, {"orderId": order_id})

    assert nothing.json() == {"success": True, "message": "Deliveries on their way: 0."}
    for answer in (by_uuid, by_order):
        assert answer.json() == {"success": True, "message": "Deliveries on their way: 1."}
        check(answer, "POST", path, document)
    assert [str(each.subject_id) for each in Delivery.objects.all()] == [booking["id"]]


def test_what_is_not_the_partners_is_not_told(shop, octo):
    theirs = shop.reserve(Octo(shop.other_key, capabilities=CORE))
    hook = subscribed(octo)
    path = f"/webhooks/{hook['id']}/resend"

    unknown = octo.post(path, {"uuid": theirs["uuid"]})
    foreign = octo.post(path, {"orderId": str(shop.stored(theirs).order.uuid)})

    assert (unknown.status_code, unknown.json()["error"]) == (400, "INVALID_BOOKING_UUID")
    assert refused(foreign) == "There is no such order."
    assert refused(octo.post(path, {"orderId": "x"})) == "There is no such order."
    assert "together" in refused(octo.post(path, {"uuid": "a", "orderId": "b"}))
    assert Delivery.objects.count() == 0


def test_lists_and_changes_cost_the_same_for_one_or_many(octo):
    costs = []
    for numbers in (range(1), range(1, 10)):
        for number in numbers:
            hook = subscribed(octo, url=f"{URL}/{number}")
        costs.append(
            [
                cost_of(lambda: octo.get("/webhooks"))[1],
                cost_of(lambda: octo.patch(f"/webhooks/{hook['id']}", {"retryOnError": True}))[1],  # noqa: B023
                cost_of(lambda: octo.post("/webhooks", {**WISH, "url": f"{URL}/0"}))[1],
            ]
        )

    assert costs[0] == costs[1]
    assert costs[0] <= [2, 5, 5]
