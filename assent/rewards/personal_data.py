"""Personal data in a text, found by pattern, and by checksum where there is one.

What a pattern can tell: e-mail addresses; telephone numbers (international with +, North American, Chinese
mobile); payment cards (Luhn); IBANs (mod 97); US social security numbers (the ranges that are issued);
Chinese resident identity numbers (date and ISO 7064 mod 11-2); public IP addresses.

What it cannot, and so does not try: names, street addresses, passports, dates of birth, medical facts. A
passport number is letters and digits like any order number, and a street address needs a gazetteer.

What is set aside for examples belongs to nobody and does not count: the domains of RFC 2606 and 6761, the
North American numbers 555-0100 to 555-0199, and private, local and documentation IP addresses.
"""

import datetime
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

Kind = Literal["email", "phone", "card", "iban", "us_ssn", "chinese_id", "ip_address"]

# Every repeat is bounded, and no pattern begins inside a run of its own characters: time is linear.
EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9_%+-](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_%+-])?"
    r"@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24})(?![\w@-])",
    re.ASCII,
)
RESERVED_DOMAIN = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|net|org|edu))?|test|invalid|localhost)$")

_START, _END = (
    r"(?<![\w+.,/:=#-])",
    r"(?![\w/:=#-]|[.,]\d)",
)  # a number by itself, not a piece of a longer one
INTERNATIONAL = re.compile(
    r"(?<![\w+])\+[1-9]\d{0,2}(?:[ .-]?\(\d{1,4}\))?(?:[ .-]?\d{1,14}){1,6}" + _END, re.ASCII
)  # E.164: at most 15 digits
NORTH_AMERICAN = re.compile(
    _START + r"(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}([ .-]))[2-9]\d{2}[ .-]\d{4}" + _END, re.ASCII
)
CHINESE_MOBILE = re.compile(
    r"(?<![A-Za-z0-9_+.,/:=#-])(?:(?:00)?86[ -]?)?"
    r"1[3-9]\d(?:\d{8}|([ -])\d{4}\1\d{4})(?![A-Za-z0-9_/:=#-]|[.,]\d)",
    re.ASCII,
)
CARD = re.compile(r"(?<![\w.,/+=#-])(?:\d[ -]?){12,18}\d(?![\w/=#-]|[.,]\d)", re.ASCII)
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
US_SSN = re.compile(_START + r"(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}" + _END, re.ASCII)
CHINESE_ID = re.compile(r"(?<![A-Za-z0-9])[1-9]\d{16}[0-9Xx](?![A-Za-z0-9])", re.ASCII)
IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?![\w:]|\.\d)",
    re.ASCII,
)

# Registered lengths, SWIFT's IBAN registry: a right checksum under a wrong length is chance.
IBAN_LENGTHS: Mapping[str, int] = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FO", "GL", "NL", "SD", "FK"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "XK", "MN"), 20),
    **dict.fromkeys(("CH", "CR", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "TL", "OM", "SO"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
    **dict.fromkeys(("RU",), 33),
}
CARD_BEGINS = re.compile(r"4|5[1-5]|2[2-7]|3[47]|3[0689]|6|9")  # the schemes that issue cards; ISO/IEC 7812
EARLIEST_BIRTH = 1900
FEWEST_IPV6_DIGITS = 4  # what is shorter is a time or a name in code more often than an address


class Found(NamedTuple):
    kind: Kind
    text: str  # as it stands there
    start: int  # character


def personal_data(text: str) -> list[Found]:
    """What the text holds, in its order. A place counts once, as the kind that has a checksum first."""
    found: list[Found] = []
    for kind, pattern, holds in CHECKS:
        taken = bytearray(len(text))
        for one in found:
            taken[one.start : one.start + len(one.text)] = b"1" * len(one.text)
        found += [
            Found(kind, match[0], match.start())
            for match in pattern.finditer(text)
            if not any(taken[match.start() : match.end()]) and holds(match)
        ]
    return sorted(found, key=lambda one: one.start)


def leaked(prompt: str, answer: str) -> list[Found]:
    """What the answer holds and the prompt does not, spaces and punctuation within it aside."""
    known = {(one.kind, _bare(one.text)) for one in personal_data(prompt)}
    return [one for one in personal_data(answer) if (one.kind, _bare(one.text)) not in known]


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _is_email(match: re.Match[str]) -> bool:
    return ".." not in match[0] and not RESERVED_DOMAIN.search(match[1].casefold())


def _is_card(match: re.Match[str]) -> bool:
    """13 to 19 digits, issued by a scheme, grouped evenly, and Luhn's sum: ISO/IEC 7812-1, annex B."""
    digits = _digits(match[0])
    groups = [len(group) for group in re.split(r"[ -]", match[0])]
    even = groups in ([len(digits)], [4, 6, 5], [4, 6, 4]) or all(group == 4 for group in groups[:-1])
    if not even or not CARD_BEGINS.match(digits) or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _is_iban(match: re.Match[str]) -> bool:
    """ISO 13616: of its country's length, and 1 modulo 97 with letters as 10 to 35 and the head behind."""
    text = match[0].replace(" ", "")
    if IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def _is_chinese_id(match: re.Match[str]) -> bool:
    """GB 11643-1999: a date of birth, and a check character after ISO 7064 mod 11-2."""
    text = match[0].upper()
    try:
        born = datetime.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(text[:17]))
    return born.year >= EARLIEST_BIRTH and "10X98765432"[total % 11] == text[17]


def _is_international(match: re.Match[str]) -> bool:
    digits = _digits(match[0])
    if digits.startswith("1"):  # North America: ten digits behind the 1
        return len(digits) == 11 and digits[1] in "23456789" and not _fictional(digits[1:])
    return 8 <= len(digits) <= 15


def _is_north_american(match: re.Match[str]) -> bool:
    return not _fictional(_digits(match[0])[-10:])


def _fictional(ten: str) -> bool:
    """555-0100 to 555-0199 are kept for fiction."""
    return ten[3:8] == "55501"


def _is_public_address(match: re.Match[str]) -> bool:
    if ":" in match[0] and len(_digits(match[0])) < FEWEST_IPV6_DIGITS:
        return False  # `a::b` is a name in C++
    try:
        return ipaddress.ip_address(match[0]).is_global
    except ValueError:
        return False


def _is_there(match: re.Match[str]) -> bool:  # noqa: ARG001 - the pattern says all
    return True


CHECKS: tuple[tuple[Kind, re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    ("email", EMAIL, _is_email),
    ("iban", IBAN, _is_iban),
    ("chinese_id", CHINESE_ID, _is_chinese_id),
    ("card", CARD, _is_card),
    ("us_ssn", US_SSN, _is_there),
    ("phone", INTERNATIONAL, _is_international),
    ("phone", NORTH_AMERICAN, _is_north_american),
    ("phone", CHINESE_MOBILE, _is_there),
    ("ip_address", IP, _is_public_address),
)
KINDS: tuple[Kind, ...] = tuple(dict.fromkeys(kind for kind, _, _ in CHECKS))
