"""What the garbage collector of a web process need not look at, again and again, in the middle of a request."""

import gc

from django.urls import get_resolver


def spare_what_stays() -> None:
    """Load what a first request would load, and take all that is loaded out of the collector's rounds.

    A full round looks at every object that lives, and the code of the whole project is a quarter of a million of them:
    one request in some dozens waited 150 to 250 ms for that, whatever it asked for. Call it before the first request;
    what comes later is collected as ever.
    """
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
