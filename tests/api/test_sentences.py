"""The German catalog is whole, and what is compiled is what is written."""

import io
import re
from pathlib import Path

from babel.messages.extract import extract, extract_from_dir, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize

from gateways.errors import ErrorCode
from payments.sentences import REFUSAL_SENTENCES, sentence_for

FOLDER = Path(settings.BASE_DIR) / "locale" / "de" / "LC_MESSAGES"


def sentences_in_code() -> set[str]:
    root = Path(settings.BASE_DIR)
    found = {message for _, _, message, *_ in extract_from_dir(root / "api", method_map=[("**.py", "python")])}
    found |= {message for _, message, *_ in extract_from_file("python", str(root / "payments" / "sentences.py"))}
    for folder in ("emails", "checkout"):
        for page in (root / "templates" / folder).rglob("*.*"):
            found |= _sentences_of(page)
    return {message for message in found if isinstance(message, str)}


def _sentences_of(template: Path) -> set[str | tuple[str, ...]]:
    """Return what a template has translated: Django rewrites it for the extractor as makemessages would."""
    lines = [line.strip() for line in templatize(template.read_text()).splitlines()]
    return {message for _, message, *_ in extract("python", io.BytesIO("\n".join(lines).encode()))}


def catalog():
    with (FOLDER / "django.po").open("rb") as file:
        return read_po(file, locale="de")


def test_every_sentence_is_translated_and_none_is_left_over():
    translated = {message.id: message.string for message in catalog() if message.id}

    assert set(translated) == sentences_in_code()
    assert all(translated.values())


def test_placeholders_are_the_same():
    for message in catalog():
        assert set(re.findall(r"%\(\w+\)s", str(message.id))) == set(re.findall(r"%\(\w+\)s", str(message.string)))


def test_the_compiled_catalog_is_the_written_one():
    compiled = io.BytesIO()
    write_mo(compiled, catalog())

    assert (FOLDER / "django.mo").read_bytes() == compiled.getvalue()


def test_every_refusal_has_a_sentence_in_both_languages():
    assert set(REFUSAL_SENTENCES) == set(ErrorCode)
    for code in ErrorCode:
        with translation.override("en"):
            english = sentence_for(code)
        with translation.override("de"):
            german = sentence_for(code)
        assert english != german
