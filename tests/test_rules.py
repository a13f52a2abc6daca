"""Ready-made rewards: every expected score is counted by hand."""

import json

import pytest
from stage_world import Lines

from assent.config import check
from assent.errors import RewardError, UserError
from assent.rewards.exact_match import number_in
from assent.rewards.patterns import matches
from assent.rewards.rules import occurrences
from assent.stages.reward_parts import RewardPart
from assent.stages.workspace import Workspace


@pytest.fixture
def scores(tmp_path):
    """(rule's settings, answers, prompts) -> scores, through the recipe's own door."""

    def judged(rule, *answers, prompts=None):
        work = Workspace("tuned", tmp_path, Lines(), lambda *_: None, lambda: False)
        part = check(RewardPart, {"rule": rule}, "rewards[0]").load(work)
        assert part.name == rule["kind"]
        return part.raw(prompts or [""] * len(answers), answers)

    return judged


def rows_file(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_length_falls_in_a_straight_line_on_both_sides(scores):
    rule = {"kind": "length", "least": 2, "most": 4, "falls_over": 4}
    answers = ["", "a", "a b", "a b\nc  d", "a b c d e", "a b c d e f g h", "a " * 40]
    # 2 below: 1 - 2/4; 1 below: 1 - 1/4; inside; inside; 1 above; 4 above: 0; far above: 0
    assert scores(rule, *answers) == [0.5, 0.75, 1.0, 1.0, 0.75, 0.0, 0.0]


def test_length_in_characters(scores):
    rule = {"kind": "length", "unit": "characters", "most": 3, "falls_over": 2}
    assert scores(rule, "", "春天好", "春天真好", "abcde") == [1.0, 1.0, 0.5, 0.0]


def test_repetition_is_one_less_the_share_said_before(scores):
    # a b a b a: the pairs are ab ba ab ba, two of four stood before
    rule = {"kind": "repetition", "ngram": 2}
    assert scores(rule, "a b a b a", "A b a B a", "a b c", "x x x x x", "a", "") == [0.5, 0.5, 1, 0.25, 1, 1]
    # abab: a b are new, a b are not
    assert scores({"kind": "repetition", "ngram": 1, "unit": "characters"}, "abab") == [0.5]


def test_a_pattern_is_searched_for_or_is_the_whole_answer(scores):
    rule = {"kind": "format", "pattern": r"\d{4}-\d\d"}
    assert scores(rule, "on 2024-05.", "none", " 2024-05 ") == [1, 0, 1]
    assert scores(rule | {"whole": True}, "on 2024-05.", "none", " 2024-05 ") == [0, 0, 1]


def test_json(scores):
    answers = ['{"a": 1}', " [1]\n", '{"a": NaN}', "{'a': 1}", "[" * 100_000, '{"a": 1} and more', ""]
    assert scores({"kind": "format", "valid_json": True}, *answers) == [1, 1, 0, 0, 0, 0, 0]


def test_keys_that_a_json_answer_has(scores):
    rule = {"kind": "format", "required_keys": ["a", "b"]}
    assert scores(rule, '{"a": 1, "b": null, "c": 2}', '{"a": 1}', '["a", "b"]', "a b") == [1, 0, 0, 0]


def test_a_format_of_several_checks_is_the_share_that_holds(scores):
    rule = {"kind": "format", "starts_with": "Dear", "ends_with": ".", "valid_json": True, "pattern": "x"}
    assert scores(rule, "Dear x.", "  Dear you ", "x", '"x"') == [0.75, 0.25, 0.25, 0.5]


def test_a_pattern_without_end_is_stopped_and_named():
    with pytest.raises(RewardError, match=r"pattern '\(a\+\)\+\$' found no end within 1 s on answer 1 "):
        matches("(a+)+$", ["aaa", "a" * 60 + "b", "a"], seconds=1)
    with pytest.raises(RewardError, match="answer 0 has 100001 characters"):
        matches("a", ["b" * 100_001])


def test_words_by_hand(scores):
    rule = {"kind": "words", "wanted": ["please", "thank you"], "unwanted": ["idiot"]}
    answer = "Please, PLEASE: thank  you, idiot."  # please twice, thank you once, idiot once; 5 words
    assert scores(rule, answer) == [1.0 - 1.0]
    assert scores(rule | {"count": "each"}, answer) == [pytest.approx(3 / 5 - 1 / 5)]
    assert scores(rule | {"measure": "number"}, answer) == [2 - 1]
    assert scores(rule | {"measure": "number", "count": "each"}, answer) == [3 - 1]
    assert scores(rule | {"measure": "number", "fold_case": False}, "Please thank you") == [1]
    assert scores(rule, "", "please") == [0.0, 0.5]


def test_words_from_files(scores, tmp_path):
    (tmp_path / "good.txt").write_text("﻿sun\n\nmoon \nsun\n", encoding="utf-8")
    rule = {"kind": "words", "wanted_file": str(tmp_path / "good.txt"), "wanted": ["stars", "sky"]}
    assert scores(rule, "sun and moon and sky") == [0.75]  # of stars, sky, sun, moon


@pytest.mark.parametrize(
    ("word", "text", "whole", "count"),
    [
        ("cat", "cat concat cats cat", True, 2),
        ("cat", "cat concat cats cat", False, 4),
        ("été", "l'été, été_2 étés", True, 1),
        ("हिन", "हिन्दी हिन", True, 1),  # the virama that follows is a mark: the first is no word's end
        ("天", "春天天气", False, 2),
        ("aa", "aaaa", False, 2),
        ("c++", "c++ c+++ cc++", True, 2),  # a sign is no letter: it may stand beside
        ("can", "can't", True, 1),
    ],
)
def test_what_a_whole_word_is(word, text, whole, count):
    assert occurrences(word, text, whole) == count


def test_one_spelling_of_each_letter(scores):
    rule = {"kind": "words", "wanted": ["STRASSE", "cafe\u0301"], "measure": "number"}
    assert scores(rule, "Straße caf\u00e9") == [2]


@pytest.fixture
def expected(tmp_path):
    rows = [("2+2?", "4"), ("capital?", "Paris"), ("capital?", "the city of Paris"), ("much?", "1,234.5")]
    return rows_file(
        tmp_path / "expected.jsonl", [{"input_text": asked, "output_text": told} for asked, told in rows]
    )


def test_exact_match(scores, expected):
    rule = {"kind": "exact_match", "expected": expected}
    prompts = ["2+2?", "2+2?", "capital?", "capital?", "capital?"]
    answers = [" 4\n", "four", "PARIS", "The  city of paris", "Paris."]
    assert scores(rule, *answers, prompts=prompts) == [1, 0, 1, 1, 0]
    strict = rule | {"ignore_case": False, "ignore_spaces": False}
    assert scores(strict, *answers, prompts=prompts) == [0, 0, 0, 0, 0]
    assert scores(strict, "4", "Paris", prompts=["2+2?", "capital?"]) == [1, 1]


def test_exact_match_as_in_squad(scores, expected):
    rule = {"kind": "exact_match", "expected": expected, "ignore_punctuation": True, "ignore_articles": True}
    answers = ["«Paris!»", "a city of... Paris", "Theparis"]
    assert scores(rule, *answers, prompts=["capital?"] * 3) == [1, 1, 0]


def test_exact_match_of_numbers(scores, tmp_path):
    file = rows_file(tmp_path / "n.jsonl", [{"input_text": "much?", "output_text": "1,234.5"}])
    rule = {"kind": "exact_match", "expected": file, "tolerance": 0.5}
    answers = ["1234.5", "1235", "+1.2345e3", "1235.01", "many", "1,23", ""]
    assert scores(rule, *answers, prompts=["much?"] * 7) == [1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "number"), [(".5", 0.5), ("-2e3", -2000), ("e5", None), ("+", None), ("٣", None)]
)
def test_what_a_number_is(text, number):
    assert number_in(text) == number


