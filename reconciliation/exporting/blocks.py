from collections.abc import Iterable, Iterator

# What is written, hashed and counted at once.
_BLOCK_BYTES = 64 * 1024


def blocks(rows: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Join rows to blocks of 64 KiB; yield how many are in each, and their bytes."""
    pending: list[bytes] = []
    size = 0
    for row in rows:
        pending.append(row)
        size += len(row)
        if size >= _BLOCK_BYTES:
            yield len(pending), b"".join(pending)
            pending, size = [], 0
    if pending:
        yield len(pending), b"".join(pending)
