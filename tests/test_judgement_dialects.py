"""Comparisons and ratings of public data sets: what is taken for which judgement, and what is refused."""

import json

import pytest

from assent.data.formats.dialects import dialect_named
from assent.data.formats.reading import Reader
from assent.errors import UserError
from assent.records import Comparison, Prompt, Rating

U, A, S = "user", "assistant", "system"


def chat(*turns):
    return tuple({"role": role, "content": said} for role, said in turns)


def read(kind, row):
    return Reader.of(kind).read(row, "here")


def compared(row):
    [found] = read(Comparison, row)
    return found


ASK, GOOD, BAD = chat((U, "q"), (A, "a"), (A, "b"))


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, ()),
        ({"question": "q", "chosen": "a", "rejected": "b"}, ()),
        ({"chosen": [ASK, GOOD], "rejected": [ASK, BAD]}, (ASK,)),
        ({"prompt": "q", "chosen": [ASK, GOOD], "rejected": [ASK, BAD]}, (ASK,)),  # as in UltraFeedback
        ({"prompt": [ASK], "chosen": [GOOD], "rejected": [BAD]}, (ASK,)),
        ({"prompt": [ASK], "chosen": [ASK, GOOD], "rejected": [ASK, BAD]}, (ASK,)),
        ({"prompt": "q", "chosen": [GOOD], "rejected": [BAD]}, ()),
        ({"system": "s", "question": "q", "chosen": "a", "rejected": "b"}, chat((S, "s"), (U, "q"))),
        ({"system": "", "question": "q", "chosen": "a", "rejected": "b"}, ()),
        ({"system": "s", "chosen": [ASK, GOOD], "rejected": [ASK, BAD]}, chat((S, "s"), (U, "q"))),
    ],
)
def test_chosen_and_rejected(row, messages):
    found = compared(row)
    assert (found.prompt.text, found.prompt.messages) == ("q", messages)
    assert (found.candidates, found.choice, found.strength) == (("a", "b"), 0, None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"chosen": [ASK, GOOD], "rejected": [GOOD, BAD]}, "they part before their last message"),
        ({"chosen": [ASK, GOOD], "rejected": [BAD]}, "they part before their last message"),
        ({"chosen": [GOOD], "rejected": [BAD]}, "there is no prompt"),
        ({"chosen": [ASK, ASK], "rejected": [ASK, BAD]}, "chosen: expected one answer of the assistant"),
        (
            {"prompt": [ASK], "chosen": [BAD, ASK, GOOD], "rejected": [BAD, ASK, BAD]},
            "does not go on from the messages of prompt",
        ),
        ({"chosen": [], "rejected": [ASK, BAD]}, "chosen: expected a list of messages"),
    ],
)
def test_chosen_and_rejected_that_are_refused(row, message):
    with pytest.raises(UserError, match=f"^here: .*{message}"):
        compared(row)


def test_scores_beside_are_kept_and_a_margin_is_a_strength_where_it_is_said_to_be_one():
    row = {"prompt": "q", "chosen": "a", "rejected": "b", "prompt_id": 7, "score_chosen": 8.5, "margin": 0.25}
    found = compared(row)
    assert found.prompt.id == "7"
    assert found.prompt.meta == {"score_chosen": 8.5, "margin": 0.25}
    assert found.strength is None
    assert compared({**row, "scale": "0-1"}).strength == 0.25
    assert compared({**row, "scale": [0, 5]}).strength is None
    assert compared({**row, "strength": 0.5}).strength == 0.5
    with pytest.raises(UserError, match="strength: expected 0 to 1, found 2"):
        compared({**row, "margin": 2, "scale": [0, 1]})


KWAY = {"prompt": "q", "responses": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("order", "choice", "ranking", "pairs"),
    [
        ({"ranking": [1, 2, 0]}, 1, (1, 2, 0), ()),
        ({"ranks": [3, 1, 2]}, 1, (1, 2, 0), ()),  # a is third, b first, c second
        ({"ranks": [2, 1, 2]}, 1, (), ((1, 0, 1), (1, 2, 1), (0, 2, None))),
        ({"ranks": [1.0, 1.0, 1.0]}, None, (), ((0, 1, None), (0, 2, None), (1, 2, None))),
        ({"ranking": [[0, 2], 1]}, None, (), ((0, 2, None), (0, 1, 0), (2, 1, 2))),
        ({"votes": [[0, 1, 1], [1, 2, None]]}, None, (), ((0, 1, 1), (1, 2, None))),
        ({"pairs": [[0, 1, 1]], "ranking": None}, None, (), ((0, 1, 1),)),
        ({"choice": 2}, 2, (), ()),
        ({"choice": None}, None, (), ()),
    ],
)
def test_orders_of_several_answers(order, choice, ranking, pairs):
    found = compared(KWAY | order)
    assert (found.candidates, found.choice, found.ranking, found.pairs) == (
        ("a", "b", "c"),
        choice,
        ranking,
        pairs,
    )


