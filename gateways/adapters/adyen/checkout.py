"""What our payment page needs to mount Adyen's Drop-in. Source: docs.adyen.com, "Web Drop-in", "Domain allow list"."""

from urllib.parse import urlsplit

from gateways.partner_talk import Brought, BroughtField, CheckoutPage

# The script is loaded from Adyen, as its card fields are: pinned, because a major version has other calls.
VERSION = "6.45.2"
# What Drop-in comes back with from a bank's page, and must hand to Adyen itself before there is a result.
REDIRECT_RESULT = "redirectResult"


def checkout_page(*, environment: str, base_url: str) -> CheckoutPage:
    """Return what the page loads and allows; with a `base_url` everything is there instead of at Adyen."""
    if base_url:
        base = base_url.rstrip("/") + "/"
        sources = [f"{urlsplit(base).scheme}://{urlsplit(base).netloc}"]
        urls = {"api": base, "analytics": base, "cdn": {"images": base, "translations": base}}
        vendor, settings = base, {"environmentUrls": urls}
    else:
        api = f"https://checkoutshopper-{environment}.adyen.com"
        cdn = f"https://checkoutshopper-{environment}.cdn.adyen.com"
        sources = [api, cdn, f"https://checkoutanalytics-{environment}.adyen.com"]
        vendor, settings = f"{cdn}/checkoutshopper/", {}
    allowed = tuple(sources)
    return CheckoutPage(
        script="gateways/adyen/checkout.js",
        vendor_scripts=(f"{vendor}sdk/{VERSION}/adyen.js",),
        vendor_styles=(f"{vendor}sdk/{VERSION}/adyen.css",),
        settings=settings,
        allows={
            "script-src": allowed,
            "style-src": allowed,
            "connect-src": allowed,
            "frame-src": allowed,
            "img-src": (*allowed, "data:"),
        },
        brings=(
            BroughtField(name="sessionId", means=Brought.OPENING),
            BroughtField(name="sessionResult", means=Brought.EVIDENCE, longest=20_000),
        ),
        resumes_on=frozenset({REDIRECT_RESULT}),
    )
