"""The guide's table of errors and the code that sends them name the same codes and keys, with a cause and a cure."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from gateways.errors import ErrorCode

ROOT = Path(settings.BASE_DIR)
# The guide says once, above the table, when these come with any refusal.
WITH_ANY = {"uuid", "orderId", "cardPaymentId"}
OF_MONEY = {"amount", "currency", "currencyPrecision"}


def quoted(cell: str) -> list[str]:
    return cell.split("`")[1::2]


def told() -> dict[str, set[str]]:
    """Return the codes of the guide with the keys that come with them, from rows of code, keys, cause and cure."""
    table = (ROOT / "docs" / "octo.md").read_text().split("## Errors")[1].split("| `error` |")[1].split("\n\n")[0]
    found: dict[str, set[str]] = defaultdict(set)
    for line in table.splitlines()[2:]:
        codes, keys, cause, cure = (cell.strip() for cell in line.strip().strip("|").split("|"))
        assert len(cause) > 4, line
        assert len(cure) > 3, line
        for code in (
            codes.replace("(401)", "").replace("(403)", "").replace("(429)", "").replace("(500)", "").split(",")
        ):
            found[code.strip().strip("`")] |= {word for index, word in enumerate(keys.split("`")) if index % 2}
    return found


def sent() -> dict[str, set[str]]:
    """Return the codes that the dialect's code can refuse with, and the keys it sends with them."""
    found: dict[str, set[str]] = defaultdict(set)
    modules = [ast.parse(file.read_text()) for file in sorted((ROOT / "api" / "octo").rglob("*.py"))]
    constants = {
        target.id: node.value.value
        for module in modules
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for module in modules:
        for code, keys in _refusals(module, constants):
            found[code] |= keys
    return found


def _refusals(tree: ast.AST, constants: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Return each refusal of a module; a constant goes by one name everywhere."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal"):
            continue
        named = node.args[0]
        code = named.value if isinstance(named, ast.Constant) else constants[ast.unparse(named)]
        keys: set[str] = set()
        for keyword in node.keywords:
            match keyword.arg:
                case None:
                    assert ast.unparse(keyword.value).startswith("_money(")
                    keys |= OF_MONEY
                case "retry_after":
                    keys.add("retryAfter")
                case "http_status":
                    pass
                case name:
                    keys.add(name)
        yield str(code), keys


def test_every_code_that_can_be_sent_is_in_the_table_and_no_other():
    assert set(told()) == set(sent())
    assert len(sent()) > 20


def test_every_key_that_comes_with_a_code_is_in_its_rows_and_no_other():
    said = told()

    differing = {code: (keys - WITH_ANY, said[code] - WITH_ANY) for code, keys in sent().items()}
    assert {code: both for code, both in differing.items() if both[0] != both[1]} == {}


def test_every_way_to_be_refused_by_a_bank_is_in_the_table():
    table = (ROOT / "docs" / "octo.md").read_text().split("## Errors")[1]

    assert [code.value for code in ErrorCode if code.value not in table] == []
