"""Put card data, keys and tokens wherever a partner, a guest, a gateway or staff could put them."""

import re
from typing import Any

import httpx
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.utils import timezone

from bookings.models import Order, Partner, PartnerKey
from gateways.models import GatewayAccount
from gateways.protocol import EncryptedCard
from money import Money
from payments import tasks
from payments.models import Payment, Transaction
from payments.services import aftercare
from payments.services.card_charges import CardCharge, charge_card
from tests.faults.bait import (
    AMEX,
    DASHED,
    ENCRYPTED_CARD,
    EVIDENCE,
    FULL_WIDTH,
    MAESTRO,
    MASTERCARD,
    SCATTERED,
    SECURITY_CODE,
    SPACED,
    STAFF_PASSWORD,
    VISA,
    WRONG_KEY,
)
from tests.faults.partner import OctoClient, session_of
from tests.faults.web import WebProcess
from tests.gateways.scripted_server import scripted_server
from tests.payments.guest import CARD
from tests.processes import Sandbox

RAW_CARD = {"type": "scheme", "number": VISA, "expiryMonth": "03", "expiryYear": "2030", "cvc": SECURITY_CODE}
NOTE = f"paid with {SPACED}, cvv {SECURITY_CODE}, exp 03/30"


class Watched(OctoClient):
    """A partner's client that keeps every answer for the search."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers: list[httpx.Response] = []

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        answer = super().send(method, path, body, **headers)
        self.answers.append(answer)
        return answer

    def send_text(self, method: str, path: str, text: str, **headers: str) -> httpx.Response:
        """Send a body as it is."""
        named = {"Content-Type": "application/json", **{name.replace("_", "-"): headers[name] for name in headers}}
        answer = self._client.request(method, path, content=text.encode(), headers=named)
        self.answers.append(answer)
        return answer


ADMIN_PAGES = [
    f"/{model._meta.app_label}/{model._meta.model_name}/"
    for model in admin.site._registry
    if model._meta.app_label in ("bookings", "payments", "gateways", "admin", "auth")
]


def bait_contact(number: str) -> dict[str, Any]:
    """Return a guest whose every word is a card number."""
    return {
        "fullName": f"Ada {number}",
        "firstName": number,
        "lastName": number,
        "emailAddress": "ada@example.com",
        "phoneNumber": number,
        "postalCode": number,
        "notes": f"{number} cvc {SECURITY_CODE}",
        "locales": ["en"],
    }


def book_with_bait(octo: Watched, sandbox: Sandbox) -> None:
    """Put card data in every field a partner may write, and pay, change, confirm and cancel with them."""
    booking = octo.reserve(
        notes=NOTE,
        resellerReference=f"order {DASHED}",
        contact=bait_contact(MASTERCARD),
        metadata={"card": VISA, MAESTRO: SCATTERED},
        unitItems=[{**unit, "resellerReference": AMEX, "contact": bait_contact(AMEX)} for unit in octo.units(2)],
    )
    path = f"/bookings/{booking['uuid']}"
    octo.send("PATCH", path, {"notes": FULL_WIDTH, "contact": bait_contact(SCATTERED), "metadata": {"a": DASHED}})
    octo.send("POST", f"{path}/confirm", {"cardPayment": {"gateway": "adyen", "adyen": {"paymentMethod": RAW_CARD}}})
    encrypted = {"encryptedCardNumber": ENCRYPTED_CARD, "encryptedSecurityCode": f"test_{SECURITY_CODE}"}
    octo.send("POST", f"{path}/confirm", {"cardPayment": {"adyen": {"paymentMethod": {"type": "scheme", **encrypted}}}})
    session = session_of(booking)
    for holder in ("DECLINED", f"Ada {SPACED}"):
        sandbox.post(f"adyen/sessions/{session}/pay", **CARD, holderName=holder, storePaymentMethod=True)
        octo.confirm(booking["uuid"], session=session, evidence=EVIDENCE)
    octo.send("POST", f"{path}/cancel", {"reason": NOTE})


def charge_bait(octo: Watched, sandbox: Sandbox) -> None:
    """Charge cards by their own details where the account takes them: well, refused, not answered, sent to the bank."""
    GatewayAccount.objects.filter(gateway="adyen").update(takes_raw_cards=True)
    amex = {**RAW_CARD, "number": AMEX, "holderName": f"Ada {SPACED}"}
    for card in ({**RAW_CARD, "cvc": "737"}, RAW_CARD, amex):
        path = f"/bookings/{octo.reserve()['uuid']}/confirm"
        octo.send("POST", path, {"cardPayment": {"adyen": {"paymentMethod": card}}}, Idempotency_Key=f"bait-{path}")
    sandbox.post("faults", gateway="adyen", operation="payments", fault="answer_lost")
    path = f"/bookings/{octo.reserve()['uuid']}/confirm"
    octo.send("POST", path, {"cardPayment": {"adyen": {"paymentMethod": amex}}})
    encrypted = EncryptedCard(
        number=f"test_{VISA}", expiry_month="test_03", expiry_year="test_2030", security_code=f"test_{SECURITY_CODE}"
    )
    order = Order.objects.filter(bookings__uuid=octo.reserve()["uuid"]).get()
    request = CardCharge(amount_minor=100, currency=order.currency, card=encrypted, note=NOTE)
    charge_card(order_id=order.pk, request=request, clock=timezone.now)
    GatewayAccount.objects.update(takes_raw_cards=False)


def refuse_bait(octo: Watched, web: WebProcess) -> None:
    """Put card data and keys where they do not belong at all: ids, enums, numbers, headers, paths, broken JSON."""
    for field in ("uuid", "productId", "optionId", "availabilityId", "currency", "settlementMethod", "returnUrl"):
        octo.send("POST", "/bookings", {**octo.wish(), field: VISA})
    octo.send("POST", "/bookings", octo.wish(returnUrl=f"https://shop.example.com/?card={VISA}&cvc={SECURITY_CODE}"))
    octo.send("POST", "/bookings", octo.wish(unitItems=[{"unitId": MASTERCARD, "uuid": VISA}]))
    octo.send("POST", "/bookings", octo.wish(notes=int(VISA), emailReceipt=VISA, expirationMinutes=int(VISA)))
    octo.send("POST", "/bookings", octo.wish(contact={"emailAddress": f"{VISA}@example.com", "country": VISA}))
    for field in ("gateway", "source", "currency", "cardId"):
        octo.send("POST", "/bookings", octo.wish(cardPayment={field: VISA}))
    octo.send("POST", "/bookings", octo.wish(cardPayment={"amount": int(VISA)}))
    held = octo.reserve()
    for adyen in ({"sessionId": VISA, "sessionResult": EVIDENCE}, {"pspReference": MASTERCARD}, RAW_CARD, VISA):
        octo.send("POST", f"/bookings/{held['uuid']}/confirm", {"cardPayment": {"gateway": "adyen", "adyen": adyen}})
    octo.send("POST", f"/bookings/{held['uuid']}/extend", {"expirationMinutes": VISA})
    for path in (f"/bookings/{VISA}", f"/card_payments/{SPACED}", f"/{VISA}/nothing", f"/products/{VISA}"):
        octo.send("GET", path)
    octo.send("GET", f"/bookings?resellerReference={VISA}&contactLastName={MASTERCARD}&localDate={AMEX}")
    octo.send_text("POST", "/bookings", f'{{"number": "{VISA}", "cvc": "{SECURITY_CODE}"')
    octo.send_text("POST", "/bookings", f'{{"a": "{VISA}", "a": "{VISA}"}}')
    octo.send_text("POST", "/bookings", VISA, Content_Type=f"text/{VISA}")
    for header in (
        "Idempotency_Key",
        "Octo_Env",
        "Octo_Capabilities",
        "Accept_Language",
        "X_Request_Id",
        "adyen_channel",
    ):
        octo.send("POST", "/bookings", octo.wish(), **{header: VISA})
    octo.send("POST", "/bookings", octo.wish(), Cookie=f"sessionid={VISA}", User_Agent=f"shop {VISA}")
    for wrong in (WRONG_KEY, VISA):
        octo.send("GET", "/products", Authorization=f"Bearer {wrong}")
    octo.broken.clear()
    posted = {"number": VISA, "cvc": SECURITY_CODE, "key": WRONG_KEY}
    for path in ("/webhooks/adyen-eu/", f"/webhooks/{VISA}/", f"/nowhere/{VISA}?cvc={SECURITY_CODE}"):
        headers = {"Authorization": f"Basic {WRONG_KEY}", "X-Request-Id": f"card-{MASTERCARD}"}
        octo.answers.append(httpx.post(f"{web.url}{path}", json=posted, headers=headers, trust_env=False))


def pay_elsewhere_with_bait(octo: Watched) -> None:
    """Write notes and reasons about payments taken elsewhere."""
    for external in ({"approved": False, "refusalReason": f"card {VISA} blocked"}, {"approved": True}):
        booking = octo.reserve(returnUrl=None, resellerReference=SCATTERED)
        payment = {"gateway": "external", "source": "POS", "notes": NOTE, "external": external}
        octo.send("POST", f"/bookings/{booking['uuid']}/confirm", {"cardPayment": payment})
    booking = octo.reserve(returnUrl=None)
    part = {"gateway": "external", "source": "POS", "amount": 100, "notes": NOTE, "external": {"approved": True}}
    octo.send("POST", f"/bookings/{booking['uuid']}/confirm", {"cardPayment": part})
    undo = {"gateway": "external", "cancel": True, "notes": f"undo {DASHED}"}
    octo.send("POST", f"/bookings/{booking['uuid']}/confirm", {"cardPayment": undo})


def sell_with_a_stored_card(octo: Watched, sandbox: Sandbox) -> Payment:
    """Let a guest pay, keep the card, and let the partner read everything there is to read."""
    booking = octo.reserve()
    session = session_of(booking)
    result = sandbox.post(f"adyen/sessions/{session}/pay", **CARD, holderName="Ada Byron", storePaymentMethod=True)
    sandbox.post("webhooks/flush")
    tasks.drain_deliveries()
    octo.confirm(booking["uuid"], session=session, evidence=result["sessionResult"])
    shown = octo.send("GET", f"/bookings/{booking['uuid']}").json()
    octo.send("GET", f"/card_payments/{shown['cardPayment']['cardPaymentId']}")
    return Payment.objects.get(order__bookings__uuid=booking["uuid"])


def tell_bait_by_webhook(sandbox: Sandbox, payment: Payment) -> None:
    """Send rightly signed webhooks full of card data: about what we know, about nobody's payment, of no known kind."""
    account = django_settings.GATEWAY_CREDENTIALS["adyen-eu"]["merchant_account"]
    psp = Transaction.objects.get(payment=payment, kind="SALE").gateway_reference
    bait = {
        "cardHolderName": VISA,
        "cardNumber": VISA,
        "cvc": SECURITY_CODE,
        "shopperEmail": f"{MASTERCARD}@example.com",
        "metadata.note": SPACED,
        "refusalReasonRaw": f"05 : {AMEX}",
        "expiryDate": "03/2030",
    }
    for code, reference, success in (
        ("AUTHORISATION", psp, "false"),
        ("REFUND_FAILED", "QWERTZUIOPASDFGH", "true"),
        ("NOTIFICATION_OF_CHARGEBACK", "YXCVBNMASDFGHJKL", "true"),
        ("SOMETHING_NEW", "LKJHGFDSAMNBVCXY", "true"),
    ):
        for original in (psp, "NOBODYSPAYMENT00"):
            item = {
                "eventCode": code,
                "merchantAccountCode": account,
                "pspReference": reference,
                "originalReference": "" if code == "AUTHORISATION" else original,
                "merchantReference": f"order {MAESTRO}",
                "amount": {"value": 100, "currency": "EUR"},
                "success": success,
                "reason": f"the card {DASHED} is blocked, cvc {SECURITY_CODE}",
                "paymentMethod": VISA,
                "additionalData": bait,
            }
            sandbox.post("webhooks/send", gateway="adyen", item=item)


