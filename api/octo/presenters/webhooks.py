"""Show a subscription as OCTO does."""

from api.callbacks.addresses import shown_url
from api.callbacks.subscriptions import headers_of, url_of
from api.models import Subscription
from api.octo.capabilities import Applied

_HIDDEN = "***"


def webhook_fields(subscription: Subscription) -> dict[str, object]:
    """Return OCTO's Webhook, to the partner whose it is: its address and headers are as they were sent."""
    return _fields(subscription, url_of(subscription), headers_of(subscription))


def webhook_fields_without_secrets(subscription: Subscription) -> dict[str, object]:
    """Return OCTO's Webhook as it goes out with a delivery: what is posted often ends up in logs."""
    return _fields(subscription, shown_url(url_of(subscription)), dict.fromkeys(headers_of(subscription), _HIDDEN))


def _fields(subscription: Subscription, url: str, headers: dict[str, str]) -> dict[str, object]:
    applied = str(Applied(frozenset(subscription.capabilities)))
    return {
        "id": str(subscription.pk),
        "event": subscription.event,
        "url": url,
        "capabilities": applied.split(", ") if applied else [],
        "headers": headers,
        "retryOnError": subscription.retries_on_error,
        "useContactLanguage": subscription.uses_contact_language,
    }
