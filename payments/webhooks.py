import time

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from gateways.errors import GatewayError, InvalidSignature, MisconfiguredAccount, Unsupported
from gateways.models import GatewayAccount
from payments import inbox
from payments.nudges import nudge
from payments.tasks import drain_deliveries, handle_delivery

log = structlog.get_logger(__name__)
# Account slug -> (until when it may be believed, the account): one query less for every webhook.
_known_accounts: dict[str, tuple[float, GatewayAccount]] = {}


@csrf_exempt
@require_http_methods(["GET", "POST"])
def receive_webhook(request: HttpRequest, account: str) -> HttpResponse:
    """Store what a gateway sends and acknowledge it within milliseconds; a worker believes it later.

    401 when it does not prove where it comes from, 404 for an account we do not have, 503 when the account lacks
    credentials here. A duplicate and
    an event we do not know are acknowledged: anything else would block the gateway's queue. A GET is a gateway that
    asks for a word of its own before it sends anything; 405 where this one does not.
    """
    found = _account(account)
    if found is None:
        return HttpResponse("no such account", status=404, content_type="text/plain")
    if request.method == "GET":
        return _greet(found)
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
    except inbox.TooManyHints as reason:
        log.warning("webhook_refused", account=account, reason=str(reason))
        return HttpResponse("too many", status=429, headers={"Retry-After": "60"}, content_type="text/plain")
    except Unsupported:
        return HttpResponse("no webhooks here", status=404, content_type="text/plain")
    if receipt.delivery_id is not None:
        nudge(handle_delivery, drain=drain_deliveries, delivery_id=str(receipt.delivery_id))
    return HttpResponse(receipt.acknowledgement, status=receipt.status, content_type=receipt.content_type)


def _greet(account: GatewayAccount) -> HttpResponse:
    try:
        greeting = inbox.greet(account=account)
    except Unsupported:
        return HttpResponseNotAllowed(["POST"])
    except GatewayError as reason:
        log.warning("webhook_not_greeted", account=account.slug, reason=str(reason)[:200])
        return HttpResponse("try again later", status=503, content_type="text/plain")
    return HttpResponse(greeting.body, content_type=greeting.content_type)


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
