"""Set up the demo's operator: brands, tours, partners with keys, gateway accounts at the sandbox, its staff.

Everything can run again: what is there is brought in line or left, and keys derive from the checkout's secret, so that
a rerun prints the same ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.models import F

from api.finance.keys import mint_finance_key
from api.models import FinanceKey, FinanceScope
from backoffice.granting import grant
from backoffice.models import AgreedLimit, RefundLimit, WriteOffLimit
from backoffice.roles import ROLES, Role
from bookings import services as booking_services
from bookings.key_hash import hash_of_key
from bookings.models import Availability, Booking, BookingStatus, Dialect, Option, Partner, PartnerKey
from bookings.requests import ContactDetails, ReserveRequest, UnitItemRequest
from bookings.rules import availability_reference, zone_of
from bookings.services.catalogue import (
    ensure_availabilities,
    ensure_option,
    ensure_partner,
    ensure_product,
    ensure_supplier,
)
from config.demo.accounts import ACCOUNTS, FIRST_ACCOUNT, SANDBOX_ACCOUNTS, TAKEN_ELSEWHERE, TEST_ACCOUNT
from config.demo.catalogue import CANAL_CRUISE, PRODUCTS, SETTLEMENT_METHODS, SUPPLIERS
from config.demo.settlement import BANK, BANK_SOURCE, TILL_MAP
from config.local_secrets import LocalSecrets, standin_of
from gateways.models import GatewayAccount
from money import Money
from payments.models import AccountRoute, Payment, SurchargeRule
from reconciliation.models import SettlementSource, SourceKind
from reconciliation.services.importing import source_for

# One more than sixty: where the tours are, today may already be over.
DAYS_ON_SALE = 61
SMALL_BOAT = 12
SEATS_LEFT_WHEN_NEARLY_FULL = 2
STAFF_USER = "demo-staff"
# In whole units of every currency an account takes; empty is without a limit.
REFUND_LIMITS = {Role.SUPPORT: "100", Role.FINANCE: "500", Role.MANAGER: "5000", Role.ADMINISTRATOR: ""}
WRITE_OFF_LIMITS = {Role.FINANCE: "50", Role.MANAGER: "500", Role.ADMINISTRATOR: ""}
# Where the demo's partners send guests back to.
SHOP = "https://shop.example.com"
# The printed booking is replaced when its hold would end within this time.
LEAST_HOLD = timedelta(hours=6)
LONGEST_HOLD_MINUTES = 24 * 60

# (account, for live orders, rank)
_CARD_ROUTES = (
    *((account, True, 10 + 10 * place) for place, account in enumerate(SANDBOX_ACCOUNTS) if account != TEST_ACCOUNT),
    (TEST_ACCOUNT, False, 10),
)
_EXTERNAL_ROUTES = tuple((account, is_live, 900) for account in TAKEN_ELSEWHERE for is_live in (True, False))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerAccess:
    """Hold the keys of one partner, one per dialect and mode."""

    octo_key: str
    octo_test_key: str
    resource_key: str
    context_key: str
    invoices_user: str
    invoices_password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Hold what somebody needs to try the product out."""

    access: PartnerAccess
    finance_key: str
    staff_user: str
    staff_password: str
    staff_by_role: dict[str, str]
    booking_id: int
    customer_id: int
    other: PartnerAccess

    def as_json(self) -> dict[str, object]:
        """Return the figures under their public names; ids are the numbers that the resource and context APIs show."""
        return {
            **asdict(self.access),
            "finance_key": self.finance_key,
            "staff_user": self.staff_user,
            "staff_password": self.staff_password,
            "staff_by_role": self.staff_by_role,
            "booking_id": self.booking_id,
            "customer_id": self.customer_id,
            "other": asdict(self.other),
        }


