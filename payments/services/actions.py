"""What a guest who pays must do next: kept with the Opening, for the guest's page to be shown."""

from dataclasses import asdict
from datetime import datetime

from gateways.protocol import Action
from payments.encryption import decrypt_json, encrypt_json
from payments.models import Opening, OpeningStatus

# Where what a client needs holds it.
ACTION = "action"


def show_action(*, opening: Opening, action: Action | None, now: datetime) -> None:
    """Put what a guest must do beside what the guest's page was given; the Opening lasts as long as it did."""
    if action is None or opening.client_encrypted is None or opening.expires_at <= now:
        return
    described = {**asdict(action), "fields": dict(action.fields)}
    opening.client_encrypted = encrypt_json({**decrypt_json(opening.client_encrypted), ACTION: described})
    Opening.objects.filter(pk=opening.pk, status=OpeningStatus.OPEN).update(client_encrypted=opening.client_encrypted)
