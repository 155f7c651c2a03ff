"""The page about reports names every one, with every column."""

import re
from pathlib import Path

from reconciliation.exporting.registry import REPORTS

PAGE = (Path(__file__).parents[3] / "docs" / "exports.md").read_text(encoding="utf-8")


def test_every_report_and_every_column_is_explained():
    named = set(re.findall(r"`([^`\s]+)`", PAGE))

    for slug, report in REPORTS.items():
        assert slug in named
        assert f"**{slug}**: " in PAGE
        missing = {column.name for column in report.columns} - named
        assert missing == set(), slug
        assert f"| `{slug}` |" in PAGE
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{slug}` |"))
        assert (f"`{report.period}`" if report.period else "| – |") in row
