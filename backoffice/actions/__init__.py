"""Everything that staff can do to a row, by name; each has one address and one way."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model

from backoffice.actions.action import Action, Standing
from backoffice.actions.approving import Approve, Decline
from backoffice.actions.collecting import ChargeCard, Confirm, SendLink, TakeExternal
from backoffice.actions.drift import ReadDrift
from backoffice.actions.fetching import FetchReport
from backoffice.actions.holding import AskGateway, Capture, RuleOut, Void
from backoffice.actions.limiting import AgreeLimit, AgreeWriteOffLimit, EndLimit, EndWriteOffLimit
from backoffice.actions.periods import ReopenMonth
from backoffice.actions.proposing import (
    ApproveProposal,
    ProposeMatch,
    ProposeWriteOff,
    RejectProposal,
    WithdrawProposal,
)
from backoffice.actions.reconciling import Assign, Comment, Explain, Undo
from backoffice.actions.refunding import RefundOrder, RefundPayment, ReturnOverpayment
from backoffice.actions.telling import MailCode, MailLink, Replay, Resend, SendMail, WithdrawLink
from bookings.models import Booking
from payments.models import Payment

ACTIONS: dict[str, Action[Any]] = {
    action.name: action
    for action in (
        Confirm(),
        RefundPayment(),
        RefundOrder(),
        ReturnOverpayment(),
        Capture(),
        Void(),
        AskGateway(),
        RuleOut(),
        SendLink(),
        ChargeCard(),
        TakeExternal(),
        MailLink(),
        WithdrawLink(),
        MailCode(),
        SendMail(),
        Replay(),
        Resend(),
        Approve(),
        Decline(),
        AgreeLimit(),
        EndLimit(),
        AgreeWriteOffLimit(),
        EndWriteOffLimit(),
        Assign(),
        Comment(),
        Explain(),
        ProposeMatch(),
        ProposeWriteOff(),
        ApproveProposal(),
        RejectProposal(),
        WithdrawProposal(),
        Undo(),
        FetchReport(),
        ReopenMonth(),
        ReadDrift(),
    )
}


def actions_for(row: Model, person: User | AnonymousUser) -> list[tuple[Action[Any], Model]]:
    """Return what a person can do to a row, or to the order it belongs to, each with what it is done to."""
    subjects: list[Model] = [row, row.order] if isinstance(row, Payment | Booking) else [row]
    return [
        (action, subject)
        for subject, standing in ((each, Standing(each)) for each in subjects)
        for action in ACTIONS.values()
        if isinstance(subject, action.rows().model)
        and person.has_perm(action.permission)
        and action.makes_sense(subject, standing)
    ]