def test_ranks_inside_the_answers():
    answers = [
        {"answer": "a", "rank": 2, "model": "m"},
        {"answer": "b", "rank": 1},
        {"answer": "c", "rank": 3},
    ]
    assert compared({"prompt": "q", "answers": answers}).ranking == (1, 0, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ranking": [1, 2, 3]}, r"ranking \[1, 2, 3\] does not name each of the 3 candidates once"),
        ({"ranks": [1, 2]}, "ranks: expected 3 numbers, one a response, 1 for the best; found"),
        ({"ranks": [1, 2, "3"]}, "ranks: expected 3 numbers"),
        ({"votes": [2, 1, 0]}, r"votes: expected \[left, right, winner or null\] for each pair"),
        (
            {"ranks": [1, 2, 3], "ranking": [0, 1, 2]},
            "expected one of ranking, ranks, votes, pairs, found ranking and ranks",
        ),
        ({"responses": ["a", 2], "choice": 0}, r"responses\[1\]: expected text, found 2"),
        ({"responses": ["a"], "choice": 0}, "expected candidate_0 and candidate_1"),
        ({}, "choice is missing: expected 0 to 2, or null for a tie"),
    ],
)
def test_orders_that_are_refused(change, message):
    with pytest.raises(UserError, match=f"^here: .*{message}|^here: {message}"):
        compared(KWAY | change)


@pytest.mark.parametrize("votes", [[1, 1], [1, 1, 1, 1, 1, 3], [1, 1, 1, 1, 1, True], "111111"])
def test_six_votes_and_nothing_else(votes):
    row = json.loads(dialect_named("qa-feedback").example) | {"preference": votes}
    with pytest.raises(UserError, match="preference: expected six votes of 1, 2 or 0"):
        compared(row)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ([1, 5], (1, 5)),
        ("1-5", (1, 5)),
        ("0-1", (0, 1)),
        ("1-7", (1, 7)),
        ("-1..1", (-1, 1)),
        ("0 to 10", (0, 10)),
        ("0.5 - 2.5", (0.5, 2.5)),
    ],
)
def test_scales_as_lists_and_as_text(scale, expected):
    row = {"prompt": "q", "response": "a", "score": 1, "scale": scale, "annotator_id": 3}
    assert read(Rating, row) == [Rating(Prompt("q"), "a", 1, expected, annotator="3")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": None}, "scale is missing: say from where to where the score goes.*--scale 1-5"),
        ({"scale": "five"}, r"scale: expected \[lowest, highest\] or text such as 1-5, found 'five'"),
        ({"scale": "5-1"}, r"scale: expected \[lowest, highest\]"),
        ({"score": 6}, "rating: expected a number from 1 to 5, found 6"),
        ({"score": "good"}, "rating: expected a number from 1 to 5, found 'good'"),
    ],
)
def test_scores_that_are_refused(change, message):
    row = {"prompt": "q", "response": "a", "score": 1, "scale": "1-5"} | change
    with pytest.raises(UserError, match=f"^here: {message}"):
        read(Rating, row)


def test_several_criteria_and_several_answers():
    row = {"prompt": "q", "response": "a", "ratings": {"kind": 1, "clear": 3}, "scale": [1, 3]}
    assert read(Rating, row) == [
        Rating(Prompt("q"), "a", 1, (1, 3), "kind"),
        Rating(Prompt("q"), "a", 3, (1, 3), "clear"),
    ]
    row = {"prompt": "q", "responses": ["a", {"text": "b"}], "scores": [0, 1], "scale": "0-1"}
    assert read(Rating, row) == [Rating(Prompt("q"), "a", 0, (0, 1)), Rating(Prompt("q"), "b", 1, (0, 1))]
    with pytest.raises(UserError, match="here: 2 responses and 1 scores"):
        read(Rating, row | {"scores": [1]})


@pytest.mark.parametrize(
    ("label", "value"),
    [
        (True, 1),
        (False, 0),
        (1, 1),
        (0, 0),
        ("good", 1),
        ("Bad", 0),
        ("true", 1),
        ("0", 0),
        ("thumbs_up", 1),
        ("thumbs_down", 0),
    ],
)
def test_good_and_bad(label, value):
    row = {"prompt": [ASK], "completion": [GOOD], "label": label}
    assert read(Rating, row) == [Rating(Prompt("q", (ASK,)), "a", value, (0, 1))]


@pytest.mark.parametrize("label", [2, 0.5, None, "fine", ["good"], -1])
def test_a_label_that_is_neither(label):
    with pytest.raises(UserError, match=r"here: label: expected one of good, true, 1, .* found"):
        read(Rating, {"prompt": "q", "completion": "a", "label": label})