@transaction.atomic
def seed_demo(*, secrets: LocalSecrets, now: datetime) -> Demo:
    """Make the demo's data, or bring it in line, and return how to get in."""
    with connection.cursor() as cursor:
        # Two at once, such as `make run` and a person, would sell two boats out.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('seed_demo'))")
    options = _seed_catalogue(now)
    accounts = _seed_accounts()
    first = ensure_partner(slug="nordwind-reisen", name="Nordwind Reisen", settlement_methods=SETTLEMENT_METHODS)
    other = ensure_partner(slug="blue-harbor", name="Blue Harbor Travel", settlement_methods=["DIRECT", "WHOLESALE"])
    for partner, routes in ((first, (*_CARD_ROUTES, *_EXTERNAL_ROUTES)), (other, _CARD_ROUTES)):
        for slug, is_live, rank in routes:
            AccountRoute.objects.get_or_create(
                partner=partner, account=accounts[slug], is_live=is_live, defaults={"rank": rank}
            )
        # What staff registered stays.
        Partner.objects.filter(pk=partner.pk, return_origins=[]).update(return_origins=[SHOP])
    _seed_surcharge(AccountRoute.objects.get(partner=first, account=accounts[FIRST_ACCOUNT], is_live=True))
    small_option = options[CANAL_CRUISE]
    _fill_a_small_boat(small_option, seats=SMALL_BOAT, now=now)
    _fill_a_small_boat(small_option, seats=SMALL_BOAT - SEATS_LEFT_WHEN_NEARLY_FULL, now=now)
    booking = _unpaid_booking(first, small_option, now)
    grant(apps, ROLES)
    _seed_settlement_sources(accounts, now)
    _seed_limits(RefundLimit, REFUND_LIMITS, accounts.values(), now)
    _seed_limits(WriteOffLimit, WRITE_OFF_LIMITS, accounts.values(), now)
    assert booking.order.customer is not None
    return Demo(
        access=_keys_of(first, secrets, now),
        finance_key=_ensure_finance_key(secrets, now),
        staff_user=STAFF_USER,
        staff_password=_seed_staff(secrets),
        staff_by_role={role: _seed_role(role, secrets) for role in Role},
        booking_id=_number_of(booking),
        customer_id=booking.order.customer.number,
        other=_keys_of(other, secrets, now),
    )


def _seed_catalogue(now: datetime) -> dict[str, Option]:
    """Return the first option of each product, by the product's reference."""
    suppliers = {name: ensure_supplier(name=name, **fields) for name, fields in SUPPLIERS.items()}
    first_options: dict[str, Option] = {}
    for plan in PRODUCTS:
        product = ensure_product(supplier=suppliers[plan.supplier], reference=plan.reference, **plan.fields)
        for option_plan in plan.options:
            option = ensure_option(
                product=product,
                reference=option_plan.reference,
                name=option_plan.name,
                units=option_plan.units,
                **option_plan.fields,
            )
            option.product = product
            first_options.setdefault(plan.reference, option)
            ensure_availabilities(
                option=option,
                from_date=now.astimezone(zone_of(product)).date(),
                days=DAYS_ON_SALE,
                capacity=option_plan.capacity,
                opening_hours=option_plan.opening_hours,
                now=now,
            )
    return first_options


def _seed_accounts() -> dict[str, GatewayAccount]:
    """Return the accounts by slug; what staff changed on one stays as they left it."""
    return {
        slug: GatewayAccount.objects.get_or_create(slug=slug, defaults={"environment": "test", **fields})[0]
        for slug, fields in ACCOUNTS.items()
    }


def _seed_surcharge(route: AccountRoute) -> None:
    """Let a payment by telephone cost 1.5 percent and 0.30 EUR on top; what staff changed stays as they left it."""
    SurchargeRule.objects.get_or_create(
        route=route, source="MOTO", currency="EUR", defaults={"percent_basis_points": 150, "fixed_minor": 30}
    )


