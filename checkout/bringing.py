"""Read what a guest's browser brings, by the names that the gateway declares and by what they mean."""

from collections.abc import Iterable, Mapping

from gateways.partner_talk import Brought, BroughtField


def read_brought(fields: Iterable[BroughtField], given: Mapping[str, str]) -> dict[Brought, str]:
    """Return the values by what they mean; what is empty or longer than a field may be was not brought.

    Names are compared without regard to case: some vendors let a merchant spell them.
    """
    values = {name.lower(): value for name, value in given.items()}
    found = {field.means: values.get(field.name.lower(), "") for field in fields}
    longest = {field.means: field.longest for field in fields}
    return {means: value for means, value in found.items() if 0 < len(value) <= longest[means]}
