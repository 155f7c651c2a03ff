"""A payout's report is asked for, waited for, and read from no host but Stripe's."""

from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from gateways.adapters.stripe.gateway import StripeGateway
from gateways.errors import AnswerLost, GatewayError, KeyRefused, NotReady, Rejected, Unsupported
from gateways.protocol import ReportRequest
from tests.gateways.scripted_server import ScriptedServer

REQUEST = ReportRequest(name="po_1SXk", idempotency_key="report-stripe-eu-po_1SXk", most_bytes=1_000)
FILE = b"automatic_payout_id,net\npo_1SXk,98.15\n"


def run(status: str, url: str = "") -> dict[str, object]:
    result = {"id": "file_1", "object": "file", "url": url} if url else None
    return {"id": "frr_1SXk", "object": "reporting.report_run", "status": status, "result": result}


def error(code: str) -> dict[str, object]:
    return {"error": {"type": "invalid_request_error", "code": code, "message": "no"}}


@pytest.fixture
def gateway(server: ScriptedServer) -> StripeGateway:
    return StripeGateway(
        {
            "secret_key": "sk_test_51SXkTours",
            "publishable_key": "pk_test_51SXkTours",
            "webhook_secrets": "whsec_tours",
            "api_base_url": server.url,
            "timeout_seconds": "4",
        }
    )


def read(gateway: StripeGateway, request: ReportRequest = REQUEST) -> bytes:
    with gateway.fetch_report(request) as pieces:
        return b"".join(pieces)


def test_a_report_is_made_of_the_payout_with_our_columns_and_read_with_our_key(gateway, server):
    made = run("succeeded", f"{server.url}/v1/files/file_1/contents")
    server.turns = [(200, run("pending")), (200, made), (200, FILE)]

    content = read(gateway)

    created, looked, downloaded = server.asked
    wish = parse_qs(created.body.decode())
    assert content == FILE
    assert (created.method, created.target) == ("POST", "/v1/reporting/report_runs")
    assert (wish["parameters[payout]"], created.headers["idempotency-key"]) == (["po_1SXk"], REQUEST.idempotency_key)
    assert {"source_id", "payment_intent_id", "customer_facing_amount"} <= {
        value for name, (value, *_) in wish.items() if name.startswith("parameters[columns]")
    }
    assert (looked.method, looked.target) == ("GET", "/v1/reporting/report_runs/frr_1SXk")
    assert (downloaded.method, downloaded.target) == ("GET", "/v1/files/file_1/contents")
    assert downloaded.headers["authorization"] == "Bearer sk_test_51SXkTours"


@pytest.mark.parametrize(
    ("turns", "raised"),
    [
        ([(200, run("pending")), (200, run("pending"))], NotReady),
        ([(400, error("payout_reconciliation_not_ready"))], NotReady),
        ([(400, error("parameter_invalid"))], Unsupported),
        ([(404, error("resource_missing"))], Unsupported),
        ([(200, run("failed"))], Rejected),
        ([(200, run("succeeded"))], Rejected),
        ([(200, run("succeeded", "https://files.example.com/v1/files/file_1/contents"))], Rejected),
        ([(200, run("succeeded", "http://169.254.169.254/latest/meta-data"))], Rejected),
        ([(401, error("api_key_expired"))], KeyRefused),
        ([(500, error("api_error"))], AnswerLost),
    ],
    ids=str,
)
def test_what_is_not_there_goes_wrong_or_lies_elsewhere_is_not_read(gateway, server, turns, raised):
    server.turns = list(turns)

    with pytest.raises(GatewayError) as refusal:
        read(gateway)

    assert type(refusal.value) is raised
    assert len(server.asked) == len(turns)
    assert "sk_test" not in str(refusal.value)


def test_only_payouts_have_a_report(gateway, server):
    with pytest.raises(Unsupported):
        gateway.fetch_report(ReportRequest(name="frr_1SXk", idempotency_key="k", most_bytes=1))

    assert server.asked == []


def test_payouts_that_can_be_itemized_are_listed(gateway, server):
    rows = [{"id": f"po_{status}", "reconciliation_status": status} for status in ("completed", "in_progress")]
    server.answers({"object": "list", "data": rows, "has_more": False, "url": "/v1/payouts"})

    names = gateway.reports_since(datetime(2026, 11, 22, tzinfo=UTC))

    assert names == ("po_completed",)
    assert "created[gte]=1795305600" in server.asked[0].target.replace("%5B", "[").replace("%5D", "]")
