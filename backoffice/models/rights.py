from django.db import models


class Right(models.Model):  # noqa: DJ008 - there are no rows
    """Carry the permissions that belong to no table of their own; its table stays empty."""

    class Meta:
        default_permissions = ()
        permissions = [
            ("export_personal_data", "Can export what is held about a guest"),
            ("erase_personal_data", "Can erase what is held about a guest"),
        ]
