"""The body of a callback, as JSON or as XML: the same transactions, with the same types, either way.

XML is read with the standard library's expat and nothing above it: every attack on it needs a document type
declaration (entities that multiply, entities that fetch), and the reader stops at the first one. So no further library
is needed; depth and number of elements are bounded as well.
"""

import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

from gateways.http import json_object

_DEEPEST = 8
_MOST_ELEMENTS = 5000
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_BOOLEANS = {"true": True, "false": False}


class _NotReadable(Exception):
    pass


def transactions_in(body: bytes) -> list[dict[str, Any]] | None:
    """Return the transactions of a callback; None when the body is none."""
    if body.lstrip()[:1] == b"<":
        try:
            document = _XmlReader().read(body)
        except (_NotReadable, expat.ExpatError, ValueError):
            return None
    else:
        document = json_object(body) or {}
    listed = document.get("transactions")
    found = listed if isinstance(listed, list) else [document.get("transaction")]
    if not found or not all(isinstance(each, dict) for each in found):
        return None
    return list(found)


class _XmlReader:
    """Read `<transactions>` or a lone `<transaction>` into dictionaries.

    A name that comes twice within one element could be read in two ways, and is refused.
    """

    def __init__(self) -> None:
        self._stack: list[tuple[str, Mapping[str, str], dict[str, Any], list[str]]] = []
        self._elements = 0
        self._document: dict[str, Any] = {}
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse

    def read(self, body: bytes) -> dict[str, Any]:
        self._parser.Parse(body, True)
        return self._document

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if len(self._stack) >= _DEEPEST or self._elements > _MOST_ELEMENTS:
            raise _NotReadable("too deep or too long")
        self._stack.append((name, attributes, {}, []))

    def _end(self, name: str) -> None:
        _, attributes, children, texts = self._stack.pop()
        if name == "transactions" and not self._stack:
            self._document["transactions"] = children.get("transaction", [])
            return
        value: Any = children if children else _typed("".join(texts), attributes)
        if not self._stack:
            self._document[name] = value
            return
        parent, _, siblings, _ = self._stack[-1]
        if parent == "transactions" and len(self._stack) == 1:
            siblings.setdefault(name, []).append(value)
        elif name in siblings:
            raise _NotReadable("a name that comes twice")
        else:
            siblings[name] = value

    def _text(self, text: str) -> None:
        if self._stack:
            self._stack[-1][3].append(text)

    def _refuse(self, *_: Any) -> None:
        raise _NotReadable("a document type declaration")


def _typed(text: str, attributes: Mapping[str, str]) -> str | int | bool | None:
    if attributes.get("nil") == "true" and not text.strip():
        return None
    match attributes.get("type"):
        case "integer":
            if not _INTEGER.fullmatch(text):
                raise _NotReadable("no integer")
            return int(text)
        case "boolean":
            if text not in _BOOLEANS:
                raise _NotReadable("no boolean")
            return _BOOLEANS[text]
        case _:
            return text
