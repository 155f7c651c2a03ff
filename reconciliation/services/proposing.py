"""Keep what one person wants done about a discrepancy until a second one decides (see `resolving`)."""

from collections.abc import Sequence
from datetime import datetime

from reconciliation.models import Discrepancy, DiscrepancyState, Proposal, ProposalKind
from reconciliation.services.events import note, refuse_silence


def write_proposal(
    discrepancy: Discrepancy,
    *,
    kind: ProposalKind,
    amount_minor: int,
    currency: str,
    reason: str,
    by: str,
    now: datetime,
    line_ids: Sequence[int] = (),
    entry_ids: Sequence[int] = (),
    batch_ids: Sequence[int] = (),
    transfers: Sequence[str] = (),
    undoes: Proposal | None = None,
) -> Proposal:
    """Write a proposal down, and note it: what is worked on waits for its decision, what is to be undone stays closed.

    `amount_minor` is in minor units of `currency`; `transfers` are as `stakes.in_words` writes them.

    :raises NotResolvable: no reason was given.
    """
    refuse_silence(reason)
    proposal = Proposal.objects.create(
        discrepancy=discrepancy,
        kind=kind,
        undoes=undoes,
        reason=reason,
        line_ids=list(line_ids),
        entry_ids=list(entry_ids),
        batch_ids=list(batch_ids),
        transfers=list(transfers),
        amount_minor=amount_minor,
        currency=currency,
        proposed_by=by,
        proposed_at=now,
    )
    before = discrepancy.state
    if undoes is None:
        discrepancy.state, discrepancy.proposed_by = DiscrepancyState.PROPOSED, by
        discrepancy.save(update_fields=["state", "proposed_by"])
    detail = f"{proposal.get_kind_display()}: {reason}"
    note(discrepancy, action="proposed", by=by, detail=detail, now=now, before=before)
    return proposal
