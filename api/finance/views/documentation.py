from drf_spectacular.views import SpectacularSwaggerView


class SwaggerPage(SpectacularSwaggerView):
    """Be Swagger's page of the OpenAPI document; it needs no key, and loads nothing from elsewhere."""

    url_name = "finance:schema"
    title = "Finance's exports"
    authentication_classes: list[type] = []
    permission_classes: list[type] = []
