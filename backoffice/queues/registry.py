"""All work queues there are, the most urgent first."""

from backoffice.queues.approvals import REFUNDS_TO_APPROVE
from backoffice.queues.at_risk import AT_RISK
from backoffice.queues.callbacks import FAILING_CALLBACKS
from backoffice.queues.cards import EXPIRING_CARDS
from backoffice.queues.cases import BALANCE_REOPENED, DISPUTES, OVERPAID, PAID_UNCONFIRMED, queue_of_kind
from backoffice.queues.discrepancies import OPEN_DISCREPANCIES
from backoffice.queues.duplicates import PROBABLE_DUPLICATES
from backoffice.queues.holds import LAPSING_HOLDS
from backoffice.queues.queue import Queue
from backoffice.queues.reports import UNFETCHED_REPORTS
from backoffice.queues.webhooks import ORPHANED_WEBHOOKS, UNREADABLE_WEBHOOKS
from payments.models import CaseKind

_NAMED = (
    AT_RISK,
    PAID_UNCONFIRMED,
    REFUNDS_TO_APPROVE,
    DISPUTES,
    PROBABLE_DUPLICATES,
    OVERPAID,
    BALANCE_REOPENED,
    LAPSING_HOLDS,
    EXPIRING_CARDS,
    ORPHANED_WEBHOOKS,
    UNREADABLE_WEBHOOKS,
    FAILING_CALLBACKS,
    OPEN_DISCREPANCIES,
    UNFETCHED_REPORTS,
)
_WITH_A_QUEUE = frozenset().union(*(queue.kinds for queue in _NAMED))
# What the core opens a case for is somebody's work, whoever adds the kind.
QUEUES: tuple[Queue, ...] = (*_NAMED, *(queue_of_kind(kind) for kind in CaseKind if kind not in _WITH_A_QUEUE))
_BY_SLUG = {queue.slug: queue for queue in QUEUES}


def queue_named(slug: str) -> Queue | None:
    """Return the queue of that name, if there is one."""
    return _BY_SLUG.get(slug)
