"""What workers do: claim a row, make one service call. Anything here may run twice, late or never; beat drains the
rest.
"""

from uuid import UUID

from django.utils import timezone

from celery_app import app
from payments import inbox
from payments.services import balances, holds, janitor, link_paying, operations, retention, revoking


@app.task(name="payments.tasks.handle_delivery", acks_late=True)
def handle_delivery(*, delivery_id: str) -> None:
    """Handle one stored webhook delivery."""
    inbox.handle(delivery_id=UUID(delivery_id), clock=timezone.now)


@app.task(name="payments.tasks.drain_deliveries", acks_late=True)
def drain_deliveries() -> int:
    """Handle every delivery whose time has come: what a lost nudge left behind, and orphans."""
    waiting = inbox.due_deliveries(now=timezone.now())
    for delivery_id in waiting:
        inbox.handle(delivery_id=delivery_id, clock=timezone.now)
    return len(waiting)


@app.task(name="payments.tasks.perform_operation", acks_late=True)
def perform_operation(*, transaction_id: str) -> None:
    """Send one operation to its gateway."""
    operations.perform(transaction_id=UUID(transaction_id), clock=timezone.now)


@app.task(name="payments.tasks.drain_operations", acks_late=True)
def drain_operations() -> int:
    """Send the operations that are written and not sent."""
    return janitor.send_pending(clock=timezone.now)


@app.task(name="payments.tasks.resolve_unknown", acks_late=True)
def resolve_unknown() -> int:
    """Ask again about what nobody knows."""
    return janitor.resolve_unknown(clock=timezone.now)


@app.task(name="payments.tasks.delete_revoked_card", acks_late=True)
def delete_revoked_card(*, revocation_id: str) -> None:
    """Delete one revoked card at its gateway."""
    revoking.send_revocation(revocation_id=UUID(revocation_id), clock=timezone.now)


@app.task(name="payments.tasks.delete_revoked_cards", acks_late=True)
def delete_revoked_cards() -> int:
    """Delete every revoked card that its gateway still has."""
    return revoking.send_revocations(clock=timezone.now)


@app.task(name="payments.tasks.expire_holds", acks_late=True)
def expire_holds() -> int:
    """Let holds run out."""
    return holds.expire_holds(now=timezone.now())


@app.task(name="payments.tasks.confirm_paid_orders", acks_late=True)
def confirm_paid_orders() -> int:
    """Confirm what was paid in full and never confirmed."""
    return holds.confirm_paid_orders(now=timezone.now())


@app.task(name="payments.tasks.finish_links", acks_late=True)
def finish_links() -> int:
    """Confirm what was paid by links, and close those that are paid or over."""
    return link_paying.finish_links(clock=timezone.now)


@app.task(name="payments.tasks.charge_due_balances", acks_late=True)
def charge_due_balances() -> int:
    """Collect the balances that are due, where that is switched on."""
    return balances.charge_due_balances(clock=timezone.now)


@app.task(name="payments.tasks.prune", acks_late=True)
def prune() -> int:
    """Delete what the retention settings no longer want kept."""
    return retention.prune(now=timezone.now())
