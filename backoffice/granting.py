"""Give permissions to groups, from a migration or a test."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def grant(apps: Any, grants: Mapping[Any, Iterable[str]]) -> None:
    """Make sure that the groups (by their names) exist and hold at least these permissions, named as `app.codename`.

    What staff gave a group besides stays. Permissions are made here where they are missing: Django makes those of a
    migration only after the last one, which is too late for the next.

    :raises KeyError: a permission is of no model in this state of the apps.
    """
    permissions = apps.get_model("auth", "Permission").objects
    groups = apps.get_model("auth", "Group").objects
    there = {f"{row.content_type.app_label}.{row.codename}": row for row in permissions.select_related("content_type")}
    missing = {name for names in grants.values() for name in names} - there.keys()
    known = {f"{options.app_label}.{codename}": (options, codename, name) for options, codename, name in _all(apps)}
    for permission_name in sorted(missing):
        options, codename, name = known[permission_name]
        content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
            app_label=options.app_label, model=options.model_name
        )
        there[permission_name] = permissions.create(content_type=content_type, codename=codename, name=name)
    for group_name, names in grants.items():
        group, _ = groups.get_or_create(name=group_name)
        group.permissions.add(*(there[name] for name in names))


def _all(apps: Any) -> Iterator[tuple[Any, str, str]]:
    """Yield options, codename and name of every permission, as Django names them."""
    for model in apps.get_models():
        options = model._meta
        for action in options.default_permissions:
            yield options, f"{action}_{options.model_name}", f"Can {action} {options.verbose_name_raw}"
        for codename, name in options.permissions:
            yield options, codename, name
