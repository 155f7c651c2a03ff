"""Take one guest out of texts that are about more than that guest: by every name and address the guest goes by."""

import re
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

ERASED = "(erased)"
# A shorter name is part of too many words.
_SHORTEST = 4


class Mask:
    """Find what a guest goes by in texts, whatever the case and the spaces, and replace it there.

    `pattern` is a regular expression as PostgreSQL reads it; "" where nothing is known of the guest.
    """

    def __init__(self, names: Iterable[str]) -> None:
        known = {" ".join(name.split()) for name in names}
        # The longest first: "Ada King-Noel" is not to become "(erased)-Noel".
        worth_finding = sorted((name for name in known if len(name) >= _SHORTEST), key=lambda name: (-len(name), name))
        words = "|".join(r"\s+".join(re.escape(word) for word in name.split()) for name in worth_finding)
        self.pattern = rf"(^|\W)({words})(\W|$)" if words else ""
        self._found = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    def __call__(self, text: str, *, longest: int) -> str:
        """Return the text without the guest; one that would get too long for its column is erased as a whole."""
        masked = self._found.sub(ERASED, text) if self._found is not None else text
        return masked if len(masked) <= longest else ERASED

    def column(self, rows: QuerySet[Any], name: str) -> int:
        """Take the guest out of one column of the rows whose text names the guest; return of how many."""
        if not self.pattern:
            return 0
        longest = rows.model._meta.get_field(name).max_length
        changed = 0
        for pk, text in list(rows.filter(**{f"{name}__iregex": self.pattern}).values_list("pk", name)):
            masked = self(text, longest=longest)
            if masked != text:
                changed += rows.model._default_manager.filter(pk=pk).update(**{name: masked})
        return changed
