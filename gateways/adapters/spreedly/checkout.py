"""What our payment page needs to open Spreedly's Express. Source: docs.spreedly.com, "Express", "3DS2 web guide"."""

from urllib.parse import urlsplit

from gateways.partner_talk import Brought, BroughtField, CheckoutPage

_BASE_URL = "https://core.spreedly.com/iframe/"


def checkout_page(*, base_url: str) -> CheckoutPage:
    """Return what the page loads and allows; with a `base_url` everything is there instead of at Spreedly."""
    base = (base_url or _BASE_URL).rstrip("/") + "/"
    origin = (f"{urlsplit(base).scheme}://{urlsplit(base).netloc}",)
    return CheckoutPage(
        script="gateways/spreedly/checkout.js",
        # The second one describes the guest's browser to the bank.
        vendor_scripts=(f"{base}express-3.min.js", f"{base}iframe-v1.min.js"),
        allows={"script-src": origin, "frame-src": origin, "connect-src": origin, "img-src": origin},
        brings=(
            BroughtField(name="token", means=Brought.PAYMENT_TOKEN),
            BroughtField(name="keepCard", means=Brought.KEEPS_CARD),
            BroughtField(name="browserInfo", means=Brought.BROWSER, longest=4_000),
            BroughtField(name="transaction_token", means=Brought.EVIDENCE, longest=64),
        ),
        asks_consent=True,
    )
