"""Where the work queues are, below the admin."""

from functools import partial

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from backoffice.queues import views


def queue_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the work queues, for people who may use the site."""
    guarded = site.admin_view
    return [
        path("queues/", guarded(partial(views.index, site)), name="backoffice_queues"),
        path("queues/outcome-unknown.json", guarded(views.at_risk_json), name="backoffice_at_risk_json"),
        path("queues/<slug:slug>/", guarded(partial(views.show, site)), name="backoffice_queue"),
        path("queues/cases/<int:case_id>/<slug:verb>/", guarded(views.work_on_case), name="backoffice_case_work"),
        path(
            "queues/duplicates/<int:duplicate_id>/dismiss/", guarded(views.dismiss), name="backoffice_dismiss_duplicate"
        ),
    ]