def test_what_counts_of_an_answer_is_its_last_match(scores, expected):
    rule = {"kind": "exact_match", "expected": expected, "extract": r"Answer: (.*)"}
    answers = ["Answer: 5\nno, Answer: 4", "4", "Answer: 5"]
    assert scores(rule, *answers, prompts=["2+2?"] * 3) == [1, 0, 0]


def test_a_prompt_without_an_expected_answer_is_named(scores, expected):
    with pytest.raises(
        RewardError, match=r"expected.jsonl has no expected answer to '3\+3\?' \(1 of 2 prompts\)"
    ):
        scores({"kind": "exact_match", "expected": expected}, "4", "6", prompts=["2+2?", "3+3?"])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"kind": "lenght", "most": 3},
            r"rewards\[0\]: rule.kind: expected 'length', 'repetition', 'format', .*, found 'lenght'",
        ),
        ({"most": 3}, "rule: kind is missing"),
        ({"kind": "length"}, "give least or most"),
        ({"kind": "length", "least": 5, "most": 4}, "most: 4 is below least, 5"),
        ({"kind": "length", "most": 4, "falls_over": 0}, "falls_over"),
        ({"kind": "length", "moost": 4}, "unknown key rule.length.moost; did you mean most"),
        ({"kind": "repetition", "ngram": 0}, "ngram"),
        ({"kind": "format"}, "give one of pattern, valid_json"),
        ({"kind": "format", "pattern": "("}, "'\\(' is no regular expression"),
        ({"kind": "format", "whole": True}, "whole: there is no pattern"),
        ({"kind": "words"}, "give wanted, unwanted"),
        ({"kind": "words", "wanted": [" "]}, "an empty word stands everywhere"),
        ({"kind": "exact_match", "expected": "e", "extract": "Answer"}, "needs one group"),
        (
            {"kind": "exact_match", "expected": "e", "tolerance": 1, "ignore_articles": True},
            "tolerance compares",
        ),
        ({"kind": "exact_match"}, "rule.exact_match.expected is missing"),
    ],
)
def test_settings_that_are_none(scores, rule, message):
    with pytest.raises(UserError, match=message):
        scores(rule, "a")


def test_files_that_are_none(scores, tmp_path, expected):
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    for name, message in [("gone", "No such file"), ("empty", "no words there"), ("latin", "not UTF-8")]:
        with pytest.raises(UserError, match=f"{name}.txt: .*{message}"):
            scores({"kind": "words", "unwanted_file": str(tmp_path / f"{name}.txt")}, "a")
    with pytest.raises(UserError, match=r"expected.jsonl: 'capital\?': tolerance compares numbers"):
        scores({"kind": "exact_match", "expected": expected, "tolerance": 0.1}, "a")


def test_two_kinds_in_one_part():
    with pytest.raises(UserError, match="found function and rule"):
        check(RewardPart, {"function": "a.py:f", "rule": {"kind": "length", "most": 3}}, "rewards[0]")
