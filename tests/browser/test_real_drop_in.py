"""Adyen's own script from npm, mounted by our page against the sandbox: the stand-in's calls are the vendor's."""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Route, expect

from gateways.adapters.adyen.checkout import VERSION
from payments.models import Opening
from payments.services.links import link_url
from tests.browser.test_paying import held, link_for

pytestmark = pytest.mark.django_db(transaction=True)
# Stands where the page loads Adyen's script, which npm has in modules only: of hundreds the few that a card needs.
_BRIDGE = """
const modules = new URL("./es/", document.currentScript.src);
let Real;
window.AdyenWeb = {
  async AdyenCheckout(options) {
    const [{ AdyenCheckout }, { default: Dropin }, { CardElement }] = await Promise.all(
      ["core/AdyenCheckout.js", "components/Dropin/Dropin.js", "components/Card/Card.js"].map(
        (name) => import(new URL(name, modules)),
      ),
    );
    Real = Dropin;
    AdyenCheckout.register(CardElement);
    return AdyenCheckout(options);
  },
  Dropin: function (checkout, options) {
    return new Real(checkout, options);
  },
};
"""


@pytest.fixture(scope="module")
def adyen_web() -> Path:
    """The package of the version that our page asks Adyen for, kept between runs."""
    folder = settings.VAR_DIR / "npm"
    package = folder / f"adyen-web-{VERSION}"
    if not package.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is missing: Adyen's own script was not mounted")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", f"@adyen/adyen-web@{VERSION}", "--silent", "--pack-destination", str(folder)]
        try:
            packed = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True, cwd=folder)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("npm's registry was not reached: Adyen's own script was not mounted")
        draft = Path(tempfile.mkdtemp(dir=folder))
        with tarfile.open(folder / packed.stdout.strip().splitlines()[-1]) as archive:
            archive.extractall(draft, filter="data")
        draft.rename(package)
    return package / "package" / "dist"


def test_our_page_mounts_adyens_own_drop_in_with_the_sandboxs_session(house, guest, visitor, adyen_web):
    asked: list[str] = []

    def serve(route: Route) -> None:
        name = route.request.url.partition(f"/sdk/{VERSION}/")[2].partition("?")[0]
        file = adyen_web / name
        if name == "adyen.js":
            route.fulfill(content_type="text/javascript", body=_BRIDGE)
        elif name == "adyen.css":
            route.fulfill(content_type="text/css", path=adyen_web / "es" / "adyen.css")
        elif file.is_file():
            route.fulfill(content_type="text/javascript", path=file)
        else:
            route.fulfill(content_type="application/json", body="{}")

    def serve_nothing(route: Route) -> None:
        route.fulfill(content_type="text/html", body="<!doctype html><title>Only Adyen has this</title>")

    def take_figures(route: Route) -> None:
        route.fulfill(json={"id": "checkout-attempt"}, headers={"Access-Control-Allow-Origin": "*"})

    visitor.page.route(f"**/sdk/{VERSION}/**", serve)
    for frame in ("**/securedFields.html*", "**/assets/html/**"):
        visitor.page.route(frame, serve_nothing)
    visitor.page.route("**/v3/analytics*", take_figures)
    visitor.page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    link = link_for(held(house).order)

    visitor.open(f"{link_url(link)}card/")

    expect(visitor.page.locator(".adyen-checkout__dropin")).to_be_visible()
    expect(visitor.page.get_by_label("Name on card")).to_be_visible()
    session = Opening.objects.get(link=link).gateway_reference
    api = f"{guest.sandbox.url}/adyen/test/checkoutshopper/v1/sessions/{session}/setup?clientKey=test_"
    assert any(each.startswith(f"POST {api}") for each in asked)
    visitor.picture("drop-in")
