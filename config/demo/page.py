"""How the demo looks on a terminal: numbered steps, aligned facts, a little color where there is a person."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TextIO

WIDTH = 92
_LABEL_WIDTH = 14


class Page:
    """Print the demo's steps; each line leaves at once, so that nothing looks stuck."""

    def __init__(self, output: TextIO = sys.stdout) -> None:
        self._output = output
        self._is_colored = output.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._started = time.monotonic()
        self._step = 0

    def title(self, text: str) -> None:
        """Print the first line."""
        self._line("")
        self._line(self._paint("1", text))
        self._line(self._paint("2", "─" * WIDTH))

    def progress(self, text: str) -> None:
        """Print what is being done, with the seconds since the start."""
        self._line(self._paint("2", f"  {time.monotonic() - self._started:5.1f} s  {text}"))

    def step(self, text: str, wire: str = "") -> None:
        """Begin a step; `wire` is the call that it is about."""
        self._step += 1
        head = f"{self._step:>2}  {text}"
        gap = " " * max(2, WIDTH - len(head) - len(wire))
        self._line("")
        self._line(self._paint("1", head) + gap + self._paint("2", wire) if wire else self._paint("1", head))

    def fact(self, label: str, value: object, note: str = "") -> None:
        """Print one fact of a step."""
        text = f"    {label:<{_LABEL_WIDTH}} {value}"
        self._line(text + (self._paint("2", f"  {note}") if note else ""))

    def held(self, text: str) -> None:
        """Print that what should happen did."""
        self._line("    " + self._paint("32", f"✓ {text}"))

    def failed(self, text: str) -> None:
        """Print why the story ends here."""
        self._line("")
        self._line(self._paint("31", f"✗ {text}"))

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Print rows of a name and figures, figures to the right."""
        lines = [list(row) for row in rows]
        widths = [max(len(row[column]) for row in lines) for column in range(len(lines[0]))]
        for row in lines:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            self._line("    " + "   ".join(cells).rstrip())

    def text(self, text: str = "") -> None:
        """Print a plain line."""
        self._line(f"    {text}" if text else "")

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._is_colored else text

    def _line(self, text: str) -> None:
        print(text, file=self._output, flush=True)
