"""Card data that must rest nowhere, and a look into every place where something could rest.

Only published test card numbers; the security code is published nowhere and so is found nowhere by chance.
"""

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator

import redis
from django.conf import settings
from django.db import connection

# Source: Adyen docs, "Test card numbers"; each used in another place, so that a finding says where it came in.
VISA, MASTERCARD, AMEX, MAESTRO = "4111111111111111", "5555341244441115", "370000000000002", "6771798021000008"
NUMBERS = (VISA, MASTERCARD, AMEX, MAESTRO)
SPACED = "4111 1111 1111 1111"
DASHED = "5555-3412-4444-1115"
SCATTERED = "6771.7980 2100\u20090008"
FULL_WIDTH = "４１１１１１１１１１１１１１１１"
SECURITY_CODE = "9173"
# Nothing an honest partner sends: what looks like a key or a session must not rest either.
WRONG_KEY = "pk_live_aWrongKeyThatNobodyMinted_0123456789"
EVIDENCE = "X3XtfGC9!aSessionResultThatNobodyGaveOut0123456789"
ENCRYPTED_CARD = "eyJhbGciOiJSU0EtT0FFUCJ9.anEncryptedCardNumberOfNobody"
STAFF_PASSWORD = "a passphrase of staff 7x"

_SEPARATED = r"[^0-9A-Za-z]{0,3}"
_NUMBERS = re.compile("|".join(rf"(?<![0-9]){_SEPARATED.join(number)}(?![0-9])" for number in NUMBERS))
_SECURITY_CODE = re.compile(
    rf"(?:cvc2?|cvv2?|csc|security.{{0,3}}code|securitycode|test_)[^0-9A-Za-z]{{0,12}}{SECURITY_CODE}", re.IGNORECASE
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")


def found_in(text: str, secrets: Iterable[str]) -> list[str]:
    """Return the card data and the secrets that a text holds, however they are spaced or spelled."""
    folded = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in _unescaped(text))
    found = [match[0] for match in _NUMBERS.finditer(folded)] + [match[0] for match in _SECURITY_CODE.finditer(folded)]
    return found + [secret for secret in secrets if secret in text]


_SECRET_NAME = re.compile("key|secret|password")
# What a browser is given.
_PUBLIC = frozenset({"client_key", "publishable_key", "environment_key"})


def our_secrets() -> list[str]:
    """Return the keys of this installation and the bait that stands for others'."""
    of_accounts = [
        value
        for account in settings.GATEWAY_CREDENTIALS.values()
        for name, value in account.items()
        if _SECRET_NAME.search(name) and name not in _PUBLIC and value
    ]
    ours = [settings.SECRET_KEY, settings.FINGERPRINT_KEY, *settings.FIELD_ENCRYPTION_KEYS]
    return [*of_accounts, *ours, WRONG_KEY, EVIDENCE, ENCRYPTED_CARD, STAFF_PASSWORD]


def rows_of_the_database() -> Iterator[tuple[str, str]]:
    """Yield every value of every table, whatever its type, as `table.column` and text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column.name for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    if value is not None:
                        yield f"{table}.{column}", _text(value)


def messages_of_the_broker() -> Iterator[tuple[str, str]]:
    """Yield every key of the broker with what it holds, bodies of messages decoded."""
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        for key in broker.scan_iter():
            name = _text(key)
            match broker.type(key):
                case b"string":
                    values = [broker.get(key)]
                case b"list":
                    values = broker.lrange(key, 0, -1)
                case b"hash":
                    values = [part for pair in broker.hgetall(key).items() for part in pair]
                case b"set":
                    values = list(broker.smembers(key))
                case b"zset":
                    values = broker.zrange(key, 0, -1)
                case other:
                    raise AssertionError(f"{name} is a {other!r}: teach this test to read it")
            for value in values:
                yield name, _text(value)


def _text(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        value = bytes(value).decode("latin-1")
    text = value if isinstance(value, str) else repr(value)
    runs = (match[0].rstrip("=") for match in _BASE64.finditer(text))
    decoded = [base64.b64decode(run[: len(run) // 4 * 4]).decode("latin-1") for run in runs]
    return "\n".join([text, *decoded])


def _unescaped(text: str) -> str:
    r"""Return a text with JSON's \uXXXX as the letters they stand for."""
    return re.sub(r"\\u[0-9a-fA-F]{4}", lambda match: str(json.loads(f'"{match[0]}"')), text)
