"""From the bytes of a file to blocks of text, in constant memory: nothing here holds more than a block and a line."""

import codecs
import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from reconciliation.errors import UnreadableFile

# Several of one are in memory at once: as bytes, as text, and on their way to the database. A larger one is no faster.
BLOCK = 64 * 1024
# A line of the widest report has some thousand bytes; one that is longer than this is no line.
LONGEST_LINE = 1024 * 1024
# A quotation that goes over more lines than these is no cell of a report.
_LINES_NEAR = 1_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16, whose mark is the first half of this one.
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)")
_PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")

Progress = Callable[[int, int], None]


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encoding_of(path: Path, declared: str) -> str:
    """Return what a file is written in: what its own mark says, else what its source declares, else UTF-8.

    :raises UnreadableFile: it is packed, empty, or marked as something we do not read.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise UnreadableFile("the file is empty")
    if start.startswith(_PACKED):
        raise UnreadableFile("the file is packed; unpack it and import what is in it")
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            if not encoding:
                raise UnreadableFile("the file is UTF-32; save it as UTF-8")
            return encoding
    return declared or "utf-8"


def middle_of(path: Path, encoding: str, *, least: int) -> int | None:
    """Return where a file of `least` bytes or more can be cut in two: behind the record in its middle.

    A line ends a record where no quotation is open, which the number of quotes before it says. None where the file is
    smaller, is not UTF-8 (where a byte of a line's end is that, and nothing else), or no such place is near.
    """
    size = path.stat().st_size
    if size < least or encoding not in ("utf-8", "utf-8-sig"):
        return None
    with path.open("rb") as file:
        quotes, left = 0, size // 2
        while left > 0:
            block = file.read(min(left, BLOCK))
            quotes, left = quotes + block.count(b'"'), left - len(block)
        for _ in range(_LINES_NEAR):
            line = file.readline(LONGEST_LINE)
            quotes += line.count(b'"')
            if not line.endswith(b"\n") or file.tell() >= size:
                return None
            if quotes % 2 == 0:
                return file.tell()
    return None


def text_blocks(
    path: Path, encoding: str, progress: Progress | None = None, *, start: int = 0, end: int | None = None
) -> Iterator[str]:
    """Yield a file as text, block by block; or what lies between two places in it, of which progress is told.

    :raises UnreadableFile: bytes that the encoding does not have, a NUL, or a line or a quotation without end.
    """
    size, done, line_length, quotation_length = (end or path.stat().st_size) - start, 0, 0, 0
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(min(BLOCK, size - done)):
            done += len(block)
            try:
                text = decoder.decode(block, final=done >= size)
            except UnicodeDecodeError as error:
                place = start + done - len(block) + error.start
                raise UnreadableFile(
                    f"about byte {place} the file is not {encoding.removesuffix('-sig')}; "
                    "say in its source what it is written in"
                ) from None
            if "\0" in text:
                raise UnreadableFile("the file has a NUL character: it is no text, or UTF-16 without its mark")
            # Only what is open at the end of a block can be too long: a block is shorter than that.
            line_end = max(text.rfind("\n"), text.rfind("\r"))
            line_length = line_length + len(text) if line_end < 0 else len(text) - line_end
            quotes = text.count('"')
            if (quotation_length > 0) is (quotes % 2 == 0):
                quotation_length = quotation_length + len(text) if quotes == 0 else len(text) - text.rfind('"')
            else:
                quotation_length = 0
            if line_length > LONGEST_LINE or quotation_length > LONGEST_LINE:
                raise UnreadableFile(f"a line or a quotation is longer than {LONGEST_LINE:,} characters")
            if progress is not None:
                progress(done, size)
            yield text


def records_of(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Yield the records of a file with their numbers, header first and as 1; None is one that is no record.

    :raises UnreadableFile: see `text_blocks`.
    """
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(_lines_of(text_blocks(path, encoding)), delimiter=delimiter, strict=True)
    number = 0
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            record = None
        number += 1
        yield number, record


def header_of(path: Path, encoding: str, delimiter: str) -> list[str]:
    """Return the names in a file's first line.

    :raises UnreadableFile: there are none.
    """
    _, record = next(records_of(path, encoding, delimiter), (1, None))
    header = [name.strip() for name in record or []]
    if not any(header):
        raise UnreadableFile("the first line has no names of columns")
    return header


def _lines_of(blocks: Iterator[str]) -> Iterator[str]:
    """Yield the lines of a text with their ends; only these end a line, whatever else Unicode has for it."""
    rest = ""
    for block in blocks:
        text, start = rest + block, 0
        for found in _LINE.finditer(text):
            # A carriage return that ends the block may be half of a pair.
            if found.end() == len(text) and text.endswith("\r"):
                break
            start = found.end()
            yield found[0]
        rest = text[start:]
    if rest:
        yield rest
