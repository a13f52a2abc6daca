"""Right or wrong, task by task: every expected value is read off the rule in grading.py's table."""

import pytest

from assent.feedback.quality.grading import grade


@pytest.mark.parametrize(
    ("expected", "given", "right"),
    [
        (0, 0, True),
        (0, 1, False),
        (1, 1, True),
        (0, "tie", False),
        ("tie", "tie", True),
        ("tie", 0, False),
        ("tie", "both_bad", False),  # equally good is not equally bad
        ("both_bad", "both_bad", True),
        ("cannot_judge", "cannot_judge", True),
        (0, "cannot_judge", False),
    ],
)
def test_pairs_ask_for_the_same_choice(expected, given, right):
    assert grade("pairwise", {"choice": expected}, {"choice": given}).right is right


def test_how_much_better_is_not_graded():
    given = {"choice": 1, "strength": 3, "comment": "much"}
    assert grade("pairwise", {"choice": 1, "strength": 1}, given).right is True


@pytest.mark.parametrize(
    ("expected", "given", "right"),
    [
        ([[2], [0], [1]], [[2], [0], [1]], True),
        ([[2], [0], [1]], [[2], [1], [0]], False),
        ([[2], [0, 1]], [[2], [1, 0]], True),  # inside a tie there is no order
        ([[2], [0, 1]], [[2], [0], [1]], False),  # a tie is expected
        ([[2], [0], [1]], [[2], [0, 1]], False),  # none is expected
        ([[0, 1, 2]], [[0, 1, 2]], True),
        ([[0, 1], [2]], [[2], [0, 1]], False),
    ],
)
def test_rankings_ask_for_the_same_order_and_the_same_ties(expected, given, right):
    assert grade("ranking", {"ranking": expected}, {"ranking": given}).right is right


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ([{"a": 3, "b": 5}, {"a": 1, "b": 2}], True),
        ([{"a": 4, "b": 4}, {"a": 2, "b": 1}], True),  # one step beside, each of them
        ([{"a": 5, "b": 5}, {"a": 1, "b": 2}], False),  # one of four is two steps off
        ([{"a": 3, "b": 5}, {"a": 1, "b": 4}], False),
        ([{"a": 3, "b": 5}], False),  # of another number of answers
        ([{"a": 3}, {"a": 1, "b": 2}], False),  # a criterion is missing
    ],
)
def test_ratings_may_be_one_step_beside(given, right):
    expected = {"ratings": [{"a": 3, "b": 5}, {"a": 1, "b": 2}]}
    assert grade("rating", expected, {"ratings": given}).right is right


@pytest.mark.parametrize("task", ["demonstration", "edit", "chat"])
def test_what_people_write_cannot_be_graded(task):
    assert grade(task, {"text": "same"}, {"text": "same"}).right is None


def test_without_an_expected_answer_there_is_no_grade():
    assert grade("pairwise", None, {"choice": 0}).right is None
