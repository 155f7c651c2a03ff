"""What paying through a route costs the guest on top of the price: read with the routes, worked out in whole units."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject

from bookings.models import Order
from gateways.exponents import UnknownPair
from gateways.models import GatewayAccount
from gateways.protocol import Source
from gateways.registry import gateway_class
from money import Money
from payments.models import AccountRoute, SurchargeRule

_FIELDS = ("source", "currency", "percent_basis_points", "fixed_minor")
_BASIS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Be an active surcharge rule of a route; an empty source or currency is every one."""

    source: str = ""
    currency: str = ""
    percent_basis_points: int = 0
    fixed_minor: int = 0

    def applies(self, source: Source, currency: str) -> bool:
        """Say whether the rule speaks of a payment."""
        return self.source in ("", source) and self.currency in ("", currency)


def with_surcharge_rules(routes: QuerySet[AccountRoute]) -> QuerySet[AccountRoute]:
    """Read each route's active rules with it, in the same query."""
    active = SurchargeRule.objects.filter(route=OuterRef("pk"), is_active=True)
    found: QuerySet[AccountRoute] = routes.annotate(
        active_rules=ArraySubquery(active.values(json=JSONObject(**{name: name for name in _FIELDS})))
    )
    return found


def rules_read_with(route: AccountRoute) -> list[Rule]:
    """Return the rules of a route that was read `with_surcharge_rules`."""
    rows: list[dict[str, Any]] = route.active_rules  # type: ignore[attr-defined]
    return [Rule(**row) for row in rows]


def rules_for(order: Order, account: GatewayAccount) -> list[Rule]:
    """Return the rules of the route by which an account takes an order's money."""
    routes = AccountRoute.objects.filter(partner_id=order.partner_id, is_live=order.is_live, account=account)
    return [rule for route in with_surcharge_rules(routes) for rule in rules_read_with(route)]


def speaking_rule(rules: Iterable[Rule], *, source: Source, currency: str) -> Rule | None:
    """Return the rule that counts, which is the one that says more: first one that names the source, then one that
    names the currency.
    """
    speaking = [rule for rule in rules if rule.applies(source, currency)]
    return max(speaking, key=lambda one: (bool(one.source), bool(one.currency)), default=None)


def surcharge_on(base: Money, rules: Iterable[Rule], *, source: Source, gateway: str) -> int:
    """Return what paying `base` adds, in minor units, half up; nothing is added to nothing."""
    rule = speaking_rule(rules, source=source, currency=base.currency)
    if rule is None or base.minor <= 0:
        return 0
    return surcharge_by(rule, base.minor, unit=unit_of(base.currency, gateway))


def surcharge_by(rule: Rule, base_minor: int, *, unit: int) -> int:
    """Return what one rule adds to a base above zero, half up to whole units."""
    return _half_up(base_minor * rule.percent_basis_points + rule.fixed_minor * _BASIS, _BASIS * unit) * unit


def unit_of(currency: str, gateway: str) -> int:
    """Return in minor units the least amount that both ISO 4217 and the processor can tell.

    Some processors have no decimals for currencies that ISO 4217 gives two, or two for those it gives three: half a
    rupiah could not be sent.
    """
    try:
        return gateway_class(gateway).exponents.least_step(currency)
    except UnknownPair:
        return 1


def decimals_told(currency: str, gateway: str) -> int | None:
    """Return how many decimals a processor gives a currency; None where that is not known."""
    try:
        return gateway_class(gateway).exponents.exponent(currency)
    except UnknownPair:
        return None


def _half_up(dividend: int, divisor: int) -> int:
    return (2 * dividend + divisor) // (2 * divisor)
