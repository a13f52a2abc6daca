"""What is told of a text at a glance."""

import random

import numpy as np
import pytest

from assent.data.inspection.text_facts import Lengths, broken, script_of, text_facts, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one two  three\n", 3),
        ("", 0),
        ("天空是蓝色的。", 6),  # six characters and a full stop
        ("我用 Python 3 写代码，很好", 9),  # 我 用 Python 3 写 代 码 很 好
        ("naïve café", 2),
        ("한국어 단어", 2),
        ("これはペン", 5),
    ],
)
def test_words(text, words):
    assert words_of(text) == words
    assert text_facts(text).words == words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", "Latin"),
        ("1 + 1 = 2", ""),
        ("天空 is 天空", "Chinese or Japanese"),
        ("Привет, world", "Cyrillic"),
        ("© …", "other"),
    ],
)
def test_scripts(text, found):
    assert script_of(text) == found


@pytest.mark.parametrize(
    "text", ["schöne Grüße", "你好，世界", "naïve “quotes”…", "São É», ÃO", "line\nline\ttab", "👍🏽"]
)
def test_whole_texts_are_not_called_broken(text):
    assert broken(text) == ""


@pytest.mark.parametrize("text", ["schöne Grüße", "你好", "it’s", "“so”", "Ça"])
@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_wrongly_decoded_texts_are_found(text, wrong):
    assert broken(text.encode().decode(wrong, errors="replace")) == "mojibake"


def test_replacement_and_control_characters():
    assert broken("a \ufffd b") == "mojibake"
    assert broken("a\x00b") == broken("\x1b[31m") == "control"


def test_lengths():
    lengths = Lengths()
    assert lengths.summary() is None
    for length in [5, 1, 1, 10]:
        lengths.add(length)
    assert lengths.summary() == {"min": 1, "median": 3.0, "p95": 10, "max": 10, "mean": 4.25}


def test_lengths_as_numpy_says():
    drawn = random.Random(3).choices(range(1000), k=501)
    lengths = Lengths()
    for length in drawn:
        lengths.add(length)
    found = lengths.summary()
    assert found["median"] == np.median(drawn)
    assert found["p95"] == np.quantile(drawn, 0.95, method="inverted_cdf")
