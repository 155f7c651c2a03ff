from typing import Any

from django import template
from django.db.models import Model
from django.urls import reverse

register = template.Library()


@register.inclusion_tag("admin/backoffice/action_buttons.html", takes_context=True)
def action_buttons(context: template.Context, row: Model) -> dict[str, Any]:
    """Show as buttons what the reader of a page can do to its row now."""
    # The theme loads all tag libraries while the first admin is being imported, on which actions stand.
    from backoffice.actions import actions_for

    found = actions_for(row, context["request"].user)
    return {
        "buttons": [
            {
                "url": reverse("admin:do", args=[action.name, subject.pk]),
                "label": action.label,
                "variant": "primary" if subject is row else "default",
            }
            for action, subject in found
        ]
    }
