"""What takes two people, done by two."""

from datetime import datetime

from reconciliation.models import Discrepancy, Proposal
from reconciliation.services import resolving, undoing


def undo(discrepancy: Discrepancy, *, now: datetime, reason: str = "it was another") -> Proposal:
    """Undo what two people decided: linus proposes it, and grace approves."""
    proposal = undoing.propose_undo(discrepancy_id=discrepancy.pk, reason=reason, by="linus", now=now)
    return resolving.approve(proposal_id=proposal.pk, by="grace", now=now)