def staff_write_bait(web: WebProcess, octo: Watched, payment: Payment) -> None:
    """Type card data into the admin: logging in, searching, editing, giving money back."""
    get_user_model().objects.create_superuser("grace", "grace@example.com", STAFF_PASSWORD)
    with httpx.Client(base_url=f"{web.url}/admin", trust_env=False, follow_redirects=True) as staff:

        def submit(path: str, **fields: Any) -> None:
            """Send a form; the answer is not kept, for it shows a person her own words again."""
            staff.get(path)
            form = {"csrfmiddlewaretoken": staff.cookies.get("csrftoken", ""), **fields}
            staff.post(path, data=form, headers={"Referer": f"{web.url}/admin/"})

        submit("/login/", username=VISA, password=SPACED, next="/admin/")
        submit("/login/", username="grace", password=STAFF_PASSWORD, next="/admin/")
        partner = {"slug": "card-4", "settlement_methods": "DIRECT", "default_settlement_method": "DIRECT"}
        submit("/bookings/partner/add/", name=f"Agency {SPACED}", **partner, **_no_inline("keys"))
        submit("/bookings/partnerkey/add/", partner=str(payment.partner_id), label=f"card {DASHED}", dialects="octo")
        submit("/bookings/supplier/add/", name=SPACED, country_code=VISA, email=f"{VISA}@example.com")
        submit("/gateways/gatewayaccount/add/", slug=VISA, name=SPACED, gateway=VISA, environment="test")
        for model in ("booking", "order", "customer", "partner"):
            staff.get(f"/bookings/{model}/?q={VISA}")
        assert Partner.objects.filter(slug="card-4").exists()
        assert PartnerKey.objects.filter(label__startswith="card").exists()
        for page in ADMIN_PAGES:
            listed = staff.get(page)
            first = re.search(rf'href="(/admin{page}[^"/]+/change/)', listed.text)
            octo.answers.extend([listed, staff.get(f"{web.url}{first[1]}")] if first else [listed])
            assert listed.status_code == 200
    money = Money(100, payment.currency)
    aftercare.refund_payment(
        payment=payment, money=money, reason=f"card {SPACED}", requested_by="grace", clock=timezone.now
    )


