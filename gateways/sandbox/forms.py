"""Read a form-encoded body as the nested object it stands for: `metadata[reference]=x`, `expand[]=a`, `expand[0]=a`."""

import re
from typing import Any
from urllib.parse import parse_qsl

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST = 8


class BadForm(Exception):
    """The body is no form, or its names contradict each other."""


def read_form(text: str) -> dict[str, Any]:
    """Return the object; numbered and empty brackets make lists, and all values are texts.

    :raises BadForm: it cannot be read.
    """
    found: dict[str, Any] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=500)
    except ValueError as error:
        raise BadForm(str(error)) from error
    for name, value in pairs:
        matched = _NAME.fullmatch(name)
        if matched is None:
            raise BadForm(f"the name {name[:80]!r} cannot be read")
        path = [matched[1], *_PART.findall(matched[2])]
        if len(path) > _DEEPEST:
            raise BadForm("a name is nested too deeply")
        _put(found, path, value)
    return {name: _with_lists(item) for name, item in found.items()}


def _put(found: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        key = part or str(len(found))
        found = found.setdefault(key, {})
        if not isinstance(found, dict):
            raise BadForm(f"{part} is both a value and an object")
    last = path[-1] or str(len(found))
    if isinstance(found.get(last), dict):
        raise BadForm(f"{last} is both a value and an object")
    found[last] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(item) for name, item in value.items()}
    is_list = bool(inner) and all(name.isascii() and name.isdigit() for name in inner)
    return [inner[name] for name in sorted(inner, key=int)] if is_list else inner
