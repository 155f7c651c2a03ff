"""Adyen's published test cards. Source: Adyen, "Test card numbers"."""

from dataclasses import dataclass

from gateways.sandbox import cards

AMEX = "amex"


@dataclass(frozen=True, slots=True)
class TestCard:
    """What makes a published test card succeed. `cvc` is None where the card has none."""

    __test__ = False

    brand: str
    expiry_month: int = 3
    expiry_year: int = 2030
    cvc: str | None = "737"
    asks_3ds: bool = False


def cvc_length(brand: str) -> int:
    """Return how many digits the card's security code has."""
    return 4 if brand == AMEX else 3


def brand_of(number: str) -> str | None:
    """Return the brand of a test card, or by number range; None where no brand uses the range."""
    card = TEST_CARDS.get(number)
    return card.brand if card is not None else cards.brand_of(number)


def _cards() -> dict[str, TestCard]:
    plain = {
        "visa": "4111111145551142 4988438843884305 4166676667666746 4111111111111111 4444333322221111 "
        "4871049999999910 4035501000000008 4571000000000001",
        "mc": "2222400070000005 5555341244441115 5577000055770004 5555444433331111 2222410740360010 5555555555554444 "
        "2222410700000002 2222400010000008 2223000048410010 2222400060000007 2223520443560010 2222400030000004 "
        "2222400050000009 5103221911199245",
        "diners": "36006666333344 36070500001020",
        "discover": "6011601160116611 6445644564456445",
        "jcb": "3569990010095841",
        "maestro": "6771798021000008",
        "dankort": "5019555544445555",
        "electron": "4001020000000009",
        "vpay": "4013250000000000006",
    }
    asking_3ds = {
        "visa": "4917610000000000 4212345678910006",
        "mc": "5454545454545454 5201281505129736",
        "cartebancaire": "4360000001000005 4035501428146300",
        "diners": "30569309025904",
        "discover": "6011111111111117",
    }
    found = {number: TestCard(brand) for brand, numbers in plain.items() for number in numbers.split()}
    for brand, numbers in asking_3ds.items():
        found.update({number: TestCard(brand, asks_3ds=True) for number in numbers.split()})
    found.update({number: TestCard("amex", cvc="7373") for number in ("370000000000002", "370000000100018")})
    found["371449635398431"] = TestCard("amex", cvc="7373", asks_3ds=True)
    found["6703444444444449"] = TestCard("bcmc", cvc=None, asks_3ds=True)
    found["5000550000000029"] = TestCard("maestro", cvc=None, asks_3ds=True)
    found["8171999927660000"] = TestCard("cup", 10, 2030)
    found["8171999900000000021"] = TestCard("cup", 10, 2030)
    found["6243030000000001"] = TestCard("cup", 12, 2029)
    found["6250947000000014"] = TestCard("cup", cvc="123", asks_3ds=True)
    found["5100060000000002"] = TestCard("mc", 12, 2029)
    found["4111112014267661"] = TestCard("visa", 12, 2030)
    return found


TEST_CARDS = _cards()
