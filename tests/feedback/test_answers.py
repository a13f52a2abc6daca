"""Answers in positions become answers in numbers of candidates, and back; half ones are refused."""

import pytest

from assent.feedback.projects import ProjectSettings
from assent.feedback.store.answers import AnswerError, check_changed, in_positions, stored
from assent.feedback.store.shuffle import order

PAIRS = ProjectSettings(task="pairwise", strength=True)
RANKING = ProjectSettings(task="ranking")
RATING = ProjectSettings(
    task="rating", criteria=({"name": "wit"}, {"name": "care", "lowest": 0, "highest": 3})
)
WRITTEN = ProjectSettings(task="demonstration")
EDIT = ProjectSettings(task="edit")

# task, candidate numbers from left to right, the browser's answer, the stored one: by hand
PAIRED = [
    (PAIRS, [0, 1], {"choice": "left"}, {"choice": 0}),
    (PAIRS, [1, 0], {"choice": "left"}, {"choice": 1}),
    (PAIRS, [1, 0], {"choice": "right", "strength": 3}, {"choice": 0, "strength": 3}),
    (PAIRS, [1, 0], {"choice": "tie"}, {"choice": "tie"}),
    (PAIRS, [1, 0], {"choice": "both_bad"}, {"choice": "both_bad"}),
    (
        PAIRS,
        [1, 0],
        {"choice": "cannot_judge", "comment": "什么？"},
        {"choice": "cannot_judge", "comment": "什么？"},
    ),
    (RANKING, [2, 0, 1], {"ranking": [[1], [0, 2]]}, {"ranking": [[0], [1, 2]]}),
    (RANKING, [2, 0, 1], {"ranking": [[0], [1], [2]]}, {"ranking": [[2], [0], [1]]}),
    (
        RATING,
        [1, 0],
        {"ratings": [{"wit": 5, "care": 0}, {"wit": 1, "care": 3}]},
        {"ratings": [{"wit": 1, "care": 3}, {"wit": 5, "care": 0}]},
    ),
    (WRITTEN, [], {"text": "  As typed.\n"}, {"text": "  As typed.\n"}),
    (EDIT, [1, 0], {"position": 0, "text": "Better."}, {"candidate": 1, "text": "Better."}),
]


@pytest.mark.parametrize(("settings", "shown", "given", "kept"), PAIRED)
def test_positions_become_candidates_and_come_back(settings, shown, given, kept):
    assert stored(settings, len(shown), shown, given) == kept
    assert in_positions(settings.task, shown, kept) == given


def test_a_rating_of_four_answers_comes_back_in_the_order_that_was_shown():
    shown = [2, 3, 1, 0]  # position 0 shows candidate 2, and so on: a permutation that is not its own inverse
    given = {"ratings": [{"wit": wit, "care": 1} for wit in (1, 2, 3, 4)]}
    kept = stored(RATING, 4, shown, given)
    assert [one["wit"] for one in kept["ratings"]] == [4, 3, 1, 2]
    assert in_positions("rating", shown, kept) == given


REFUSED = [
    (PAIRS, 2, {}, "choice"),
    (PAIRS, 2, {"choice": 0}, "choice"),
    (PAIRS, 2, {"choice": None}, "choice"),
    (PAIRS, 2, {"choice": ["left"]}, "choice"),
    (PAIRS, 2, {"choice": "tie", "strength": 1}, "strength"),
    (PAIRS, 2, {"choice": "left", "strength": 4}, "strength"),
    (PAIRS, 2, {"choice": "left", "strength": True}, "strength"),
    (ProjectSettings(), 2, {"choice": "left", "strength": 1}, "strength"),
    (PAIRS, 2, {"choice": "left", "winner": "left"}, "form"),
    (PAIRS, 2, ["left"], "form"),
    (PAIRS, 3, {"choice": "left"}, "form"),
    (PAIRS, 2, {"choice": "left", "comment": "x" * 5001}, "long"),
    (PAIRS, 2, {"choice": "left", "comment": 7}, "text"),
    (PAIRS, 2, {"choice": "left", "comment": "\ud800"}, "text"),
    (PAIRS, 2, {"choice": "left", "comment": "a\0b"}, "text"),
    (RANKING, 3, {"ranking": [[0], [1]]}, "ranking"),
    (RANKING, 3, {"ranking": [[0], [1], [1, 2]]}, "ranking"),
    (RANKING, 3, {"ranking": [[0], [], [1, 2]]}, "ranking"),
    (RANKING, 3, {"ranking": [[0, 1, 3]]}, "ranking"),
    (RANKING, 2, {"ranking": [[False], [True]]}, "ranking"),
    (RANKING, 2, {"ranking": [["0"], [1]]}, "ranking"),
    (RANKING, 2, {"ranking": "01"}, "ranking"),
    (RANKING, 2, {"ranking": [[0], [1]], "untouched": True}, "untouched"),
    (RATING, 2, {"ratings": [{"wit": 1, "care": 0}]}, "ratings"),
    (RATING, 1, {"ratings": [{"wit": 1}]}, "ratings"),
    (RATING, 1, {"ratings": [{"wit": 1, "care": 0, "luck": 1}]}, "ratings"),
    (RATING, 1, {"ratings": [{"wit": 6, "care": 0}]}, "scale"),
    (RATING, 1, {"ratings": [{"wit": 1, "care": -1}]}, "scale"),
    (RATING, 1, {"ratings": [{"wit": 1.5, "care": 0}]}, "scale"),
    (WRITTEN, 0, {"text": " \n"}, "empty"),
    (WRITTEN, 0, {}, "text"),
    (WRITTEN, 0, {"text": "x" * 100_001}, "long"),
    (EDIT, 2, {"position": 2, "text": "a"}, "form"),
    (EDIT, 2, {"text": "a"}, "form"),
    (EDIT, 2, {"position": 0, "text": ""}, "empty"),
    (ProjectSettings(task="chat"), 0, {}, "form"),
]


@pytest.mark.parametrize(("settings", "count", "given", "code"), REFUSED)
def test_what_is_no_whole_answer_is_refused_and_named(settings, count, given, code):
    with pytest.raises(AnswerError) as caught:
        stored(settings, count, list(range(count)), given)
    assert caught.value.code == code


def test_an_untouched_order_is_taken_when_it_is_confirmed():
    given = {"ranking": [[0], [1]], "untouched": True, "confirmed": True}
    assert stored(RANKING, 2, [1, 0], given) == {"ranking": [[1], [0]]}


def test_an_edit_that_changes_nothing_is_none():
    with pytest.raises(AnswerError) as caught:
        check_changed(["one", "two"], {"candidate": 1, "text": "two"})
    assert caught.value.code == "unchanged"
    check_changed(["one", "two"], {"candidate": 1, "text": "two."})


def test_the_order_is_drawn_by_the_secret_and_stays():
    """Of 6,000 people 1,000 see each of the 6 orders of 3 answers, +- 5 standard deviations of 29."""
    seen = {}
    for person in range(6000):
        drawn = tuple(order("5e" * 32, (person, 7, 0), 3))
        seen[drawn] = seen.get(drawn, 0) + 1
    assert len(seen) == 6
    assert all(855 <= count <= 1145 for count in seen.values())
    assert order("5e" * 32, (1, 7, 0), 9) == order("5e" * 32, (1, 7, 0), 9)
    other = [order("ab" * 32, (person, 7, 0), 9) for person in range(5)]
    assert other != [order("5e" * 32, (person, 7, 0), 9) for person in range(5)]
