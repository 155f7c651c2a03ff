"""Formats, charsets and languages by RFC 9110: what we do not have is a 406 in a form we have."""

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import NotAcceptable
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from api.resource.negotiation import PreferredFormat, choose_language, refuse_other_charsets
from api.resource.xml import XmlRenderer

JSON, XML = "application/json", "application/xml"


def chosen(accept: str | None) -> str:
    headers = {} if accept is None else {"accept": accept}
    request = Request(RequestFactory().get("/", headers=headers))
    renderer, media_type = PreferredFormat().select_renderer(request, [JSONRenderer(), XmlRenderer()])
    assert renderer.media_type == media_type
    return media_type


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (XML, XML),
        ("application/json; charset=utf-8", JSON),
        ("application/xml; charset=utf-8, application/json;q=0.9", XML),
        ("application/xml;q=0.5, application/json;q=0.1", XML),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", XML),
    ],
)
def test_the_format_a_client_likes_best_is_chosen(accept, media_type):
    assert chosen(accept) == media_type


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*", "nonsense", "*/*;q=0"])
def test_a_format_that_we_do_not_have_is_refused(accept):
    with pytest.raises(NotAcceptable):
        chosen(accept)


@pytest.mark.parametrize("charset", ["", "utf-8", "UTF-8", "*", "iso-8859-1;q=0.5, utf-8;q=0.1", "iso-8859-1, *;q=0.1"])
def test_utf_8_is_acceptable(charset):
    refuse_other_charsets(charset)


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-8;q=0", "utf-16, utf-8; q=0.0", "*;q=0"])
def test_no_other_charset_is(charset):
    with pytest.raises(NotAcceptable):
        refuse_other_charsets(charset)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE", "de"),
        ("fr", "en"),
        ("zh-hans", "en"),
        ("de-AT,en;q=0.5", "de"),
        ("xx, de;q=0.3", "de"),
        ("en;q=0.2, de", "de"),
        ("*", "en"),
        ("xx", None),
        ("de;q=0", None),
        ("zh", None),
    ],
)
def test_the_language_is_one_of_ours_or_there_is_none(header, language):
    assert choose_language(header) == language
