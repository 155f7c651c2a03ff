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


class Said(list[str]):
    """Hold what a person is told instead of what became of it; `is_unsure` where it may have been done all the same."""

    is_unsure = False


@contextmanager
def faults_as_messages(request: HttpRequest, *, also: tuple[type[Exception], ...] = ()) -> Iterator[Said]:
    """Turn whatever a service refuses into a message; what was said is in the list that is yielded.

    A refusal is before anything is written. Of a fault nobody knows: it may be after the rows were committed, which are
    sent by whoever drains them. `also` are refusals of the caller's own, whose text is for the person as well.
    """
    said = Said()
    refusals: tuple[type[Exception], ...] = (PaymentError, BookingError, GatewayError, MoneyError, *also)
    try:
        yield said
    except refusals as refusal:
        said.append(str(refusal) or type(refusal).__name__)
    except DatabaseError as error:
        log.warning("admin_button_database_fault", error=type(error).__name__)
        said.is_unsure = True
        said.append("The database was busy with this row. Look at what happened below before you try again.")
    except Exception:  # a button answers in words; the fault is in the log
        log.exception("admin_button_failed")
        said.is_unsure = True
        said.append("Something went wrong on our side; it is in the log. Look at what happened before you try again.")
    for sentence in said:
        messages.error(request, sentence)
