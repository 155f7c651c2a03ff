import time

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from gateways.errors import InvalidSignature, MisconfiguredAccount, Unsupported
from gateways.models import GatewayAccount
from payments import inbox
from payments.nudges import nudge
from payments.tasks import drain_deliveries, handle_delivery

log = structlog.get_logger(__name__)
# Account slug -> (until when it may be believed, the account): one query less for every webhook.
_known_accounts: dict[str, tuple[float, GatewayAccount]] = {}


@csrf_exempt
@require_POST
def receive_webhook(request: HttpRequest, account: str) -> HttpResponse:
    """Store what a gateway sends and acknowledge it within milliseconds; a worker believes it later.

    401 when it does not prove where it comes from, 404 for an account we do not have, 503 when the account lacks
    credentials here. A duplicate and
    an event we do not know are acknowledged: anything else would block the gateway's queue.
    """
    found = _account(account)
    if found is None:
        return HttpResponse("no such account", status=404, content_type="text/plain")
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        receipt = inbox.receive(account=found, headers=headers, body=request.body, now=timezone.now())
    except InvalidSignature as reason:
        log.warning("webhook_refused", account=account, reason=str(reason))
        return HttpResponse("not accepted", status=401, content_type="text/plain")
    except MisconfiguredAccount as reason:
        # Our fault, not the gateway's: it keeps what it could not deliver and tries again.
        log.error("webhook_account_misconfigured", account=account, reason=str(reason))
        return HttpResponse("try again later", status=503, content_type="text/plain")
    except Unsupported:
        return HttpResponse("no webhooks here", status=404, content_type="text/plain")
    if receipt.delivery_id is not None:
        nudge(handle_delivery, drain=drain_deliveries, delivery_id=str(receipt.delivery_id))
    return HttpResponse(receipt.acknowledgement, status=202, content_type=receipt.content_type)


def _account(slug: str) -> GatewayAccount | None:
    """Return an account by its slug; which gateway serves it may be KNOWN_ACCOUNT_SECONDS old."""
    until, known = _known_accounts.get(slug, (0.0, None))
    if known is not None and time.monotonic() < until:
        return known
    found = GatewayAccount.objects.filter(slug=slug).first()
    if found is None:
        _known_accounts.pop(slug, None)
    else:
        _known_accounts[slug] = (time.monotonic() + settings.PAYMENTS["KNOWN_ACCOUNT_SECONDS"], found)
    return found