def _fill_a_small_boat(option: Option, *, seats: int, now: datetime) -> None:
    """See that a departure to come is a small boat of which this many seats are sold, by a booking like any other."""
    coming = Availability.objects.filter(option=option, starts_at__gt=now + timedelta(days=2))
    if coming.filter(capacity=SMALL_BOAT, reserved=seats).exists():
        return
    soon = coming.filter(reserved=0, is_closed=False, starts_at__gt=now + timedelta(days=4)).exclude(
        capacity=SMALL_BOAT
    )
    departure = soon.order_by("starts_at").first()
    if departure is None:
        return
    Availability.objects.filter(pk=departure.pk, reserved=0).update(capacity=SMALL_BOAT)
    box_office = ensure_partner(slug="box-office", name="Box office", settlement_methods=["DEFERRED"])
    adult = option.units.get(reference="adult")
    booking = booking_services.reserve_booking(
        partner=box_office,
        is_live=True,
        request=ReserveRequest(
            product_id=str(option.product_id),
            option_id=str(option.pk),
            availability_id=availability_reference(departure.starts_at, zone_of(option.product)),
            unit_items=tuple(UnitItemRequest(unit_id=str(adult.pk)) for _ in range(seats)),
            contact=ContactDetails(full_name="Rowing Club Kreuzberg", email="outings@rowing.example.com"),
            notes="Group by invoice",
        ),
        now=now,
    )
    booking_services.confirm_order(order=booking.order, now=now)


def _unpaid_booking(partner: Partner, option: Option, now: datetime) -> Booking:
    """Return the booking to try the resource and context APIs on: the last one while untouched, else a new one."""
    last = (
        Booking.objects.filter(
            partner=partner,
            is_live=True,
            reseller_reference="seed-demo",
            status=BookingStatus.ON_HOLD,
            expires_at__gt=now + LEAST_HOLD,
        )
        .exclude(order__in=Payment.objects.values("order_id"))
        .select_related("order__customer")
        .order_by("-created_at")
        .first()
    )
    if last is not None:
        return last
    units = {unit.reference: str(unit.pk) for unit in option.units.all()}
    departure = (
        Availability.objects.filter(option=option, starts_at__gt=now + timedelta(days=20), capacity__gte=200)
        .filter(reserved__lt=F("capacity") - 50)
        .earliest("starts_at")
    )
    return booking_services.reserve_booking(
        partner=partner,
        is_live=True,
        request=ReserveRequest(
            product_id=str(option.product_id),
            option_id=str(option.pk),
            availability_id=availability_reference(departure.starts_at, zone_of(option.product)),
            unit_items=tuple(UnitItemRequest(unit_id=units[kind]) for kind in ("adult", "adult", "adult", "youth")),
            expiration_minutes=LONGEST_HOLD_MINUTES,
            reseller_reference="seed-demo",
            contact=ContactDetails(
                full_name="Greta Lindqvist",
                first_name="Greta",
                last_name="Lindqvist",
                email="greta.lindqvist@example.com",
                phone="+46 8 5550 142",
                country="SE",
            ),
        ),
        now=now,
    )


def _number_of(booking: Booking) -> int:
    """Return a booking's number, which the database gives it as it is inserted."""
    return Booking.objects.values_list("number", flat=True).get(pk=booking.pk)


def _keys_of(partner: Partner, secrets: LocalSecrets, now: datetime) -> PartnerAccess:
    def key(dialect: Dialect, *, is_live: bool = True) -> str:
        return _ensure_key(partner, dialect, is_live=is_live, secrets=secrets, now=now)

    return PartnerAccess(
        octo_key=key(Dialect.OCTO),
        octo_test_key=key(Dialect.OCTO, is_live=False),
        resource_key=key(Dialect.RESOURCE),
        context_key=key(Dialect.CONTEXT),
        invoices_user=partner.slug,
        invoices_password=key(Dialect.INVOICES),
    )


def _ensure_key(partner: Partner, dialect: Dialect, *, is_live: bool, secrets: LocalSecrets, now: datetime) -> str:
    """Return the derived key, minted at first need; after a revocation the next of its line, for a revoked one stays
    revoked.
    """
    mode = "live" if is_live else "test"
    generation = 0
    while True:
        generation += 1
        text = f"pk_{mode}_{secrets.text(f'{partner.slug} {dialect} {mode} key {generation}')[:40]}"
        found = PartnerKey.objects.filter(key_hash=hash_of_key(text)).first()
        if found is None:
            booking_services.mint_partner_key(
                partner=partner, dialects=[dialect], is_live=is_live, label=f"demo {dialect} {mode}", now=now, key=text
            )
            return text
        if found.revoked_at is None:
            return text


