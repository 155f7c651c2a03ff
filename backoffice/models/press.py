from django.db import models


class ActionPress(models.Model):
    """Be one confirmation that somebody pressed: its row is committed before the service is called, and no second one
    can have the same nonce.

    Every page that asks for a confirmation carries a nonce of its own, so that a double click, a reload and a page that
    was kept open do nothing a second time.
    """

    nonce = models.UUIDField(primary_key=True, editable=False)
    action = models.CharField(max_length=40)
    subject_kind = models.CharField(max_length=100)
    subject_id = models.CharField(max_length=64)
    pressed_by = models.CharField(max_length=150)
    pressed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "action presses"

    def __str__(self) -> str:
        return f"{self.action} by {self.pressed_by}"
