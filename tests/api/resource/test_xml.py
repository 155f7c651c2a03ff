"""XML says what JSON says, both ways, and reads nothing from elsewhere."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from api.json_body import DEEPEST_NESTING
from api.resource.xml import document_of, parse_document

NOTHING: frozenset[str] = frozenset()
NAMES = st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True)
# An empty text and null are one in XML, and a control character cannot be written at all.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=["\ufffe", "\uffff"]), min_size=1).filter(
    lambda text: all(character >= " " or character in "\t\n\r" for character in text)
)
OBJECTS = st.recursive(
    st.dictionaries(NAMES, st.none() | TEXTS, min_size=1, max_size=5),
    lambda inner: st.dictionaries(NAMES, st.none() | TEXTS | inner, min_size=1, max_size=5),
    max_leaves=20,
)


@settings(max_examples=50)
@given(value=OBJECTS)
def test_what_is_written_is_read_back(value):
    document = document_of(value, root="payment", item_names={})

    assert parse_document(document.decode(), root="payment", booleans=NOTHING) == value


def test_lists_booleans_and_null_have_the_documented_form():
    value = {
        "http_status_code": 400,
        "errors": [{"field": "amount", "value": None}, {"field": "capture", "value": True}],
        "links": [],
        "message": "1 < 2 & 3 > 2",
    }

    document = document_of(value, root="error", item_names={"errors": "error", "links": "link"})

    declaration, written = document.decode().splitlines()
    assert declaration == "<?xml version='1.0' encoding='utf-8'?>"
    assert written == (
        "<error><http_status_code>400</http_status_code>"
        "<errors><error><field>amount</field><value /></error><error><field>capture</field><value>true</value></error>"
        "</errors><links /><message>1 &lt; 2 &amp; 3 &gt; 2</message></error>"
    )


def test_what_xml_cannot_write_is_replaced():
    document = document_of({"note": "bell \x07 and \ufffe"}, root="payment", item_names={})

    assert parse_document(document.decode(), root="payment", booleans=NOTHING) == {"note": "bell \ufffd and \ufffd"}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("yes", "yes"), ("", None)])
def test_a_boolean_is_read_where_one_is_due(text, value):
    document = f"<payment><capture>{text}</capture><note>true</note></payment>"

    read = parse_document(document, root="payment", booleans=frozenset({"capture"}))

    assert read == {"capture": value, "note": "true"}


def test_order_attributes_comments_and_white_space_mean_nothing():
    document = """<?xml version="1.0" encoding="iso-8859-1"?>
    <payment version="2">
      <!-- the booking -->
      <booking kind="tour"> <href/> <id>733048</id> </booking>
      <amount>12.50</amount>
    </payment>"""

    read = parse_document(document, root="payment", booleans=NOTHING)

    assert read == {"amount": "12.50", "booking": {"id": "733048", "href": None}}


BILLION_LAUGHS = (
    '<!DOCTYPE payment [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><payment><amount>&b;</amount></payment>'
)
FROM_A_FILE = '<!DOCTYPE payment [<!ENTITY f SYSTEM "file:///etc/hostname">]><payment><amount>&f;</amount></payment>'
FROM_ELSEWHERE = '<!DOCTYPE payment SYSTEM "http://127.0.0.1:9/payment.dtd"><payment><amount>1</amount></payment>'
PARAMETER_ENTITY = '<!DOCTYPE payment [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]><payment/>'


@pytest.mark.parametrize("document", [BILLION_LAUGHS, FROM_A_FILE, FROM_ELSEWHERE, PARAMETER_ENTITY])
def test_document_types_and_entities_are_refused(document):
    with pytest.raises(ParseError, match="document type"):
        parse_document(document, root="payment", booleans=NOTHING)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "not valid XML"),
        ("<payment>", "not valid XML"),
        ("<payment/><payment/>", "not valid XML"),
        ("<payment>&undefined;</payment>", "not valid XML"),
        ("<payment>\x00</payment>", "not valid XML"),
        ("{}", "not valid XML"),
        ("<order/>", "one element payment"),
        ('<payment xmlns="https://example.com"/>', "one element payment"),
        ("<payment><amount>1</amount><amount>2</amount></payment>", "same element twice"),
        ("<payment>text<amount>1</amount></payment>", "text beside elements"),
        ("<payment><amount>1</amount>text</payment>", "text beside elements"),
        ("<payment>" + "<a>" * DEEPEST_NESTING + "</a>" * DEEPEST_NESTING + "</payment>", "too deeply"),
        ("<payment>" + "<a>" * 5_000 + "</a>" * 5_000 + "</payment>", "too deeply"),
    ],
    ids=lambda value: value[:40],
)
def test_what_two_parsers_could_read_differently_is_refused(document, reason):
    with pytest.raises(ParseError, match=reason):
        parse_document(document, root="payment", booleans=NOTHING)
