"""What workers do for reconciliation. Anything here may run twice, late or never; beat drains what waits."""

from django.utils import timezone

from celery_app import app
from reconciliation.services import export_files, exporting, fetching, looking, scheduling, uploading
from reconciliation.services.adding_up import add_up

# A file of millions of lines takes minutes; a task that takes longer than this hangs.
_LONGEST_SECONDS = 3_600


@app.task(
    name="reconciliation.tasks.import_uploads",
    acks_late=True,
    soft_time_limit=_LONGEST_SECONDS,
    time_limit=_LONGEST_SECONDS + 60,
)
def import_uploads() -> int:
    """Import every file that was uploaded and is not matched yet."""
    return uploading.import_uploads(clock=timezone.now)


@app.task(
    name="reconciliation.tasks.fetch_reports",
    acks_late=True,
    soft_time_limit=_LONGEST_SECONDS,
    time_limit=_LONGEST_SECONDS + 60,
)
def fetch_reports() -> int:
    """Fetch every report that a gateway has ready, and import it."""
    came = fetching.fetch_reports(clock=timezone.now)
    if came:
        uploading.import_uploads(clock=timezone.now)
    return came


@app.task(name="reconciliation.tasks.look_for_reports", acks_late=True)
def look_for_reports() -> int:
    """Note the reports that gateways list, and clear away what a killed process left of one."""
    uploading.remove_abandoned(now=timezone.now())
    return fetching.look_for_reports(now=timezone.now())


@app.task(
    name="reconciliation.tasks.look_for_missing",
    acks_late=True,
    soft_time_limit=_LONGEST_SECONDS,
    time_limit=_LONGEST_SECONDS + 60,
)
def look_for_missing() -> int:
    """Match again what waits, open what should have been settled or at the bank by now, and read every drift.

    :raises ExceptionGroup: it failed for some accounts; every other one had its turn.
    """
    return looking.look_everywhere(clock=timezone.now)


@app.task(
    name="reconciliation.tasks.write_exports",
    acks_late=True,
    soft_time_limit=_LONGEST_SECONDS,
    time_limit=_LONGEST_SECONDS + 60,
)
def write_exports() -> int:
    """Write every export that was asked for and is not done.

    :raises ExceptionGroup: some have a fault of ours; every other one had its turn.
    """
    return exporting.write_exports(clock=timezone.now)


@app.task(name="reconciliation.tasks.prune_exports", acks_late=True)
def prune_exports() -> int:
    """Delete the files of exports past their time."""
    return export_files.prune_exports(now=timezone.now())


@app.task(name="reconciliation.tasks.mail_scheduled_exports", acks_late=True)
def mail_scheduled_exports() -> int:
    """Ask for the exports whose time has come, and mail those that are written."""
    scheduling.ask_for_scheduled(now=timezone.now())
    return scheduling.mail_scheduled(clock=timezone.now)


@app.task(
    name="reconciliation.tasks.add_up_the_books",
    acks_late=True,
    soft_time_limit=_LONGEST_SECONDS,
    time_limit=_LONGEST_SECONDS + 60,
)
def add_up_the_books() -> int:
    """Add what came into the ledger to the sums that pages show."""
    return add_up(now=timezone.now())
