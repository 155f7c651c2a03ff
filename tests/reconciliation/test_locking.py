"""Who has a source or an export to oneself has no limits meanwhile; who is turned away keeps them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from reconciliation.errors import ExportIsBusy, SourceIsBusy
from reconciliation.models import ExportRun
from reconciliation.services.importing import source_for
from reconciliation.services.locking import alone_with, alone_with_export
from tests.reconciliation.till import NOON, till_of

pytestmark = pytest.mark.django_db(transaction=True)
NONE = ("0", "0")


def limits() -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        return tuple(cursor.fetchone())


def turned_away(take, thing, refusal) -> tuple[bool, tuple[str, ...]]:
    """Return whether somebody else is refused what one has, and the limits of that connection afterwards."""
    try:
        with take(thing, waits=False):
            return False, limits()
    except refusal:
        return True, limits()
    finally:
        connection.close()


@pytest.mark.parametrize("waits", [True, False])
def test_limits_are_lifted_for_who_works_alone_and_kept_by_who_may_not(payment, waits):
    source = source_for(till_of(payment).account.slug, now=NOON)
    now = timezone.now()
    run = ExportRun.objects.create(
        report="payments", is_live=True, format="csv", zone="UTC", as_of=now, asked_by="ada", asked_at=now
    )
    before = limits()

    for take, thing, refusal in ((alone_with, source, SourceIsBusy), (alone_with_export, run, ExportIsBusy)):
        with take(thing, waits=waits):
            assert limits() == NONE
        assert limits() == before
        with ThreadPoolExecutor(1) as another, take(thing, waits=waits):
            told = another.submit(turned_away, take, thing, refusal).result()
        assert told == (True, before)
    assert before != NONE
