from drf_spectacular.views import SpectacularSwaggerView


class SwaggerPage(SpectacularSwaggerView):
    """Be Swagger's page of the OpenAPI document; it needs no key, and loads nothing from elsewhere.

    Its static files come with drf-spectacular-sidecar.
    """

    url_name = "octo:schema"
    title = "OCTO with card payments"
    authentication_classes: list[type] = []
    permission_classes: list[type] = []
