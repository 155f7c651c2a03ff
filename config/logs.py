"""Structured logs: one event name, key-value pairs, and a request id that goes wherever the work goes."""

import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from card_numbers import mask_card_numbers

# Names that never carry anything a log may keep, wherever they turn up.
_SECRET_KEYS = re.compile(
    r"authorization|cookie|password|secret|api_?key|hmac|signature|cvc|cvv|card_?number|encrypted\w*|session_?data|(^|_)token$|(^|_)pan$",
    re.IGNORECASE,
)


def scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank secrets by their name and card numbers by their digits: the last line of defense, never the first."""
    for key, value in event.items():
        if _SECRET_KEYS.search(key):
            event[key] = "[scrubbed]"
        elif isinstance(value, str):
            event[key] = mask_card_numbers(value)
        elif isinstance(value, dict | list | tuple):
            event[key] = mask_card_numbers(repr(value))
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
]


def logging_settings(*, log_format: str, level: str) -> dict[str, Any]:
    """Return the dictConfig under which structlog's events and other libraries' records leave alike, on stderr."""
    last: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        scrub,
    ]
    if log_format == "console":
        last.append(structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0))
    else:
        last.append(structlog.processors.JSONRenderer())
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "structlog.stdlib.ProcessorFormatter",
                "foreign_pre_chain": _SHARED,
                "processors": last,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # The request log has one line per request already; these repeat it, or tell of every beat.
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Apply the logging settings and let structlog's loggers write through them."""
    logging.config.dictConfig(settings)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
