"""A mail server during whose answer another connection wants the very row that is being sent."""

import threading
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, connections, transaction

from bookings.models import OutgoingMail
from tests.processes import PATIENCE_SECONDS


class LockingBackend(BaseEmailBackend):
    """Answer only once somebody else has locked every mail; fail if that takes a moment too long."""

    def send_messages(self, email_messages: Any) -> int:
        """See that no transaction is open here, and that nobody who wants the rows has to wait."""
        assert not connection.in_atomic_block
        locked: list[int] = []

        def lock() -> None:
            try:
                with transaction.atomic():
                    locked.append(len(OutgoingMail.objects.select_for_update(nowait=True)))
            finally:
                connections.close_all()

        other = threading.Thread(target=lock)
        other.start()
        other.join(PATIENCE_SECONDS)
        assert locked == [1]
        return len(email_messages)
