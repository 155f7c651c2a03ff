"""The OpenAPI document of this API; it needs no key."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from api.invoices.schema import openapi_document


@require_safe
def schema_json(_request: HttpRequest) -> JsonResponse:
    """Return the OpenAPI document."""
    return JsonResponse(openapi_document())
