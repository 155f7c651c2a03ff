import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings as django_settings
from django.test import Client

from config.logs import configure, logging_settings


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The JSON log, caught."""
    stream = io.StringIO()
    caught = logging_settings(log_format="json", level="INFO")
    caught["handlers"]["stderr"]["stream"] = stream
    configure(caught)
    yield stream
    configure(django_settings.LOGGING)


def events(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_ids(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="abcdef0123456789"):
        structlog.get_logger("payments").info("payment_opened", payment_id=7, amount_minor=12_300)

    (event,) = events(lines)
    assert event.pop("timestamp")
    assert event == {
        "event": "payment_opened",
        "payment_id": 7,
        "amount_minor": 12_300,
        "request_id": "abcdef0123456789",
        "logger": "payments",
        "level": "info",
    }


def test_other_libraries_leave_in_the_same_shape(lines: io.StringIO) -> None:
    logging.getLogger("some.library").warning("slow by %s s", 3)

    (event,) = events(lines)
    assert (event["event"], event["logger"], event["level"]) == ("slow by 3 s", "some.library", "warning")


def test_secrets_and_card_numbers_do_not_get_into_the_log(lines: io.StringIO) -> None:
    try:
        raise ValueError("refused 4111 1111 1111 1111")
    except ValueError:
        structlog.get_logger("gateways").exception(
            "call_failed",
            api_key="very-secret",
            session_data="opaque",
            note="card 4111111111111111",
            body={"number": "5555-5555-5555-4444"},
        )

    text = lines.getvalue()
    (event,) = events(lines)
    assert (event["api_key"], event["session_data"]) == ("[scrubbed]", "[scrubbed]")
    assert event["note"] == "card ************1111"
    assert not re.search(r"very-secret|opaque|4111.?1111.?1111.?1111|5555.?5555.?5555.?4444", text)


def test_a_sane_request_id_is_kept_and_answered(client: Client, lines: io.StringIO) -> None:
    response = client.get("/nowhere", headers={"X-Request-Id": "partner-20261121.7"})

    assert response["X-Request-Id"] == "partner-20261121.7"
    (event,) = [event for event in events(lines) if event["event"] == "request_finished"]
    assert (event["request_id"], event["status"], event["route"]) == ("partner-20261121.7", 404, None)


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "evil\tid with spaces", '{"a":1}-----'])
def test_an_odd_request_id_is_replaced(client: Client, given: str) -> None:
    response = client.get("/health/live", headers={"X-Request-Id": given})

    assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-Id"])


def test_the_log_names_no_path(client: Client, lines: io.StringIO) -> None:
    client.get("/health/live?token=hidden")
    client.get("/pay/guest-token-in-the-path")

    assert "guest-token" not in lines.getvalue()
    assert "hidden" not in lines.getvalue()


@pytest.mark.parametrize(("path", "status"), [("/octo/bookings", 400), ("/health/live", 413)])
def test_a_body_over_one_mebibyte_is_refused_unread(client: Client, path: str, status: int) -> None:
    response = client.post(path, data=b"x" * (1024 * 1024 + 1), content_type="application/json")

    assert response.status_code == status
    assert response.json() == {"error": "BAD_REQUEST", "errorMessage": "The body is larger than 1024 KiB."}
