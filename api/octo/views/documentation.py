"""The OpenAPI document and a page to read it with; neither needs a key, and the page loads nothing from elsewhere."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularSwaggerView

from api.octo.schema import openapi_document


@require_safe
def schema_json(_request: HttpRequest) -> JsonResponse:
    """Return the OpenAPI document."""
    return JsonResponse(openapi_document())


class SwaggerPage(SpectacularSwaggerView):
    """Be Swagger's page, from the static files that come with drf-spectacular-sidecar."""

    url_name = "octo:schema"
    title = "OCTO with card payments"
    authentication_classes: list[type] = []
    permission_classes: list[type] = []
