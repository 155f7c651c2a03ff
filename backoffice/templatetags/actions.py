from typing import Any

from django import template
from django.db.models import Model
from django.urls import reverse

from bookings.models import Booking, Order

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


@register.inclusion_tag("admin/backoffice/order_answer.html", takes_context=True)
def order_answer(context: template.Context, row: Model) -> dict[str, Any]:
    """Say on the page of an order, or of a booking, whether its guest was charged; callers name these."""
    # Not at the top, for the reason above.
    from payments.admin.answer import answer_of_order
    from payments.admin.page import standing_in_words

    if not isinstance(row, Order | Booking) or not context["request"].user.has_perm("payments.view_payment"):
        return {"answer": None}
    answer = answer_of_order(row.order if isinstance(row, Booking) else row)
    return {"answer": answer, "payments": [(each, standing_in_words(each)) for each in answer.payments]}
