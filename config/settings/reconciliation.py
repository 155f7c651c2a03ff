"""How settlement files are taken in."""

from typing import Any

from config.settings.environment import VAR_DIR, env

RECONCILIATION: dict[str, Any] = {
    # A larger file is refused before it is read.
    "MOST_BYTES": env.int("SETTLEMENT_MOST_BYTES", default=4 * 1024**3),
    # Where uploaded files wait for a worker.
    "UPLOAD_DIRECTORY": VAR_DIR / "settlement",
}
