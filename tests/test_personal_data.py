"""Personal data by pattern: published test numbers are found, and what merely looks like them is not."""

import pytest

from assent.rewards.personal_data import leaked, personal_data

FOUND = [
    ("email", "alice.lee+news@mail.uni-bonn.de"),
    ("email", "o_brien99@gmail.com"),
    ("phone", "+44 20 7946 0958"),  # Ofcom's number for drama: international form
    ("phone", "+49 (0)30 901820"),
    ("phone", "+86 138 0013 8000"),  # China Mobile's published top-up line
    ("phone", "+12127365000"),
    ("phone", "(212) 736-5000"),
    ("phone", "212-736-5000"),
    ("phone", "1-212-736-5000"),
    ("phone", "13800138000"),
    ("phone", "138-0013-8000"),
    # the card schemes' published test numbers
    ("card", "4111 1111 1111 1111"),
    ("card", "4111111111111111"),
    ("card", "5555-5555-5555-4444"),
    ("card", "378282246310005"),
    ("card", "3782 822463 10005"),
    ("card", "6011111111111117"),
    ("card", "30569309025904"),
    # ISO 13616 and the SWIFT registry's examples
    ("iban", "GB29 NWBK 6016 1331 9268 19"),
    ("iban", "DE89370400440532013000"),
    ("iban", "FR14 2004 1010 0505 0001 3M02 606"),
    ("iban", "NO93 8601 1117 947"),
    ("iban", "MT84MALT011000012345MTLCAST001S"),
    ("us_ssn", "219-09-9999"),  # an advertisement's, of 1940; ranges as issued
    ("us_ssn", "078 05 1120"),
    ("chinese_id", "11010519491231002X"),  # GB 11643-1999's own example
    ("chinese_id", "34052419800101001X"),  # Wikipedia's example of the checksum
    ("ip_address", "8.8.8.8"),
    ("ip_address", "2001:4860:4860::8888"),
]

NOT_FOUND = [
    # addresses that belong to nobody, and what has an @
    "user@example.com", "x@mail.example.org", "root@localhost", "@alice", "a@b", "git@v1.2", "50 @ 3.20",
    "user..name@mail.de", "scp me@host:/tmp",
    # dates, versions, sums, order numbers
    "2024-05-17", "17.05.2024", "2024-05-17 12:30:45", "1999-2000", "3.11.7", "v2.0.13.1-beta", "1.2.3",
    "1,234,567,890", "3.14159265358979", "Order 100-2000-3000", "order #4412-3312-1100", "EUR 12 345,67",
    "ISBN 978-3-16-148410-0", "ISBN 9783161484100", "1+1=2", "+1", "+5 and +7", "x+491234", "1234567890",
    "123-45-678", "the years 1914-18-39",
    # checksums and ranges that do not hold
    "4111 1111 1111 1112", "5555555555554445", "0000 0000 0000 0000", "4444 44 4444 444444",
    "GB29 NWBK 6016 1331 9268 18", "DE8937040044053201300", "XX89370400440532013000", "AB12 CDEF GHIJ",
    "000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "123-45 6789",
    "110105194912310021", "11010519491331002X", "110105204912310021",
    "12800138000", "23800138000", "138001380001", "id_13800138000_x", "0.13800138000",
    # kept for fiction and for private nets
    "(212) 555-0123", "+1 212 555 0199", "192.168.1.1", "127.0.0.1", "10.0.0.7", "192.0.2.44", "0.0.0.0",
    "fe80::1", "::1", "2001:db8::1", "256.1.1.1", "1.2.3.4.5", "12:30:45", "1:2:3", "std::vector", "a::b",
    "112-345-6789", "212-136-5000",
    # prose
    "Call me at seven.", "她今年十八岁，住在北京。", "The 1111 bus leaves at 11:11.", "",
    "π = 3.1415926535 8979323846",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_published_numbers_are_found_alone_and_in_a_sentence(kind, text):
    for around in ("{}", "Sure: {}.", "It is {}, I think", "({})", "号码是{}。", '"{}"'):
        assert [(one.kind, one.text) for one in personal_data(around.format(text))] == [(kind, text)], around


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_looks_like_one_is_none(text):
    assert personal_data(text) == []
    assert personal_data(f"See {text} here.") == []


def test_all_of_a_text_in_its_order():
    text = "Mail bo@kth.se or ring +46 8 790 60 00; card 4111 1111 1111 1111, host 8.8.4.4."
    found = personal_data(text)
    assert [one.kind for one in found] == ["email", "phone", "card", "ip_address"]
    assert [text[one.start : one.start + len(one.text)] for one in found] == [one.text for one in found]


def test_what_the_prompt_holds_is_not_leaked():
    prompt = "My card is 4111-1111-1111-1111 and my mail Bo@KTH.se. Is that safe?"
    answer = "Never write 4111 1111 1111 1111 or bo@kth.se anywhere. Ring 212-736-5000."
    assert [one.text for one in leaked(prompt, answer)] == ["212-736-5000"]
    assert [one.kind for one in leaked("", answer)] == ["card", "email", "phone"]


@pytest.mark.parametrize("piece", [
    "a", "1", "1 ", "1-", "a.", "a@", "@", "+1", "+1 ", "(2", ":", "a:", "1:", "1.", "A1", "AB12 ",
    "AB12CD34", "4111 ", "138", "a@a.", "-", "x@y-", "999-", "1(", "一1", "+", "٣",
])  # fmt: skip
def test_hostile_text_takes_linear_work(piece):
    """100 kB of what each pattern begins with. A pattern that backtracks over runs would never come back."""
    text = piece * (100_000 // len(piece))
    assert isinstance(personal_data(text), list)
    assert isinstance(personal_data(text + "!"), list)
