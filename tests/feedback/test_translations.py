"""Everything that the app says, it says in Chinese as well."""

import re

import pytest
from babel.messages.mofile import read_mo
from translations import CATALOGUE, catalogue, strings, used

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}")
HAN = re.compile("[\u4e00-\u9fff]")
SAME_IN_BOTH = {"assent"}  # names


@pytest.fixture(scope="module")
def texts():
    return [message for message in catalogue() if message.id]


def test_each_text_is_in_the_catalogue_and_each_entry_is_used(texts):
    there = {tuple(strings(message.id)) for message in texts}
    wanted = {tuple(strings(text)) for text in used()}
    assert (wanted - there, there - wanted) == (set(), set()), "run: python tests/feedback/translations.py"


def test_texts_of_templates_and_of_code_are_found():
    found = used()
    assert "feedback/base.html" in found["Log out"][0]  # of a template
    assert found["There is no such page"] == ["views/errors.py"]  # of code
    assert found["Does it read well?"] == ["projects.py"]  # of the presets


def test_nothing_is_empty_fuzzy_or_english(texts):
    assert [message.id for message in texts if message.fuzzy] == []
    wrong = [message.id for message in texts if not all(HAN.search(text) for text in strings(message.string))]
    assert set(wrong) - SAME_IN_BOTH == set()


def test_placeholders_are_those_of_the_english(texts):
    def named(text):
        return sorted(PLACEHOLDER.findall(text))

    wrong = [
        message.id
        for message in texts
        if any(named(text) != named(strings(message.id)[-1]) for text in strings(message.string))
    ]
    assert wrong == []


def test_a_translation_begins_and_ends_as_its_text_does(texts):
    """White space and line ends at the edges join a text to what stands beside it."""
    wrong = [
        message.id
        for message in texts
        for text in strings(message.string)
        if (text[:1].isspace(), text[-1:].isspace())
        != (strings(message.id)[0][:1].isspace(), strings(message.id)[0][-1:].isspace())
    ]
    assert wrong == []


def test_punctuation_is_chinese(texts):
    """Half-width commas and stops between Chinese characters look like a mistake to whoever reads them."""
    half = re.compile("[\u4e00-\u9fff][,;:!?]|[\u4e00-\u9fff]\\.(?=\\s|$)")
    assert [
        message.id for message in texts if any(half.search(text) for text in strings(message.string))
    ] == []


def test_what_is_compiled_is_what_was_translated(texts):
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = [message for message in read_mo(file) if message.id]
    assert _pairs(compiled) == _pairs(texts)


def _pairs(messages):
    return {strings(message.id): strings(message.string) for message in messages}


def test_the_app_speaks_chinese_to_whoever_asks_for_it(world):
    page = world.client().get("/nowhere", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).content.decode()
    assert '<html lang="zh-hans">' in page
    assert "没有这个页面" in page
