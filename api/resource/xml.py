"""JSON's values as XML, both ways: one element per key, no attributes, no namespace.

The root is the resource in the singular, a list holds one element per item, null is an empty element, and true and
false are words. Entities and document types are refused, so that nothing can be read from elsewhere or grow.
"""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError as BodyRefused
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from api.json_body import DEEPEST_NESTING, refuse_large_body

_BOOLEANS = {"true": True, "false": False}
# What XML 1.0 has no way to write, not even as a reference. Source: XML 1.0, production 2, Char.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT = "\ufffd"
ERROR_ROOT = "error"


class XmlRenderer(BaseRenderer):
    """Write an answer under the root that its view names; errors are always `error`."""

    media_type = "application/xml"
    format = "xml"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the document."""
        assert renderer_context is not None
        view, response = renderer_context["view"], renderer_context["response"]
        root = ERROR_ROOT if response.exception else view.root_name
        return document_of(data, root=root, item_names=view.item_names)


def document_of(value: object, *, root: str, item_names: Mapping[str, str]) -> bytes:
    """Return a value as a document; `item_names` says what the items of a list are called, by the list's key."""
    element = Element(root)
    _fill(element, value, item_names)
    document: bytes = tostring(element, encoding="utf-8", xml_declaration=True)
    # A bare carriage return would be read back as a line feed.
    return document.replace(b"\r", b"&#13;")


def _fill(element: Element, value: object, item_names: Mapping[str, str]) -> None:
    match value:
        case None:
            pass
        case dict():
            for key, inner in value.items():
                _fill(SubElement(element, key), inner, item_names)
        case list():
            for item in value:
                _fill(SubElement(element, item_names[element.tag]), item, item_names)
        case bool():
            element.text = "true" if value else "false"
        case _:
            element.text = _UNWRITABLE.sub(_REPLACEMENT, str(value))


class XmlParser(BaseParser):
    """Parse `application/xml` into what JSON would have been: objects, texts, null, and booleans where one is due.

    Refused as in JSON: more than 1 MiB, no UTF-8, an element twice, nesting too deep; and text beside elements.
    Attributes are ignored like elements that are not known.
    """

    media_type = "application/xml"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, object]:
        """Return the object in the body of a request.

        :raises ParseError: the body is refused.
        """
        refuse_large_body(parser_context["request"].META)
        try:
            text = stream.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BodyRefused(_("The body is not UTF-8.")) from None
        view = parser_context["view"]
        return parse_document(text, root=view.root_name, booleans=view.boolean_names)


def parse_document(text: str, *, root: str, booleans: frozenset[str]) -> dict[str, object]:
    """Return the object that a document holds.

    :raises ParseError: it is not one that every parser would read in the same way.
    """
    try:
        # A text has no encoding of its own, whatever its declaration says.
        element = fromstring(text, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise BodyRefused(_("The body has a document type or an entity in it.")) from None
    except (ParseError, ValueError):
        raise BodyRefused(_("The body is not valid XML.")) from None
    if element.tag != root:
        raise BodyRefused(_("The body must be one element %(root)s.") % {"root": root})
    value = _value_of(element, booleans, depth=1)
    return value if isinstance(value, dict) else {}


def _value_of(element: Element, booleans: frozenset[str], *, depth: int) -> object:
    if depth > DEEPEST_NESTING:
        raise BodyRefused(_("The body is nested too deeply."))
    text = (element.text or "").strip() if len(element) else element.text
    if not len(element):
        return _BOOLEANS.get(text or "", text) if element.tag in booleans else text or None
    if text or any((child.tail or "").strip() for child in element):
        raise BodyRefused(_("The body has text beside elements."))
    value: dict[str, object] = {}
    for child in element:
        if child.tag in value:
            raise BodyRefused(_("The body has the same element twice."))
        value[child.tag] = _value_of(child, booleans, depth=depth + 1)
    return value
