"""Every state and every error code has a five-digit code, a status and a sentence, and the guide lists them all."""

from pathlib import Path

from django.conf import settings

from api.context.errors import STATUS_OF_TYPE
from api.context.models import ContextPreference
from api.context.results import RESULT_OF_ERROR, RESULT_OF_STATE, UNDECIDED, ResultCode, message_of, status_of
from gateways.errors import ErrorCode
from payments.states import State

GUIDE = (Path(settings.BASE_DIR) / "docs" / "context.md").read_text()


def test_no_state_and_no_error_is_without_a_result():
    assert set(RESULT_OF_STATE) == set(State)
    assert set(RESULT_OF_ERROR) == set(ErrorCode)
    assert len(set(RESULT_OF_ERROR.values())) == len(ErrorCode)


def test_no_result_is_without_a_cause():
    told = {*RESULT_OF_STATE.values(), *RESULT_OF_ERROR.values(), ResultCode.UNKNOWN}

    assert told == set(ResultCode)


def test_every_result_has_five_digits_a_status_and_a_sentence():
    preference = ContextPreference()
    statuses = {result: status_of(result, preference) for result in ResultCode}

    assert all(len(result) == 5 and result.isdigit() for result in ResultCode)
    assert {result for result, status in statuses.items() if status == 201} == {ResultCode.ACCEPTED}
    assert {result for result, status in statuses.items() if status == 202} == UNDECIDED
    assert status_of(ResultCode.ACCEPTED, ContextPreference(success_status=200)) == 200
    assert len({message_of(result) for result in ResultCode}) == len(ResultCode)


def test_the_guide_has_a_row_for_every_code_and_every_error_type():
    rows = {line.split("`")[1]: line for line in GUIDE.splitlines() if line.startswith("| `")}

    assert {code for code in rows if code.isdigit()} == set(ResultCode)
    for error_type, status in STATUS_OF_TYPE.items():
        assert f"| {status} |" in rows[error_type]
