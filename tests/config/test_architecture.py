import ast
from pathlib import Path

import pytest
from django.conf import settings

OURS = {
    "api",
    "backoffice",
    "bookings",
    "card_numbers",
    "checkout",
    "config",
    "gateways",
    "money",
    "payments",
    "reconciliation",
    "tests",
}


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("module", ["money.py", "card_numbers.py"])
def test_money_and_card_numbers_are_below_everything(module: str) -> None:
    imported = imported_by(settings.BASE_DIR / module)

    assert imported & (OURS | {"django", "rest_framework", "celery"}) == set()


def test_gateways_package_is_empty_so_that_the_sandbox_needs_no_django() -> None:
    assert (settings.BASE_DIR / "gateways" / "__init__.py").read_text().strip() == ""
