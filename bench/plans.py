"""What PostgreSQL does for a query, in one line: which tables it reads, and where the time goes."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_NODES_TOLD, _TABLES_TOLD = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Be what a query read, and the parts of its plan that took the longest, in words; "" for what has no plan."""

    reads: str
    nodes: str


def explain(statement: str) -> Plan:
    """Run a query once more and return what its plan says."""
    from django.db import connection

    if not statement.lstrip("(").lstrip().startswith(("SELECT", "WITH")):
        return Plan(reads="", nodes="")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
        (found,) = cursor.fetchone()
    [explained] = json.loads(found) if isinstance(found, str) else found
    return told(explained["Plan"])


def told(plan: dict[str, Any]) -> Plan:
    """Return a plan in words; `plan` is the root that EXPLAIN (FORMAT JSON) gives."""
    nodes = list(_nodes(plan))
    by_table: dict[str, float] = defaultdict(float)
    for node in nodes:
        if "Relation Name" in node:
            by_table[node["Relation Name"]] += _own_time(node)
    tables = sorted(by_table, key=lambda table: -by_table[table])
    more = [f"{len(tables) - _TABLES_TOLD} more"] if len(tables) > _TABLES_TOLD else []
    longest = sorted(nodes, key=_own_time, reverse=True)[:_NODES_TOLD]
    return Plan(
        reads=", ".join([*tables[:_TABLES_TOLD], *more]),
        nodes="; ".join(_words(node) for node in longest),
    )


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def _time(node: dict[str, Any]) -> float:
    """Return how long a node and all below it took, in milliseconds, over all its loops."""
    return float(node["Actual Total Time"]) * float(node["Actual Loops"])


def _own_time(node: dict[str, Any]) -> float:
    # What a CTE takes is in whoever reads it as well.
    return max(0.0, _time(node) - sum(_time(child) for child in node.get("Plans", [])))


def _words(node: dict[str, Any]) -> str:
    loops = int(node["Actual Loops"])
    place = node.get("Index Name") or node.get("Relation Name") or node.get("Function Name")
    name = node["Node Type"] + (f" of {place}" if place else "")
    rows = round(float(node["Actual Rows"]) * loops)
    parts = [f"{name}: {rows:,} rows" + (f" in {loops:,} loops" if loops > 1 else "")]
    if removed := round(float(node.get("Rows Removed by Filter", 0)) * loops):
        parts.append(f"{removed:,} filtered out")
    if node.get("Sort Space Type") == "Disk" or node.get("Disk Usage"):
        parts.append(f"{(node.get('Sort Space Used') or node['Disk Usage']) / 1024:.0f} MB spilled")
    if read := node.get("Shared Read Blocks", 0) if place else 0:
        parts.append(f"{read:,} pages read from disk")
    return f"{', '.join(parts)} ({_own_time(node):.0f} ms)"
