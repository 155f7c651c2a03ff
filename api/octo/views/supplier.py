"""Who we are, who you are, and what both of us can say."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from api.octo.capabilities import REGISTRY
from api.octo.presenters.catalogue import supplier_fields
from api.octo.schema import operation
from api.octo.views.base import OctoView
from api.openapi import list_of, shape
from bookings import selectors


def endpoint() -> str:
    """Return the address of this API, without a slash at its end."""
    return f"{settings.PUBLIC_BASE_URL}/octo"


class SupplierView(OctoView):
    """GET /supplier."""

    @operation("getSupplier", "Show the supplier", answer=shape("Supplier"))
    def get(self, request: Request) -> Response:
        """Show the supplier."""
        return Response(supplier_fields(selectors.supplier_for_partner(self.partner), endpoint=endpoint()))


class WhoamiView(OctoView):
    """GET /whoami."""

    @operation("whoami", "Show what a key stands for", answer=shape("Whoami"))
    def get(self, request: Request) -> Response:
        """Show what a key stands for."""
        supplier = selectors.supplier_for_partner(self.partner)
        return Response(
            {
                "supplier": supplier_fields(supplier, endpoint=endpoint()),
                "connectionId": str(request.auth.pk),
                "partner": {"id": str(self.partner.pk), "name": self.partner.name},
                "capabilities": list(REGISTRY),
            }
        )


class CapabilitiesView(OctoView):
    """GET /capabilities."""

    @operation("getCapabilities", "List what Octo-Capabilities may name", answer=list_of(shape("Capability")))
    def get(self, request: Request) -> Response:
        """List what Octo-Capabilities may name."""
        return Response(
            [
                {
                    "id": capability.id,
                    "revision": capability.revision,
                    "required": capability.is_required,
                    "dependencies": list(capability.depends_on),
                    "docs": capability.docs,
                }
                for capability in REGISTRY.values()
            ]
        )
