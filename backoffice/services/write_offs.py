"""Write-offs as members of staff approve them: within the limits of their roles."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from backoffice.errors import AboveLimit
from backoffice.models import WriteOffLimit
from backoffice.services.agreeing import largest_counting
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
        # Looked at last, for then nobody can change what is written off any more.
        refuse_above_limit(proposal, person=person)
    return proposal


def refuse_above_limit(proposal: Proposal, *, person: User) -> None:
    """Refuse a write-off above a person's limit; a match by hand writes nothing off.

    :raises AboveLimit: it is more than the person may approve.
    :raises NoLimit: the person may approve none in the currency.
    """
    if proposal.kind != ProposalKind.WRITE_OFF:
        return
    # Money that came in another currency than it was booked in leaves in both.
    for _, _, money in transfers_to_write_off(proposal.discrepancy):
        limit = largest_counting(
            WriteOffLimit, person=person, currency=money.currency, refusal="may approve no write-off"
        )
        if limit is not None and money.minor > limit.minor:
            raise AboveLimit(f"You may approve write-offs of up to {limit}: this needs somebody with a larger limit.")
