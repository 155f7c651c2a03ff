"""Be told of changes: subscribe, change, end, and ask again for what did not arrive."""

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.callbacks import resending, subscriptions
from api.fields import Fields
from api.models import Subscription
from api.octo.capabilities import WEBHOOKS
from api.octo.presenters.webhooks import webhook_fields
from api.octo.schema import operation
from api.octo.views.base import OctoView
from api.octo.webhook_requests import (
    read_resend,
    read_subscription,
    read_subscription_change,
    read_unsubscription,
)
from api.openapi import list_of, shape

_ID = {"webhook_id": "The webhook's id."}


class WebhookViewBase(OctoView):
    """Find the partner's webhooks of this mode."""

    needs = WEBHOOKS

    def webhook(self, webhook_id: str) -> Subscription:
        """Return one webhook; another partner's looks like one that does not exist."""
        return subscriptions.subscription_for_partner(
            partner=self.partner, is_live=self.is_live, subscription_id=webhook_id
        )


class WebhookListView(WebhookViewBase):
    """GET, POST and DELETE /webhooks."""

    @operation("getWebhooks", "List webhooks", answer=list_of(shape("Webhook")), needs=WEBHOOKS)
    def get(self, request: Request) -> Response:
        """List the webhooks of this mode, oldest first."""
        found = subscriptions.subscriptions_for_partner(partner=self.partner, is_live=self.is_live)
        return Response([webhook_fields(subscription) for subscription in found])

    @operation(
        "createWebhook",
        "Be told of an event",
        body=shape("WebhookRequest"),
        answer=shape("Webhook"),
        needs=WEBHOOKS,
        is_write=False,
    )
    def post(self, request: Request) -> Response:
        """Subscribe; the same event and url again show the same webhook."""
        subscription = subscriptions.subscribe(
            partner=self.partner,
            is_live=self.is_live,
            wish=read_subscription(Fields(request.data), self.capabilities),
            now=self.now(),
        )
        return Response(webhook_fields(subscription))

    @operation(
        "deleteWebhooks",
        "End webhooks by url",
        answer=shape("Done"),
        query={"url": "Here or in a JSON body.", "event": "Beside url; without it all events."},
        needs=WEBHOOKS,
        is_write=False,
    )
    def delete(self, request: Request) -> Response:
        """End every webhook at an address."""
        source = request.query_params.dict() if "url" in request.query_params else request.data
        url, event = read_unsubscription(Fields(source))
        ended = subscriptions.end_subscriptions_at(
            partner=self.partner, is_live=self.is_live, url=url, event=event, now=self.now()
        )
        return Response(_done(_("Webhooks ended: %(count)s.") % {"count": len(ended)}))


class WebhookView(WebhookViewBase):
    """PATCH and DELETE /webhooks/{id}."""

    @operation(
        "updateWebhook",
        "Change a webhook",
        body=shape("WebhookChangeRequest"),
        answer=shape("Webhook"),
        path=_ID,
        needs=WEBHOOKS,
        is_write=False,
    )
    def patch(self, request: Request, webhook_id: str) -> Response:
        """Change a webhook; its capabilities become those of this request."""
        subscription = subscriptions.change_subscription(
            subscription=self.webhook(webhook_id),
            wish=read_subscription_change(Fields(request.data), self.capabilities),
            now=self.now(),
        )
        return Response(webhook_fields(subscription))

    @operation("deleteWebhook", "End a webhook", answer=shape("Done"), path=_ID, needs=WEBHOOKS)
    def delete(self, request: Request, webhook_id: str) -> Response:
        """End a webhook; what was waiting is not sent any more."""
        subscriptions.end_subscription(subscription=self.webhook(webhook_id), now=self.now())
        return Response(_done(_("Webhooks ended: %(count)s.") % {"count": 1}))


class WebhookResendView(WebhookViewBase):
    """POST /webhooks/{id}/resend."""

    @operation(
        "resendWebhook",
        "Send again what failed, or one booking or order",
        body=shape("WebhookResendRequest"),
        answer=shape("Done"),
        path=_ID,
        needs=WEBHOOKS,
        is_write=False,
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        """Send again what was given up, or tell one booking or order anew."""
        uuid, order_id = read_resend(Fields(request.data))
        count = resending.resend(
            subscription=self.webhook(webhook_id), booking_uuid=uuid, order_id=order_id, now=self.now()
        )
        return Response(_done(_("Deliveries on their way: %(count)s.") % {"count": count}))


def _done(message: str) -> dict[str, object]:
    return {"success": True, "message": message}
