"""Write-offs as members of staff approve them: within the limits of their roles."""

from collections import Counter
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum

from backoffice.errors import AboveLimit
from backoffice.models import WriteOffLimit
from backoffice.services.agreeing import largest_counting
from backoffice.services.limits import COUNTED_FOR, lock_allowance
from money import Money
from payments.models import LedgerEntry
from reconciliation.models import Proposal, ProposalKind
from reconciliation.services import resolving
from reconciliation.services.stakes import transfers_to_write_off


def approve_proposal(*, proposal_id: int, person: User, now: datetime) -> Proposal:
    """Approve what somebody else proposed about a discrepancy, which carries it out.

    :raises AboveLimit: it is more than the person may approve; nothing was written.
    :raises NoLimit: the person may approve none in the currency; nothing was written.
    :raises NotResolvable: it is the person's own, decided, or cannot be done any more; nothing was written.
    """
    with transaction.atomic():
        proposal = resolving.approve(proposal_id=proposal_id, by=person.get_username(), now=now)
        # Looked at last, for then nobody can change what is written off any more, nor this person what counts.
        lock_allowance(person)
        refuse_above_limit(proposal, person=person, now=now)
    return proposal


def refuse_above_limit(proposal: Proposal, *, person: User, now: datetime) -> None:
    """Refuse a write-off by which a person has approved more than is allowed within a day, so that splitting a loss
    does not get below the limit; a match by hand writes nothing off.

    :raises AboveLimit: it is more than the person may approve.
    :raises NoLimit: the person may approve none in the currency.
    """
    if proposal.kind != ProposalKind.WRITE_OFF:
        return
    # Money that came in another currency than it was booked in leaves in both.
    wanted: Counter[str] = Counter()
    for _, _, money in transfers_to_write_off(proposal.discrepancy):
        wanted[money.currency] += money.minor
    for currency, minor in wanted.items():
        limit = largest_counting(WriteOffLimit, person=person, currency=currency, refusal="may approve no write-off")
        if limit is None:
            continue
        used = Money(_written_off_minor(person, currency, now, besides=proposal), currency)
        if used.minor + minor > limit.minor:
            told = f", of which {used} is used since yesterday" if used.minor else ""
            raise AboveLimit(
                f"You may approve write-offs of up to {limit} within a day{told}: "
                "this needs somebody with a larger limit."
            )


def _written_off_minor(person: User, currency: str, now: datetime, *, besides: Proposal) -> int:
    """Return what a person approved since a day ago, either way, and nobody has undone."""
    approved = LedgerEntry.objects.filter(
        posting__write_off_proposal__decided_by=person.get_username(),
        posting__write_off_proposal__decided_at__gt=now - COUNTED_FOR,
        posting__write_off_proposal__undone_at__isnull=True,
        currency=currency,
    ).exclude(posting__write_off_proposal=besides)
    total = approved.aggregate(total=Sum("amount_minor", default=0))["total"]
    return int(total)
