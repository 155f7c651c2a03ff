from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Say whether our books agree with what the gateways settle and what the bank received."""

    name = "reconciliation"
