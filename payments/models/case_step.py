from django.db import models
from django.db.models import Q

from payments.models.transaction import Case


class CaseStepKind(models.TextChoices):
    """Name what a person does about a case."""

    TAKEN = "TAKEN"
    RELEASED = "RELEASED"
    NOTED = "NOTED"
    CLOSED = "CLOSED"


class CaseStep(models.Model):
    """Be one thing a person did about a case; UPDATE and DELETE are refused by trigger, but for erasing the words.

    Whoever took the case last has it, until it is released.
    """

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=8, choices=CaseStepKind.choices)
    by = models.CharField(max_length=150, help_text="A staff user name.")
    text = models.CharField(max_length=500, blank=True, help_text="The note, or why the case was closed.")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind__in=["NOTED", "CLOSED"]) | ~Q(text=""), name="case_note_and_reason_say_something"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.by}"
