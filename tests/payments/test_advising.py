"""Whatever a card is refused for, staff are told what to say, what to try and what to leave."""

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from gateways.errors import DeclineClass, ErrorCode
from payments.services.advising import ADVICE_BY_CLASS, ADVICE_BY_CODE, advice_for, decline_class


def test_every_code_and_every_class_has_advice():
    assert set(ADVICE_BY_CODE) == set(ErrorCode)
    assert set(ADVICE_BY_CLASS) == set(DeclineClass)
    for advice in (*ADVICE_BY_CODE.values(), *ADVICE_BY_CLASS.values()):
        assert "Nothing was taken." in advice.tell
        assert advice.attempt
        assert advice.never


@pytest.mark.parametrize("gateway", sorted(settings.GATEWAYS))
def test_a_gateways_classes_are_of_codes_that_it_knows_as_refusals(gateway):
    classes = import_string(settings.GATEWAYS[gateway]).decline_classes

    for code in classes:
        assert code == code.casefold()
        assert decline_class(gateway=gateway, raw_code=code) is classes[code]


@pytest.mark.parametrize(
    ("gateway", "raw_code", "kind"),
    [
        ("adyen", "5", DeclineClass.LOST_OR_STOLEN),
        ("adyen", "38", DeclineClass.AUTHENTICATION),
        ("adyen", "12", None),
        ("stripe", "stolen_card", DeclineClass.LOST_OR_STOLEN),
        ("stripe", "do_not_honor", DeclineClass.ASK_THE_BANK),
        ("viva", "10043", DeclineClass.LOST_OR_STOLEN),
        ("viva", "10210", DeclineClass.SECURITY_CODE),
        ("cardgate", "LOST_OR_STOLEN_CARD", DeclineClass.LOST_OR_STOLEN),
        ("spreedly", "Lost/Stolen card", DeclineClass.LOST_OR_STOLEN),
        ("spreedly", "do_not_honor", DeclineClass.ASK_THE_BANK),
        ("external", "anything", None),
        ("penny that is not here", "anything", None),
    ],
)
def test_a_vendors_code_says_more_where_its_adapter_knows(gateway, raw_code, kind):
    assert decline_class(gateway=gateway, raw_code=raw_code) is kind


def test_nobody_is_told_that_a_card_is_stolen_and_nobody_tries_it_again():
    advice = advice_for(gateway="adyen", error_code=ErrorCode.TRANSACTION_DECLINED, raw_code="5")

    assert advice.tell == "The bank declined the payment. Nothing was taken."
    assert advice.attempt == "Another card, or another way to pay."
    assert advice.never == "Do not tell the guest more than this: whoever holds the card may not be its owner."


def test_a_code_that_no_adapter_knows_more_of_is_advised_by_ours():
    assert (
        advice_for(gateway="adyen", error_code=ErrorCode.CREDIT_LIMIT_EXCEEDED, raw_code="12")
        == (ADVICE_BY_CODE[ErrorCode.CREDIT_LIMIT_EXCEEDED])
    )
