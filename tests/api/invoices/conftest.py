import pytest

from tests.api.invoices.desk import PATH, SLUG, Desk, build_desk


@pytest.fixture
def desk(db, settings) -> Desk:
    settings.GATEWAYS = {**settings.GATEWAYS, SLUG: PATH}
    return build_desk()
