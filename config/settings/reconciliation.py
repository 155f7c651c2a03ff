"""How settlement files are taken in, and how exports are given out."""

from typing import Any

from config.settings.environment import VAR_DIR, env

RECONCILIATION: dict[str, Any] = {
    # A larger file is refused before it is read.
    "MOST_BYTES": env.int("SETTLEMENT_MOST_BYTES", default=4 * 1024**3),
    # Where uploaded files wait for a worker.
    "UPLOAD_DIRECTORY": VAR_DIR / "settlement",
    # After how long a report that could not be fetched is asked for again; the last wait is repeated.
    "FETCH_RETRY_SECONDS": [5, 30, 120, 600, 1800, 3600],
    # Gateways that list their reports are asked for those of so many days: an announcement may be lost.
    "REPORTS_OF_DAYS": 7,
    # Where exports lie until they are pruned.
    "EXPORT_DIRECTORY": VAR_DIR / "exports",
    # A larger file is not attached to the mail of a schedule, which then says where it can be downloaded.
    "MOST_MAILED_BYTES": env.int("EXPORT_MOST_MAILED_BYTES", default=5 * 1024**2),
    "KEEP_EXPORTS_DAYS": env.int("KEEP_EXPORTS_DAYS", default=90),
    # How long before its transaction began a posting may say that it was posted: a task reads the clock first, and ends
    # within CELERY_TASK_TIME_LIMIT.
    "WATERMARK_MARGIN_SECONDS": 120,
}
