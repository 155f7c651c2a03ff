"""Find and mask card numbers and security codes in any text, so that none of them ever rests: below everything, like
money.
"""

import re
import unicodedata

_SHORTEST, _LONGEST = 13, 19  # digits of a card number. Source: ISO/IEC 7812-1
_SEEN_DIGITS = 4
_SEPARATORS = frozenset(".·•,_/|*'’:;")
_SEPARATING_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Pd", "Cf", "Cc"})  # spaces, dashes, invisible ones
_MOST_SEPARATORS = 3  # in a row; more of them end a number
_ENOUGH_DIGITS = re.compile(r"\d(?:\D*\d){12}")
# Its groups of digits would pass for a card number now and then, and an id with a hole in it names nothing.
_UUID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])", re.IGNORECASE)
# Three or four digits are anything, unless somebody calls them a security code.
_SECURITY_CODE = re.compile(
    r"\b((?:cvc2?|cvv2?|csc|security[ _-]?code|(?:karten)?prüf(?:nummer|ziffer))"
    r"(?:\W{0,3}(?:is|ist|code))?\W{0,5})\d{3,4}(?!\d)",
    re.IGNORECASE,
)
# (first and last beginning, lengths) of the numbers that are issued. Source: the schemes' own publications: Visa,
# Mastercard, American Express, Discover, Diners Club, JCB, UnionPay, Maestro.
_ISSUED = (
    ("4", "4", (13, 16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("6011", "6011", range(16, 20)),
    ("644", "649", range(16, 20)),
    ("65", "65", range(16, 20)),
    ("300", "305", range(14, 20)),
    ("36", "36", range(14, 20)),
    ("38", "39", range(14, 20)),
    ("3528", "3589", range(16, 20)),
    ("62", "62", range(16, 20)),
    ("50", "50", range(13, 20)),
    ("56", "58", range(13, 20)),
    ("63", "63", range(13, 20)),
    ("67", "67", range(13, 20)),
)


def mask_card_numbers(text: str) -> str:
    """Return the text with all but the last four digits of every card number replaced by asterisks.

    A card number is 13 to 19 digits of any script that satisfy the Luhn check, however they are spaced. It may stand
    beside other groups of digits (an expiry date, a security code), so every stretch of whole groups is tried, and
    where stretches overlap each of them is masked: too much rather than too little. A security code is masked where it
    is called one. A uuid is ordinary text. Masking again changes nothing.
    """
    text = _SECURITY_CODE.sub(r"\1***", text)
    while _ENOUGH_DIGITS.search(text):
        characters = list(text)
        for groups in _runs_of_digit_groups(text):
            for start in range(len(groups)):
                for position in _positions_to_mask(text, groups, start):
                    characters[position] = "*"
        masked = "".join(characters)
        if masked == text:
            break
        text = masked  # what is left of a number is a group of its own now, beside others
    return text


def count_card_numbers(text: str) -> int:
    """Return how many card numbers a text holds, counting only such as an issuer gives.

    Masking is free to mask too much; a report that cries wolf is not read. A number in a text that was masked is none.
    """
    found = 0
    if not _ENOUGH_DIGITS.search(text):
        return found
    for groups in _runs_of_digit_groups(text):
        start = 0
        while start < len(groups):
            taken = _groups_of_issued_number(text, groups, start)
            found += taken > 0
            start += max(taken, 1)
    return found


def _groups_of_issued_number(text: str, groups: list[list[int]], start: int) -> int:
    """Return how many groups, from one on, make a number that an issuer gives; 0 where they make none."""
    digits: list[int] = []
    for taken, group in enumerate(groups[start:], start=1):
        digits.extend(unicodedata.decimal(text[position]) for position in group)
        if len(digits) > _LONGEST:
            break
        if len(digits) >= _SHORTEST and _is_issued("".join(map(str, digits))) and _satisfies_luhn(digits):
            return taken
    return 0


def _is_issued(digits: str) -> bool:
    return any(len(digits) in lengths and first <= digits[: len(first)] <= last for first, last, lengths in _ISSUED)


def _runs_of_digit_groups(text: str) -> list[list[list[int]]]:
    """Return runs of digit groups, as positions: groups of a run have only separators between them."""
    runs: list[list[list[int]]] = []
    ordinary = {position for found in _UUID.finditer(text) for position in range(*found.span())}
    separators = _MOST_SEPARATORS + 1
    for position, character in enumerate(text):
        if position in ordinary:
            separators = _MOST_SEPARATORS + 1
        elif character.isdecimal():
            if separators > _MOST_SEPARATORS:
                runs.append([[]])
            elif separators:
                runs[-1].append([])
            runs[-1][-1].append(position)
            separators = 0
        elif character in _SEPARATORS or unicodedata.category(character) in _SEPARATING_CATEGORIES:
            separators += 1
        else:
            separators = _MOST_SEPARATORS + 1
    return runs


def _positions_to_mask(text: str, groups: list[list[int]], start: int) -> list[int]:
    """Return all but the last four positions of the longest card number that begins with a group, if one does."""
    positions: list[int] = []
    found: list[int] = []
    for group in groups[start:]:
        positions.extend(group)
        if len(positions) > _LONGEST:
            break
        if len(positions) >= _SHORTEST and _satisfies_luhn([unicodedata.decimal(text[each]) for each in positions]):
            found = positions[:-_SEEN_DIGITS]
    return found


def _satisfies_luhn(digits: list[int]) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if index % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
