from django.contrib import admin
from django.urls import include, path

from api.octo.schema import openapi_document
from api.openapi import document_view
from config import health
from config.metrics import metrics
from payments.webhooks import receive_webhook

# Which page there is for a model, every app says itself. Done here, and not when Django starts: see backoffice.apps.
admin.autodiscover()

handler400 = "backoffice.nowhere.bad_request"
handler404 = "backoffice.nowhere.page_not_found"
urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("health/workers", health.workers),
    path("metrics", metrics),
    path("admin/", admin.site.urls),
    path("octo/", include("api.octo.urls")),
    # Where each API's document is; OCTO's is at its own address, too.
    path("schema/octo", document_view(openapi_document)),
    # At the root, each with its own words after it.
    path("", include("api.context.urls")),
    path("", include("api.resource.urls")),
    path("", include("api.invoices.urls")),
    path("", include("api.finance.urls")),
    path("pay/", include("checkout.urls")),
    path("webhooks/<slug:account>/", receive_webhook),
]
