"""What apps that payments knows nothing of add to its pages."""

from backoffice.contributions.audit import card_audit, staff_moments
from backoffice.contributions.callbacks import callback_moments
from backoffice.contributions.settlement import settlement_lines
from payments.admin.contributions import add_moments, add_sections
from payments.models import Payment, ReusableCard


def contribute() -> None:
    """Register everything; called when Django discovers the admin, for only then can these pages be imported."""
    add_moments(callback_moments)
    add_moments(staff_moments)
    add_sections(Payment, settlement_lines)
    add_sections(ReusableCard, card_audit)
