class BackofficeError(Exception):
    """Be the root of what the back office refuses; the text is for the person who asked."""


class StaleWish(BackofficeError):
    """Say that a confirmation is too old, somebody else's, for something else, or was pressed before."""


class AboveLimit(BackofficeError):
    """Say that it is more than the person may give back alone."""


class NoLimit(BackofficeError):
    """Say that no role of the person may give anything back in the currency."""


class MayNotRelease(BackofficeError):
    """Say that part of it is a hold, which the person may not release."""


class RequestIsOpen(BackofficeError):
    """Say that the same payment or order has a refund that waits for approval already."""


class NotDecidable(BackofficeError):
    """Say that a request is decided, is over, or is the person's own."""


class NotAgreeable(BackofficeError):
    """Say that a limit counts, is over, or is the person's own."""
