from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from api.resource.schema import openapi_document


@require_safe
def schema_json(_request: HttpRequest) -> JsonResponse:
    """Return the OpenAPI document; it needs no key."""
    return JsonResponse(openapi_document())
