from django.db import models


class ConsentText(models.Model):
    """Be one wording of what guests agree to when a card is kept, in one language; its content is its version."""

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of language and text.")
    language = models.CharField(max_length=16)
    text = models.TextField()
    first_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.language} {self.digest[:12]}"
