"""Who is calling: a partner's key, found by its hash and checked against the dialect it may speak."""

import base64

from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from bookings.models import PartnerKey
from bookings.selectors import partner_key_for_secret

_LONGEST_KEY = 200


class NoKey(APIException):
    """Say that a request proves nothing about who sent it."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "no_key"


class BadKey(APIException):
    """Say that a key is unknown, revoked, or may not speak this dialect; which of them is not told."""

    status_code = status.HTTP_403_FORBIDDEN
    default_code = "bad_key"


class BearerKeyAuthentication(BaseAuthentication):
    """Find the PartnerKey of `Authorization: Bearer <key>`; it becomes `request.auth`.

    Subclasses name their dialect. There is no user behind a partner's key, so `request.user` stays None.
    """

    dialect: str

    def authenticate(self, request: Request) -> tuple[None, PartnerKey]:
        """Return the key of the caller.

        :raises NoKey: there is no bearer key in the request.
        :raises BadKey: there is one, and it opens nothing here.
        """
        return None, key_for(bearer_of(request), dialect=self.dialect)


class BasicKeyAuthentication(BaseAuthentication):
    """Find the PartnerKey that is the password of Basic authorization; the user is its partner's account id.

    A wrong pair is answered as a missing one is, with another challenge. Subclasses name their dialect.
    """

    dialect: str

    def authenticate(self, request: Request) -> tuple[None, PartnerKey]:
        """Return the key of the caller.

        :raises NoKey: there is no Basic authorization, or no such account with this key.
        :raises BadKey: the key may not speak the dialect, or opens nothing any more.
        """
        scheme, _, encoded = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "basic":
            raise NoKey
        try:
            user, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except ValueError:
            raise NoKey from None
        if not user or not secret:
            raise NoKey
        key = key_for(secret, dialect=self.dialect)
        if key.partner.slug != user:
            raise NoKey
        return None, key


class HeaderKeyAuthentication(BaseAuthentication):
    """Find the PartnerKey that a header of its own holds; otherwise as BearerKeyAuthentication.

    Subclasses name their dialect and the header.
    """

    dialect: str
    header: str

    def authenticate(self, request: Request) -> tuple[None, PartnerKey]:
        """Return the key of the caller.

        :raises NoKey: the header is not in the request, or empty.
        :raises BadKey: its key opens nothing here.
        """
        secret = request.headers.get(self.header, "").strip()
        if not secret:
            raise NoKey
        return None, key_for(secret, dialect=self.dialect)


def bearer_of(request: Request) -> str:
    """Return what a request has behind `Authorization: Bearer`.

    :raises NoKey: it has nothing there.
    """
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, secret = header.strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise NoKey
    return secret


def key_for(secret: str, *, dialect: str) -> PartnerKey:
    """Return the key that a text is, if it may speak the dialect.

    :raises BadKey: it opens nothing there.
    """
    if len(secret) > _LONGEST_KEY or not secret.isascii() or not secret.isprintable():
        raise BadKey
    key = partner_key_for_secret(secret)
    if key is None or dialect not in key.dialects:
        raise BadKey
    return key
