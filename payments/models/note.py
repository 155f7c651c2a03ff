from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Func, Q, Value

from payments.models.payment import Payment
from payments.models.transaction import Transaction


def note_words() -> SearchVector:
    """Return the words and numbers of a note and its evidence, as its index has them: R-2291/7 is R, 2291 and 7."""
    texts = (
        Func(
            F(name),
            Value(r"[\W_]+"),
            Value(" "),
            Value("g"),
            function="regexp_replace",
            output_field=models.TextField(),
        )
        for name in ("text", "evidence")
    )
    return SearchVector(*texts, config="simple")


class ExternalNote(models.Model):
    """Be what was written about a payment taken elsewhere. UPDATE and DELETE are refused by trigger: a correction is a
    note of its own that `amends` the one it corrects.

    The one exception is what the law wants gone: an UPDATE may black out `text` and `evidence` if it says so in
    `redacted_at`. `evidence` says where a proof is kept (a receipt's number, an address); the proof itself is not kept
    here.
    """

    id = models.BigAutoField(primary_key=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="external_notes")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, null=True, related_name="external_notes")
    amends = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="amendments",
        db_index=False,
        help_text="The note that this one corrects.",
    )
    text = models.CharField(max_length=500)
    evidence = models.CharField(
        max_length=300, blank=True, db_default="", default="", help_text="Where the proof is: a number or an address."
    )
    written_by = models.CharField(max_length=150)
    written_at = models.DateTimeField()
    redacted_at = models.DateTimeField(null=True, blank=True, help_text="When something was blacked out of it.")

    class Meta:
        constraints = [
            # What is said now has to be one thing: two corrections of one note would be two.
            models.UniqueConstraint(fields=["amends"], condition=Q(amends__isnull=False), name="note_amended_once"),
        ]
        indexes = [
            models.Index(fields=["payment"], name="external_note_by_payment"),
            models.Index(fields=["written_at"], name="external_note_by_time"),
            GinIndex(note_words(), name="external_note_by_word"),
        ]

    def __str__(self) -> str:
        return self.text
