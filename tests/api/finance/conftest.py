from pathlib import Path

import pytest
from django.utils import timezone

from api.finance.keys import mint_finance_key
from tests.api.finance.desk import Desk
from tests.reconciliation.month import ZONE, BookedMonth, booked_month


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    settings.OPERATOR_TIME_ZONE = ZONE
    directory: Path = tmp_path / "exports"
    settings.RECONCILIATION = {**settings.RECONCILIATION, "EXPORT_DIRECTORY": directory}
    return directory


@pytest.fixture
def month(transactional_db: None, folder) -> BookedMonth:
    return booked_month()


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    """Finance's own system, with a key for everything."""
    _, key = mint_finance_key(label="ledger", scopes=["exports:ask", "exports:read"], is_live=True, now=timezone.now())
    return Desk(key)
