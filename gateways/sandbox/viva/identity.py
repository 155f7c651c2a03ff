"""The identity host: tokens for a client id and its secret."""

import secrets
import time
from urllib.parse import parse_qs

from gateways.sandbox.processor import Answer, Call
from gateways.sandbox.viva.accounts import Account, by_client
from gateways.sandbox.viva.books import ACCESS, Books

LIVES_SECONDS = 3600
SCOPE = "urn:viva:payments:core:api:redirectcheckout"


def grant(books: Books, call: Call) -> Answer:
    """Answer POST /connect/token."""
    form = parse_qs(call.raw.decode("ascii", "replace"))
    account = by_client(books.accounts(), call.headers.get("authorization", ""))
    if account is None:
        return Answer(status=400, body={"error": "invalid_client"})
    if form.get("grant_type") != ["client_credentials"]:
        return Answer(status=400, body={"error": "unsupported_grant_type"})
    token = secrets.token_urlsafe(48)
    now = time.time()
    for old in [key for key, row in books.store.all(ACCESS).items() if row["ends_at"] < now]:
        books.store.remove(ACCESS, old)
    books.store.put(ACCESS, token, {"merchant_id": account.merchant_id, "ends_at": now + LIVES_SECONDS})
    body = {"access_token": token, "expires_in": LIVES_SECONDS, "token_type": "Bearer", "scope": SCOPE}
    return Answer(status=200, body=body)


def bearer_of(books: Books, call: Call) -> Account | None:
    """Return the merchant that a request's token was granted to."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    granted = books.store.get(ACCESS, token) if scheme == "Bearer" else None
    if granted is None or granted["ends_at"] < time.time():
        return None
    return books.account(granted["merchant_id"])
