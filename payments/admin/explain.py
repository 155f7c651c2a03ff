"""The page "Explain this balance": every figure of a payment's order with its steps, and a text for the guest."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from money import Money
from payments.admin.columns import page_of, when_text
from payments.models import Payment
from payments.reckoning import Figure, reckon, rows_of
from payments.reckoning.comparing import differences
from payments.reckoning.guest_text import guest_text, language_of
from payments.selectors import order_money

# More steps of one figure than this are told as one.
_MOST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """Be a step as it is read."""

    when: str
    sentence: str
    amount: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFigure:
    """Be a figure as it is read."""

    key: str
    title: str
    told_as: str
    total: str
    steps: list[ShownStep]
    notes: tuple[str, ...]


def explain_context(request: HttpRequest, payment: Payment) -> dict[str, Any]:
    """Return what the page shows; the address may say in which `language` the guest's text is."""
    rows = rows_of(payment)
    reckoning = reckon(rows)
    money = order_money(payment.order, bookings=rows.bookings, operations=rows.operations)
    languages = dict(settings.LANGUAGES)
    asked = request.GET.get("language", "")
    language = asked if asked in languages else language_of(rows)
    told = [figure for figure in reckoning.figures.values() if figure.steps or figure.notes]
    return {
        "figures": [_shown(figure) for figure in told],
        "nothing": [
            figure.title.lower() for figure in reckoning.figures.values() if not figure.steps and not figure.notes
        ],
        "decimals": reckoning.decimals,
        "differences": differences(reckoning, money, payment.pk),
        "guest_text": guest_text(rows, reckoning, language=language),
        "language": language,
        "languages": languages.items(),
    }


def _shown(figure: Figure) -> ShownFigure:
    def amount(minor: int) -> str:
        return f"{'−' if minor < 0 else ''}{Money(abs(minor), figure.currency)}"

    recent = figure.steps[-_MOST:]
    steps = [
        ShownStep(
            when=when_text(step.at) if step.at else "",
            sentence=step.sentence,
            amount=amount(step.minor),
            url=page_of(step.about) if step.about is not None else "",
        )
        for step in recent
    ]
    if older := figure.steps[: -len(recent)] if recent else ():
        minor = sum(step.minor for step in older)
        steps.insert(0, ShownStep(when="", sentence=f"{len(older)} older steps", amount=amount(minor), url=""))
    return ShownFigure(
        key=figure.key,
        title=figure.title,
        told_as=figure.told_as,
        total=amount(figure.minor),
        steps=steps,
        notes=figure.notes,
    )
