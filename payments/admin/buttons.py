"""What a button has in common: a word for every fault of a service."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.contrib import messages
from django.db import DatabaseError
from django.http import HttpRequest

from bookings.errors import BookingError
from gateways.errors import GatewayError
from money import MoneyError
from payments.errors import PaymentError

log = structlog.get_logger(__name__)


@contextmanager
def faults_as_messages(request: HttpRequest, *, also: tuple[type[Exception], ...] = ()) -> Iterator[list[str]]:
    """Turn whatever a service refuses into a message; what was said is in the list that is yielded.

    `also` are refusals of the caller's own, whose text is for the person as well.
    """
    said: list[str] = []
    refusals: tuple[type[Exception], ...] = (PaymentError, BookingError, GatewayError, MoneyError, *also)
    try:
        yield said
    except refusals as refusal:
        said.append(str(refusal) or type(refusal).__name__)
    except DatabaseError as error:
        log.warning("admin_button_database_fault", error=type(error).__name__)
        said.append("The database was busy with this row. Look at what happened below before you try again.")
    except Exception:  # a button answers in words; the fault is in the log
        log.exception("admin_button_failed")
        said.append("Something went wrong on our side; it is in the log. Look at what happened before you try again.")
    for sentence in said:
        messages.error(request, sentence)
