"""What our payment page needs to mount Stripe's Payment Element. Source: docs.stripe.com, "Security guide", on CSP."""

from urllib.parse import urlsplit

from gateways.partner_talk import Brought, BroughtField, CheckoutPage

# Stripe's script may not be kept elsewhere; the name of the release goes with the version of the API.
_SCRIPT = "https://js.stripe.com/dahlia/stripe.js"
_SCRIPTS = ("https://js.stripe.com", "https://*.js.stripe.com")


def checkout_page(*, base_url: str) -> CheckoutPage:
    """Return what the page loads and allows; with a `base_url` everything is there instead of at Stripe."""
    allows: dict[str, tuple[str, ...]]
    if base_url:
        origin = (f"{urlsplit(base_url).scheme}://{urlsplit(base_url).netloc}",)
        script = f"{base_url.rstrip('/')}/stripe.js"
        allows = {"script-src": origin, "frame-src": origin, "connect-src": origin, "img-src": origin}
    else:
        script = _SCRIPT
        allows = {
            "script-src": _SCRIPTS,
            "frame-src": (*_SCRIPTS, "https://hooks.stripe.com"),
            "connect-src": ("https://api.stripe.com",),
            "img-src": ("https://*.stripe.com",),
        }
    return CheckoutPage(
        script="gateways/stripe/checkout.js",
        vendor_scripts=(script,),
        allows=allows,
        # `redirect_status` proves nothing, and the intent itself is asked about.
        brings=(BroughtField(name="payment_intent", means=Brought.OPENING),),
    )
