"""What is confirmed travels in a signed token with a nonce of its own, and the nonce's row is written once."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Model

from backoffice.errors import StaleWish
from backoffice.models import ActionPress

_TOKEN_LIVES_SECONDS = 15 * 60
_SALT = "backoffice.wish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Be what a person is about to confirm: which action on what, with what was entered.

    `seen` is the state of the subject that the person decided on, `words` what the person was asked.
    """

    action: str
    subject: str
    person: str
    entered: dict[str, Any]
    seen: str
    words: str
    nonce: str


def make_wish(*, action: str, subject: Model, person: str, entered: dict[str, Any], seen: str, words: str) -> Wish:
    """Return a wish that can be confirmed once."""
    return Wish(
        action=action,
        subject=_key(subject),
        person=person,
        entered=entered,
        seen=seen,
        words=words,
        nonce=str(uuid4()),
    )


def sign(wish: Wish) -> str:
    """Return the token that carries a wish to its confirmation."""
    return signing.dumps(asdict(wish), salt=_SALT, compress=True)


def read_wish(token: str, *, action: str, subject: Model, person: str) -> Wish:
    """Return the wish that a person confirms.

    :raises StaleWish: it is older than a quarter of an hour, or was made by or for another.
    """
    try:
        wish = Wish(**signing.loads(token, salt=_SALT, max_age=_TOKEN_LIVES_SECONDS))
    except signing.BadSignature:
        raise StaleWish("The confirmation has expired; nothing was done. Start again.") from None
    if (wish.action, wish.subject, wish.person) != (action, _key(subject), person):
        raise StaleWish("The confirmation belongs to another person or another page; nothing was done.")
    return wish


def press_once(wish: Wish, *, subject: Model, now: datetime) -> None:
    """Use a wish's nonce up, committed before anything is done with the wish.

    :raises StaleWish: it was used before.
    """
    try:
        with transaction.atomic():
            ActionPress.objects.create(
                nonce=UUID(wish.nonce),
                action=wish.action,
                subject_kind=subject._meta.label_lower,
                subject_id=str(subject.pk),
                pressed_by=wish.person,
                pressed_at=now,
            )
    except IntegrityError:
        raise StaleWish("This was pressed before: it was not done a second time. Look at what happened.") from None


def prune_presses(*, now: datetime) -> int:
    """Delete the presses whose confirmations nobody can use any more, and return how many: the audit log keeps who
    pressed what.
    """
    used_up = ActionPress.objects.filter(pressed_at__lt=now - timedelta(seconds=2 * _TOKEN_LIVES_SECONDS))
    return used_up.delete()[0]


def _key(subject: Model) -> str:
    return f"{subject._meta.label_lower}:{subject.pk}"
