"""Which language an answer's sentences are in."""

from django.utils.translation.trans_real import parse_accept_lang_header

LANGUAGES = ("en", "de")
DEFAULT_LANGUAGE = "en"
LONGEST_HEADER = 500


def choose_language(header: str) -> str:
    """Return the first language of an `Accept-Language` header that we have sentences in."""
    for language, _priority in parse_accept_lang_header(header[:LONGEST_HEADER].lower()):
        primary = language.split("-")[0]
        if primary in LANGUAGES:
            return primary
    return DEFAULT_LANGUAGE
