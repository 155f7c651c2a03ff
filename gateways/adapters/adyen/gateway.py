"""Adyen by the official library, Checkout v72. Source of all facts: docs.adyen.com and Adyen's OpenAPI documents."""

import binascii
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from gateways.adapters.adyen import cards, checkout, webhooks, wire
from gateways.adapters.adyen.calls import Checkout, NotFound, Refused, call
from gateways.adapters.adyen.partner_talk import PARTNER_TALK
from gateways.adapters.adyen.refusals import CARD_ERRORS, DECLINE_CLASSES, DETAILS_ERRORS, TOKEN_IS_GONE
from gateways.adapters.adyen.reports import Reports
from gateways.adapters.adyen.settlement import SETTLEMENT_DETAILS
from gateways.errors import DeclineClass, MisconfiguredAccount, Rejected, Unsupported
from gateways.exponents import Exponents
from gateways.http import LONGEST_CALL_SECONDS, HttpClient, call_seconds
from gateways.partner_talk import CheckoutPage, PartnerTalk
from gateways.protocol import (
    Capability,
    CaptureRequest,
    ChargeRequest,
    ColumnMap,
    CompleteRequest,
    Delivery,
    Greeting,
    Opened,
    OpenRequest,
    Outcome,
    Reference,
    RefundRequest,
    ReportRequest,
    RevokeCardRequest,
    Verified,
    VoidRequest,
)
from money import Money

_ENVIRONMENTS = frozenset({"test", "live", "live-us", "live-au", "live-apse", "live-in", "live-nea"})
_REQUIRED = ("api_key", "merchant_account", "client_key", "hmac_keys", "webhook_user", "webhook_password")


