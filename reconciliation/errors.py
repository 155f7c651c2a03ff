"""What can be wrong with a file or a wish; each error is a sentence for people."""


class ReconciliationError(Exception):
    """Be the root of what reconciliation refuses."""


class UnknownSource(ReconciliationError):
    """Say that no account and no source goes by a name."""


class UnreadableFile(ReconciliationError):
    """Say that a file as a whole cannot be taken in, and why; nothing of it was."""


class BadLines(ReconciliationError):
    """Say that lines of a file cannot be read, where one is enough to refuse it; nothing of it was taken in.

    `first` are the first of them: number and reason.
    """

    def __init__(self, count: int, first: list[tuple[int, str]]) -> None:
        super().__init__(f"{count} bad lines, nothing was taken in; line {first[0][0]}: {first[0][1]}")
        self.count = count
        self.first = first


class SourceIsBusy(ReconciliationError):
    """Say that another process works on the files of the same source."""


class ExportError(ReconciliationError):
    """Be the root of what is refused about an export."""


class UnknownReport(ExportError):
    """Say that no report goes by a name."""


class UnusableFilter(ExportError):
    """Say that a report cannot be narrowed so, and why."""


class NotCompleteYet(UnusableFilter):
    """Say that a period was closed so short a time ago that not all of it may be there: in some minutes it is."""


class ExportIsBusy(ExportError):
    """Say that another process writes the same export."""


class FileIsGone(ExportError):
    """Say that an export has no file: not yet, or no longer."""


class NotResolvable(ReconciliationError):
    """Say why a discrepancy cannot be worked on in this way; nothing was done."""
