from django import template
from django.template import Context

from backoffice import modes

register = template.Library()


@register.simple_tag(takes_context=True)
def test_warning(context: Context) -> str:
    """Return the warning of the row that the page is about; "" for a page about none."""
    return modes.test_warning(context.get("original") or context.get("payment"))
