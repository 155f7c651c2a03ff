"""Every route answers with and without a trailing slash, and without a redirect."""

from django.urls import path, re_path
from django.urls.resolvers import URLPattern

from api.finance.schema import openapi_document
from api.finance.views import documentation, exports
from api.finance.views.base import FinanceView, UnknownRouteView
from api.openapi import document_view

app_name = "finance"

ROUTES: dict[str, type[FinanceView]] = {
    "finance/exports": exports.ExportListView,
    "finance/exports/<str:export_id>": exports.ExportView,
    "finance/exports/<str:export_id>/file": exports.ExportFileView,
}

urlpatterns: list[URLPattern] = [
    path("schema/finance", document_view(openapi_document), name="schema"),
    *(path(route, documentation.SwaggerPage.as_view(), name="docs") for route in ("finance/docs", "finance/docs/")),
    *(path(route + slash, view.as_view()) for route, view in ROUTES.items() for slash in ("", "/")),
    re_path(r"^finance(?:/[\s\S]*)?\Z", UnknownRouteView.as_view()),
]
