"""Rankings and pairs as files, and what their reader refuses."""

import json

import pytest

from assent.data import sources
from assent.errors import UserError

GOOD = {"input_text": "p", "candidate_0": "a", "candidate_1": "b", "candidate_2": "c"}


@pytest.mark.parametrize(
    ("row", "choice", "ranking", "pairs"),
    [
        ({"pairs": [[0, 1, 0], [2, 1, None]]}, None, (), ((0, 1, 0), (2, 1, None))),
        ({"pairs": [[0, 1, 1]], "choice": 1}, 1, (), ((0, 1, 1),)),
        ({"ranking": [2, 0, 1]}, 2, (2, 0, 1), ()),
        ({"ranking": [2, [0, 1]]}, 2, (), ((2, 0, 2), (2, 1, 2), (0, 1, None))),
        ({"ranking": [[1, 0], 2]}, None, (), ((1, 0, None), (1, 2, 1), (0, 2, 0))),
        ({"ranking": [[1, 0], 2], "choice": None}, None, (), ((1, 0, None), (1, 2, 1), (0, 2, 0))),
        ({"ranking": [2, 0, 1], "choice": None}, None, (2, 0, 1), ()),
    ],
)
def test_rankings_and_pairs_are_read_and_come_back(tmp_path, row, choice, ranking, pairs):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**GOOD, **row}))
    [found] = sources.comparisons(str(path))
    assert (found.choice, found.ranking, found.pairs) == (choice, ranking, pairs)
    path.write_text(json.dumps(sources.comparison_row(found)))
    assert sources.comparisons(str(path)) == [found]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "choice is missing: expected 0 to 2, or null for a tie \\(or ranking, or pairs\\)"),
        ({"pairs": 5}, "pairs: expected a list"),
        ({"pairs": [[0, 1]]}, "pairs\\[0\\]: expected \\[left, right, winner or null\\]"),
        ({"pairs": [[0, 1, True]]}, "pairs\\[0\\]: expected"),
        ({"pairs": [[0, 3, 0]]}, "pairs: \\[0, 3, 0\\] does not name two of the 3 candidates"),
        ({"pairs": [[1, 1, 1]]}, "pairs: \\[1, 1, 1\\] does not name two"),
        ({"pairs": [[0, 1, 2]]}, "pairs: \\[0, 1, 2\\]: the winner is neither 0 nor 1"),
        ({"pairs": [[0, 1, 0], [1, 0, 1]]}, "pairs: 1 and 0 are compared twice"),
        ({"ranking": [[0, 1], 1]}, "ranking \\[\\[0, 1\\], 1\\] does not name each"),
        ({"ranking": [[0, "1"], 2]}, "ranking: expected a list of candidates' numbers"),
        ({"ranking": [[0, 1], 2], "pairs": [[0, 1, 0]]}, "a ranking with ties is a set of pairs: give"),
        ({"ranking": [0, 1, 2], "choice": 1}, "choice 1 contradicts ranking \\[0, 1, 2\\]"),
        ({"ranking": [[0, 1], 2], "choice": 2}, "choice 2 contradicts ranking"),
        ({"choice": 0, "meta": {"seconds": 10**400}}, "seconds: expected a number, found 1000"),
        ({"choice": 0, "meta": {"strength": 3}}, "strength: expected 0 to 1, found 3"),
    ],
)
def test_a_bad_ranking_or_pair_is_named(tmp_path, row, message):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**GOOD, "choice": 0}) + "\n" + json.dumps({**GOOD, **row}))
    with pytest.raises(UserError, match=f"^{path}:2: {message}"):
        sources.comparisons(str(path))


def test_a_choice_and_its_pair_agree(tmp_path):
    path = tmp_path / "rows.jsonl"
    two = {"input_text": "q", "candidate_0": "a", "candidate_1": "b", "pairs": [[0, 1, 1]]}
    path.write_text(json.dumps({**two, "choice": 1}) + "\n" + json.dumps({**two, "choice": None}))
    assert [row.choice for row in sources.comparisons(str(path))] == [1, None]
    path.write_text(json.dumps({**two, "choice": 0}))
    with pytest.raises(UserError, match=r"rows.jsonl:1: choice 0 contradicts pairs \[\[0, 1, 1\]\]"):
        sources.comparisons(str(path))
