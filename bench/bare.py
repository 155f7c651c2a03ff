"""The least a webhook view can do: verify the signature and insert once. What ours does beyond this costs time."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from config.demo.accounts import SANDBOX_ACCOUNTS
from gateways.protocol import Delivery, Gateway
from gateways.registry import gateway_class

CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS bench_delivery (
    account text NOT NULL, delivery_key text NOT NULL, body text NOT NULL, received_at timestamptz NOT NULL,
    PRIMARY KEY (account, delivery_key)
)
"""
_gateways: dict[str, Gateway] = {}


@csrf_exempt
def receive_bare(request: HttpRequest, account: str) -> HttpResponse:
    """Verify, insert once, acknowledge."""
    gateway = _gateways.get(account)
    if gateway is None:
        gateway = _gateways[account] = gateway_class(SANDBOX_ACCOUNTS[account])(settings.GATEWAY_CREDENTIALS[account])
    headers = {name.lower(): value for name, value in request.headers.items()}
    now = timezone.now()
    verified = gateway.verify_webhook(Delivery(headers=headers, body=request.body, received_at=now))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_delivery VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [account, verified.delivery_key, request.body.decode(), now],
        )
    return HttpResponse(verified.acknowledgement, status=202)
