import secrets

# No 0, O, 1, I, L or U: read aloud over a bad telephone line, and typed from a crumpled ticket.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_reference(prefix: str, *, length: int = 8) -> str:
    """Return a reference people can read aloud, such as BK-7Q2KMX4H."""
    return f"{prefix}-{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


def new_code(*, is_live: bool) -> str:
    """Return what is printed in a ticket's barcode: too long to guess, and marked when it opens no door."""
    return new_reference("TK" if is_live else "TEST", length=16)