class AdyenGateway:
    """Be one Adyen merchant account.

    Every modification is answered with "received" and decided by a webhook. Adyen has no call that says what became of
    a payment: an unknown outcome is resolved by repeating the identical call with the same key, or by `complete`.
    """

    slug: ClassVar[str] = wire.SLUG
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.OPEN,
            Capability.CHARGE_STORED_CARD,
            Capability.CHARGE_ENCRYPTED_CARD,
            Capability.CHARGE_RAW_CARD,
            Capability.COMPLETE,
            Capability.AUTHORIZE,
            Capability.CAPTURE,
            Capability.PARTIAL_CAPTURE,
            Capability.VOID,
            Capability.REFUND,
            Capability.PARTIAL_REFUND,
            Capability.WEBHOOKS,
            Capability.STORE_CARD,
        }
    )
    partner_talk: ClassVar[PartnerTalk] = PARTNER_TALK
    exponents: ClassVar[Exponents] = wire.EXPONENTS
    has_wire: ClassVar[bool] = True
    webhooks_are_hints: ClassVar[bool] = False
    # Adyen keeps a key "for a minimum of 7 days".
    idempotency_window_seconds: ClassVar[int | None] = 7 * 24 * 60 * 60
    longest_opening_seconds: ClassVar[int | None] = 24 * 60 * 60
    # docs.adyen.com/online-payments/refund: depending on the payment method.
    slowest_refund_days: ClassVar[int | None] = 40
    secret_fields: ClassVar[frozenset[str]] = wire.SECRET_FIELDS
    decline_classes: ClassVar[Mapping[str, DeclineClass]] = DECLINE_CLASSES
    settlement_columns: ClassVar[ColumnMap | None] = SETTLEMENT_DETAILS

    def __init__(self, credentials: Mapping[str, str]) -> None:
        if missing := self.missing_credentials(credentials):
            raise MisconfiguredAccount(f"adyen: missing or unreadable: {', '.join(missing)}")
        self._merchant_account = credentials["merchant_account"]
        self._client_key = credentials["client_key"]
        self._environment = credentials.get("environment") or "test"
        self._browser_base_url = credentials.get("browser_base_url", "")
        seconds = call_seconds(credentials) or LONGEST_CALL_SECONDS
        client = HttpClient(
            gateway=self.slug, secret_fields=self.secret_fields, read_seconds=seconds, total_seconds=seconds
        )
        self._checkout = Checkout(
            api_key=credentials["api_key"],
            environment=self._environment,
            live_prefix=credentials.get("live_prefix", ""),
            base_url=credentials.get("checkout_base_url", ""),
            http_client=client,
        )
        self._reports = Reports(
            merchant_account=self._merchant_account,
            is_live=self._environment != "test",
            base_url=credentials.get("report_base_url", ""),
            user=credentials.get("report_user", ""),
            password=credentials.get("report_password", ""),
            http=client,
        )
        self._door = webhooks.Door(
            merchant_account=self._merchant_account,
            is_live=self._environment != "test",
            hmac_keys=_hmac_keys(credentials),
            user=credentials["webhook_user"],
            password=credentials["webhook_password"],
        )

    @classmethod
    def missing_credentials(cls, credentials: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the credentials that are needed and absent, empty or unreadable."""
        missing = [name for name in _REQUIRED if not credentials.get(name)]
        environment = credentials.get("environment") or "test"
        if environment not in _ENVIRONMENTS:
            missing.append("environment")
        elif environment != "test" and not credentials.get("live_prefix") and not credentials.get("checkout_base_url"):
            missing.append("live_prefix")
        if "hmac_keys" not in missing and not _are_hexadecimal(_hmac_keys(credentials)):
            missing.append("hmac_keys")
        if call_seconds(credentials) is None:
            missing.append("timeout_seconds")
        return tuple(missing)

    def client_settings(self, *, money: Money, country_code: str) -> Mapping[str, Any]:
        """Return what Drop-in needs before there is a session; the client key is public, bound to its origins."""
        wire.amount_of(money)
        return {
            "environment": self._environment,
            "clientKey": self._client_key,
            "session": None,
            "countryCode": country_code.upper() or None,
            "paymentMethodsConfiguration": {
                "card": {"hasHolderName": True, "billingAddressRequired": False, "billingAddressMode": "none"}
            },
        }

    def checkout_page(self) -> CheckoutPage | None:
        """Return what our page needs to mount Drop-in."""
        return checkout.checkout_page(environment=self._environment, base_url=self._browser_base_url)

    def open(self, request: OpenRequest) -> Opened:
        """Create a session; it ends by itself at `expires_at`, at most 24 hours ahead.

        Source: Checkout v72, POST /sessions.
        """
        answer = call(
            "open",
            self._checkout.payments.sessions,
            wire.session_request(request, self._merchant_account),
            idempotency_key=request.idempotency_key,
        )
        client = self.client_settings(money=request.money, country_code=request.country_code)
        return wire.opened_of(answer, request, client)

    def charge(self, request: ChargeRequest) -> Outcome:
        """Charge a stored card, or one by its details, encrypted or in the clear.

        :raises Unsupported: for anything else.
        Source: Checkout v72, POST /payments; a refusal is HTTP 200, or 422 where the card cannot be tried at all.
        """
        told_errors = CARD_ERRORS
        if request.card is not None:
            body = cards.card_request(request, self._merchant_account)
            told_errors = {**CARD_ERRORS, **DETAILS_ERRORS}
        elif request.card_token is None:
            raise Unsupported("Adyen: a card is charged by its token or its details; others are entered in a session")
        elif not wire.TOKEN.fullmatch(request.card_token) or not request.shopper_reference:
            raise Rejected("adyen charge: a stored card needs its token and the shopper reference it was stored under")
        else:
            body = cards.stored_card_request(request, self._merchant_account)
        try:
            answer = call("charge", self._checkout.payments.payments, body, idempotency_key=request.idempotency_key)
        except Refused as refusal:
            if refusal.error_code in told_errors:
                return wire.refused_card(
                    request, told_errors[refusal.error_code], refusal.error_code, refusal.psp_reference, refusal.message
                )
            raise
        return wire.charged_of(answer, request)

    def complete(self, request: CompleteRequest) -> tuple[Outcome, ...]:
        """Read how a session ended, or go on with a charge whose guest has been at the bank.

        :raises Rejected: what the guest brought back is of no such session or charge.
        """
        if request.proof:
            answer = call(
                "complete",
                self._checkout.payments.payments_details,
                cards.details_request(request),
                idempotency_key=request.idempotency_key,
            )
            return (cards.completed_of(answer, request),)
        return self._session_result(request)

    def _session_result(self, request: CompleteRequest) -> tuple[Outcome, ...]:
        """Read a session's result with the `sessionResult` that the guest's browser was given.

        The status is frozen into that value: asking again with the same one never tells more, the webhook does.

        :raises Rejected: no sessionResult, or one that does not belong to this session.
        Source: Checkout v72, GET /sessions/{id}.
        """
        if not wire.SESSION_ID.fullmatch(request.opening_reference):
            raise Rejected("adyen complete: this is no session id")
        if not request.evidence:
            raise Rejected("adyen complete: Adyen tells a session's result only to who brings its sessionResult")
        answer = call(
            "complete",
            self._checkout.payments.get_result_of_payment_session,
            request.opening_reference,
            query_parameters={"sessionResult": quote(request.evidence, safe="")},
        )
        return wire.session_result_of(answer, request)

    def capture(self, request: CaptureRequest) -> Outcome:
        """Ask for authorized money; final only at the CAPTURE webhook."""
        answer = call(
            "capture",
            self._checkout.modifications.capture_authorised_payment,
            wire.modification_request(self._merchant_account, request.reference, request.money),
            _payment(request.payment_reference),
            idempotency_key=request.idempotency_key,
        )
        return wire.received_of(
            answer, "CAPTURE", request.payment_reference, request.reference, request.requested_at, request.money
        )

    def void(self, request: VoidRequest) -> Outcome:
        """Cancel an authorization, or reverse a payment that may be captured; final only at the webhook.

        Source: Checkout v72, POST /payments/{psp}/cancels (CANCELLATION) and /reversals (CANCEL_OR_REFUND).
        """
        modifications = self._checkout.modifications
        verb, event_code = modifications.cancel_authorised_payment_by_psp_reference, "CANCELLATION"
        if request.may_be_captured:
            verb, event_code = modifications.refund_or_cancel_payment, "CANCEL_OR_REFUND"
        answer = call(
            "void",
            verb,
            wire.modification_request(self._merchant_account, request.reference),
            _payment(request.payment_reference),
            idempotency_key=request.idempotency_key,
        )
        return wire.received_of(
            answer, event_code, request.payment_reference, request.reference, request.requested_at, None
        )

    def refund(self, request: RefundRequest) -> Outcome:
        """Give captured money back; final only at the REFUND webhook, and a REFUND_FAILED may follow days later.

        Adyen refuses a refund that is too large only by that webhook, so the balance must be kept by us.
        """
        answer = call(
            "refund",
            self._checkout.modifications.refund_captured_payment,
            wire.modification_request(self._merchant_account, request.reference, request.money),
            _payment(request.payment_reference),
            idempotency_key=request.idempotency_key,
        )
        return wire.received_of(
            answer, "REFUND", request.payment_reference, request.reference, request.requested_at, request.money
        )

    def fetch(self, reference: Reference) -> tuple[Outcome, ...]:
        """Refuse: Adyen has no such call.

        :raises Unsupported: always.
        """
        raise Unsupported(
            "Adyen has no call that says what became of a payment: repeat the identical call with its key, "
            "or complete the session"
        )

    def close(self, reference: Reference) -> None:
        """Refuse: Adyen documents no way to end a session early.

        :raises Unsupported: always.
        """
        raise Unsupported("Adyen: a session ends by itself")

    def revoke_card(self, request: RevokeCardRequest) -> None:
        """Delete a stored payment method; one that is gone already is fine."""
        if not wire.TOKEN.fullmatch(request.card_token):
            raise Rejected("adyen revoke_card: this is no token of Adyen's")
        try:
            call(
                "revoke_card",
                self._checkout.recurring.delete_token_for_stored_payment_details,
                request.card_token,
                query_parameters={
                    "merchantAccount": quote(self._merchant_account, safe=""),
                    "shopperReference": quote(request.shopper_reference, safe=""),
                },
            )
        except NotFound:
            return
        except Refused as refusal:
            if refusal.error_code not in TOKEN_IS_GONE:
                raise

    def greet_webhook(self) -> Greeting:
        """Refuse: Adyen asks for no greeting.

        :raises Unsupported: always.
        """
        raise Unsupported("Adyen asks for nothing before it sends")

    def verify_webhook(self, delivery: Delivery) -> Verified:
        """Prove a delivery by basic auth, every item's HMAC, the merchant account and the environment.

        :raises InvalidSignature: any of them is missing or wrong.
        """
        return self._door.verify(delivery)

    def read_webhook(self, delivery: Delivery) -> tuple[Outcome, ...]:
        """Translate a genuine delivery into news."""
        return webhooks.read(delivery)

    def reports_since(self, moment: datetime) -> tuple[str, ...]:
        """Return none: Adyen announces them, and has no list."""
        return ()

    def fetch_report(self, request: ReportRequest) -> AbstractContextManager[Iterator[bytes]]:
        """Have a settlement details report, as the report user."""
        return self._reports.fetch(request)


def _payment(reference: str) -> str:
    if not wire.PSP_REFERENCE.fullmatch(reference):
        raise Rejected("adyen: this is no pspReference")
    return reference


def _hmac_keys(credentials: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(key.strip() for key in credentials.get("hmac_keys", "").split(",") if key.strip())


def _are_hexadecimal(keys: tuple[str, ...]) -> bool:
    try:
        return bool(keys) and all(binascii.a2b_hex(key) for key in keys)
    except (binascii.Error, ValueError):
        return False
