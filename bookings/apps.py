from django.apps import AppConfig


class BookingsConfig(AppConfig):
    """Be what is sold, what is owed and to whom; it has never heard of a card."""

    name = "bookings"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Bookings"
