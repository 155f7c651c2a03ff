"""In which format and language an answer goes out, by RFC 9110; what we do not have is refused."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.languages import DEFAULT_LANGUAGE, LANGUAGES, LONGEST_HEADER

# The languages that clients may ask for; where we have no sentences in one, they are in English.
ACCEPTED_LANGUAGES = frozenset(
    ("zh-hans", "zh-hant", "da", "nl", "en", "fr", "de", "it", "ja", "ko", "no", "pt", "es", "sv")
)
# A client that names it asks for what it would have got anyway.
_CHARSET = "; charset=utf-8"


class PreferredFormat(DefaultContentNegotiation):
    """Choose the format a client likes best; without a word from it, the first."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer of the format with the highest quality.

        :raises NotAcceptable: the client wants none of ours.
        """
        if not request.META.get("HTTP_ACCEPT", "").strip():
            return renderers[0], str(renderers[0].media_type)
        by_type = {str(renderer.media_type) + suffix: renderer for renderer in renderers for suffix in ("", _CHARSET)}
        chosen = request._request.get_preferred_type(list(by_type))
        if chosen is None:
            raise NotAcceptable(_("Answers are application/json or application/xml."))
        return by_type[chosen], str(by_type[chosen].media_type)


def refuse_other_charsets(header: str) -> None:
    """Check that an `Accept-Charset` header leaves room for UTF-8, in which everything is.

    :raises NotAcceptable: it does not.
    """
    accepted: dict[str, bool] = {}
    for part in header[:LONGEST_HEADER].lower().split(","):
        name, _separator, quality = part.partition(";")
        if name.strip():
            accepted[name.strip()] = quality.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    if accepted and not accepted.get("utf-8", accepted.get("*", False)):
        raise NotAcceptable(_("Everything is UTF-8."))


def choose_language(header: str) -> str | None:
    """Return the language of ours that is nearest to an `Accept-Language` header, None where it names none there is."""
    if not header.strip():
        return DEFAULT_LANGUAGE
    for language, quality in parse_accept_lang_header(header[:LONGEST_HEADER].lower()):
        primary = language.split("-")[0]
        if quality and (language == "*" or not ACCEPTED_LANGUAGES.isdisjoint({language, primary})):
            return primary if primary in LANGUAGES else DEFAULT_LANGUAGE
    return None