def _ensure_finance_key(secrets: LocalSecrets, now: datetime) -> str:
    """Return the key of finance's system; no money of the demo is real, so that it is one for tests."""
    generation = 0
    while True:
        generation += 1
        text = f"fk_test_{secrets.text(f'finance key {generation}')[:40]}"
        found = FinanceKey.objects.filter(key_hash=hash_of_key(text)).first()
        if found is None:
            mint_finance_key(label="demo", scopes=FinanceScope.values, is_live=False, now=now, key=text)
            return text
        if found.revoked_at is None:
            return text


def _seed_staff(secrets: LocalSecrets) -> str:
    """Return the password of the demo's member of staff, who may do everything."""
    user, _ = get_user_model().objects.get_or_create(
        username=STAFF_USER,
        defaults={"first_name": "Demo", "last_name": "Staff", "email": "staff@fernweg.example.com"},
    )
    password = secrets.text("demo staff password")[:20]
    _let_in(user, password, is_superuser=True)
    return password


def _seed_role(role: Role, secrets: LocalSecrets) -> str:
    """Return user name and password of the demo's person of a role."""
    username = _name_of(role)
    user, _ = get_user_model().objects.get_or_create(
        username=username,
        defaults={"first_name": "Demo", "last_name": role, "email": f"{role.lower()}@fernweg.example.com"},
    )
    user.groups.add(Group.objects.get(name=role))
    password = secrets.text(f"demo {role} password")[:20]
    _let_in(user, password, is_superuser=False)
    return f"{username} / {password}"


def _name_of(role: Role) -> str:
    return f"demo-{role.lower()}"


def _seed_limits(
    kind: type[AgreedLimit], limits: Mapping[Role, str], accounts: Iterable[GatewayAccount], now: datetime
) -> None:
    """Let each role do alone what the demo shows; what staff changed stays as they left it."""
    currencies = {currency for account in accounts for currency in account.currencies}
    for role, whole_units in limits.items():
        for currency in currencies:
            limit = Money.parse(whole_units, currency).minor if whole_units else None
            group = Group.objects.get(name=role)
            if not kind._default_manager.filter(group=group, currency=currency).exists():
                kind._default_manager.create(
                    group=group,
                    currency=currency,
                    amount_minor=limit,
                    set_by=_name_of(Role.ADMINISTRATOR),
                    set_at=now,
                    agreed_by=_name_of(Role.MANAGER),
                    agreed_at=now,
                )


def _seed_settlement_sources(accounts: Mapping[str, GatewayAccount], now: datetime) -> None:
    """Say how files are read whose form no gateway publishes; what staff changed stays as they left it."""
    for slug, account in accounts.items():
        source = source_for(slug, now=now)
        own_map = TILL_MAP if slug in TAKEN_ELSEWHERE else None
        if slug in SANDBOX_ACCOUNTS:
            own_map = getattr(standin_of(settings.GATEWAYS[account.gateway]), "SETTLEMENT_MAP", None)
        SettlementSource.objects.filter(pk=source.pk, column_map__isnull=True).update(column_map=own_map)
    SettlementSource.objects.get_or_create(
        slug=BANK, defaults={"kind": SourceKind.BANK, "reconciled_from": now.date(), **BANK_SOURCE}
    )


def _let_in(user: User, password: str, *, is_superuser: bool) -> None:
    """See that somebody can log in; the password is hashed again only when it changed."""
    if user.is_staff and user.is_superuser == is_superuser and user.is_active and user.check_password(password):
        return
    user.is_staff = user.is_active = True
    user.is_superuser = is_superuser
    user.set_password(password)
    user.save()
