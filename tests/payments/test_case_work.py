"""What people do about cases: one has it at a time, and what they did stays."""

import pytest
from django.db import DatabaseError, transaction

from payments.errors import CaseIsClosed, CaseIsTaken
from payments.models import Case, CaseKind, CaseStep
from payments.services import case_work
from payments.services.case_work import close_case_for_reason, holder_among, release_case, steps_of, take_case
from payments.services.cases import open_case
from tests.payments.races import meet, run_together, take_row_locks_away

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def case(house) -> Case:
    payment = house.payment()
    open_case(payment=payment, kind=CaseKind.REFUND_FAILED, detail="", now=house.clock())
    return Case.objects.get()


def take_together(house, case):
    def take(by):
        return lambda: take_case(case_id=case.pk, by=by, holder_seen="", now=house.clock())

    return run_together(take("ada"), take("ben"))


def test_of_two_who_take_a_case_at_once_one_has_it(house, case, monkeypatch):
    meet(monkeypatch, case_work, "_holder")

    results = take_together(house, case)

    assert [type(result) for result in results if isinstance(result, Exception)] == [CaseIsTaken]
    assert CaseStep.objects.count() == 1


def test_control_without_the_lock_both_believe_they_have_it(house, case, monkeypatch):
    take_row_locks_away(monkeypatch)
    meet(monkeypatch, case_work, "_holder")

    results = take_together(house, case)

    assert [type(result) for result in results] == [Case, Case]
    assert CaseStep.objects.count() == 2


def test_only_who_has_a_case_lets_go_of_it(house, case):
    take_case(case_id=case.pk, by="ada", holder_seen="", now=house.clock())
    with pytest.raises(CaseIsTaken):
        release_case(case_id=case.pk, by="ben", now=house.clock())

    release_case(case_id=case.pk, by="ada", now=house.clock())

    steps = steps_of([case.pk])[case.pk]
    assert ([step.kind for step in steps], holder_among(steps)) == (["TAKEN", "RELEASED"], "")
    take_case(case_id=case.pk, by="ben", holder_seen="", now=house.clock())
    assert holder_among(steps_of([case.pk])[case.pk]) == "ben"


def test_a_closed_case_is_worked_on_no_more_and_one_that_comes_back_is_a_new_one(house, case):
    close_case_for_reason(case_id=case.pk, by="ada", reason="paid by transfer", now=house.clock())
    with pytest.raises(CaseIsClosed):
        take_case(case_id=case.pk, by="ben", holder_seen="", now=house.clock())

    open_case(payment=case.payment, kind=CaseKind.REFUND_FAILED, detail="", now=house.clock())

    assert Case.objects.filter(closed_at__isnull=True).exclude(pk=case.pk).count() == 1
    assert CaseStep.objects.count() == 1


def test_what_was_done_is_never_changed_or_deleted(house, case):
    take_case(case_id=case.pk, by="ada", holder_seen="", now=house.clock())

    for change in (lambda: CaseStep.objects.update(by="ben"), lambda: CaseStep.objects.all().delete()):
        with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
            change()

    assert CaseStep.objects.get().by == "ada"
