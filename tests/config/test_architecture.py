import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from config.demo.texts import TEXTS

OURS = {
    "api",
    "backoffice",
    "bookings",
    "card_numbers",
    "celery_app",
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


def test_the_celery_app_imports_nothing_of_ours() -> None:
    assert imported_by(settings.BASE_DIR / "celery_app.py") & OURS == set()


def test_gateways_package_is_empty_so_that_the_sandbox_needs_no_django() -> None:
    assert (settings.BASE_DIR / "gateways" / "__init__.py").read_text().strip() == ""


# A gateway's folders, its settings line and variables, the texts of the demo and of made-up volume, what documents it,
# and its library; and the requests of a dialect on whose wire one of the words means something else.
NAMES_GATEWAYS = re.compile(
    r"(tests|docs|gateways/adapters/\w+|gateways/sandbox/\w+)/|README\.md|\.env\.example|requirements/"
    r"|config/settings/gateways\.py|config/demo/texts\.py|config/volume/catalog\.py|api/invoices/requests\.py"
)


def test_no_line_outside_its_own_places_names_a_gateway() -> None:
    vendors = {texts.name for texts in TEXTS.values() if texts.has_page}
    slugs = set(settings.GATEWAYS)
    # A slug may be a common word; such a one is a name only where it is quoted.
    words = {slug for slug in slugs if any(slug in vendor.lower() for vendor in vendors)}
    quoted = "".join(f"|[\"']{slug}[\"']" for slug in slugs - words)
    named = re.compile(f"(?i:{'|'.join(sorted(vendors | words))}){quoted}")

    offending = [
        f"{path}:{number}: {line.strip()}"
        for path in files_of_ours()
        if not NAMES_GATEWAYS.match(path)
        for number, line in enumerate((settings.BASE_DIR / path).read_bytes().decode(errors="replace").splitlines(), 1)
        # The dialect of the invoices documents its options under a word that is also a gateway's name.
        # And the theme's tables have stripes.
        if named.search(line.replace("striped", "")) and "gateway_options" not in line
    ]

    assert offending == []


@pytest.mark.parametrize("slug", sorted(settings.GATEWAYS))
def test_no_gateway_s_folder_names_another_gateway(slug: str) -> None:
    others = re.compile("|".join(sorted(set(settings.GATEWAYS) - {slug, "external"})), re.IGNORECASE)

    offending = [
        f"{path}:{number}: {line.strip()}"
        for path in files_of_ours()
        if re.match(rf"gateways/(adapters|sandbox)/{slug}/.*\.py", path)
        for number, line in enumerate((settings.BASE_DIR / path).read_text().splitlines(), 1)
        if others.search(line)
    ]

    assert offending == []


def test_no_line_of_sql_is_longer_than_one_of_python() -> None:
    too_long = [
        f"{path}:{number}"
        for path in files_of_ours()
        if path.endswith(".sql")
        for number, line in enumerate((settings.BASE_DIR / path).read_text().splitlines(), 1)
        if len(line) > 120
    ]

    assert too_long == []


def files_of_ours() -> Iterator[str]:
    """Return the paths of everything that is written by hand; what tools leave behind begins with a dot."""
    for folder, folders, names in os.walk(settings.BASE_DIR):
        folders[:] = [name for name in folders if name not in ("var", "__pycache__") and not name.startswith(".")]
        for name in names:
            if not name.endswith((".pyc", ".mo", ".png", ".woff2")):
                yield str((Path(folder) / name).relative_to(settings.BASE_DIR))
