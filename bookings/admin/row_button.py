from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = ModelAdmin


class RowButton(_ModelAdmin):
    """Put a button on a row's page, for those who may change such rows: one call of a service, logged with who pressed.

    Subclasses name it and say what it does (`press`) and where there is something to do (`hint`).
    """

    button: ClassVar[str]
    button_label: ClassVar[str]
    change_form_template = "admin/row_button.html"

    def press(self, request: HttpRequest, row: Any) -> str:
        """Do it, tell the person, and return what the log keeps; "" for nothing."""
        raise NotImplementedError

    def hint(self, row: Any) -> str | None:
        """Return what pressing would do, shown beside the button; None where there is nothing to press for."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        view = self.admin_site.admin_view(self.button_view)
        return [path(f"<uuid:row_id>/{self.button}/", view, name=self._name(self.button)), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the row, with its button for those who may press it."""
        row = self.get_object(request, object_id)
        context = {
            **(extra_context or {}),
            "button_hint": self.hint(row) if row is not None and self._may_press(request) else None,
            "button_label": self.button_label,
            "button_url": reverse(f"admin:{self._name(self.button)}", args=[object_id]) if row is not None else "",
        }
        return super().change_view(request, object_id, form_url, context)

    def button_view(self, request: HttpRequest, row_id: str) -> HttpResponse:
        """Do what the button says, and go back to the row."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self._may_press(request):
            raise PermissionDenied("You may not do that.")
        row: Model | None = self.get_object(request, str(row_id))
        if row is None:
            raise Http404
        told = self.press(request, row)
        if told:
            self.log_change(request, row, told)
        return HttpResponseRedirect(reverse(f"admin:{self._name('change')}", args=[row.pk]))

    def _may_press(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def _name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what.replace('-', '_')}"
