from datetime import datetime, timedelta

from django.conf import settings

from payments.models import DeliveryStatus, Opening, WebhookDelivery


def prune(*, now: datetime) -> int:
    """Delete processed webhook bodies past their time, and session data nobody can use; money rows are never
    deleted.
    """
    kept_since = now - timedelta(days=settings.PAYMENTS["KEEP_WEBHOOKS_DAYS"])
    deleted, _ = WebhookDelivery.objects.filter(status=DeliveryStatus.PROCESSED, processed_at__lt=kept_since).delete()
    erased = Opening.objects.filter(expires_at__lt=now, client_encrypted__isnull=False).update(client_encrypted=None)
    return deleted + erased
