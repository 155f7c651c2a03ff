"""Where the books are, below the admin."""

from functools import partial

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from backoffice.books import views


def books_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the books, for people who may use the site."""
    guarded = site.admin_view
    return [
        path("books/", guarded(partial(views.show_books, site)), name="books"),
        path("drift/", guarded(partial(views.show_drift, site)), name="books_drift"),
        path("months/", guarded(partial(views.show_months, site)), name="books_months"),
        path("months/<str:month>/close/", guarded(partial(views.close, site)), name="books_close"),
    ]
