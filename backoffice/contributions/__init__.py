"""What apps that payments knows nothing of add to its pages."""

from backoffice.contributions.callbacks import callback_moments
from payments.admin.contributions import add_moments


def contribute() -> None:
    """Register everything; called once, when the apps are ready."""
    add_moments(callback_moments)