def _no_inline(prefix: str) -> dict[str, str]:
    return {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}


def gateway_answers_with_bait(settings, house, payment: Payment) -> None:
    """Let a processor repeat card data and our key in its errors, to a session, a refund and a capture."""
    account = settings.GATEWAY_CREDENTIALS["adyen-eu"]
    with scripted_server() as processor:
        settings.GATEWAY_CREDENTIALS = {
            **settings.GATEWAY_CREDENTIALS,
            "adyen-eu": {**account, "checkout_base_url": f"{processor.url}/v72"},
        }
        said = f"Invalid card number {VISA}, key {account['api_key']}"
        body = {"status": 422, "errorCode": "101", "message": said, "pspReference": "ASDFGHJKLQWERTZU"}
        for status in (422, 401, 403, 404, 500):
            processor.answers(body, status=status)
            house.reserve()
        processor.answers(f"<html>{said}</html>".encode(), status=200)
        house.reserve()
        processor.answers({**body, "status": "received", "paymentPspReference": VISA}, status=201)
        aftercare.request_refund(
            payment_id=payment.id, money=Money(50, "EUR"), reason="", requested_by="grace", now=timezone.now()
        )
        tasks.drain_operations()
        processor.answers(body, status=422)
        tasks.drain_operations()
    settings.GATEWAY_CREDENTIALS = {**settings.GATEWAY_CREDENTIALS, "adyen-eu": account}
