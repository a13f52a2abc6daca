"""What lets a million judgements fit into memory, and that the counts stay what they were."""

import json

from assent.data.batching import in_order, merge_votes
from assent.data.sources import comparisons
from assent.records import Comparison, Prompt
from assent.stages.judgement_facts import facts_of_comparisons

ASKED = Prompt("q")


def test_texts_that_several_people_judged_stand_in_memory_once(tmp_path):
    row = {"input_text": "a question", "candidate_0": "an answer", "candidate_1": "another", "choice": 0}
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row | {"meta": {"annotator": who}}) + "\n" for who in "ab"))
    first, second = comparisons(str(path))
    assert first.prompt.text is second.prompt.text
    assert all(a is b for a, b in zip(first.candidates, second.candidates, strict=True))


def test_records_have_no_dictionary():
    assert not hasattr(Comparison(ASKED, ("a", "b"), 0), "__dict__")
    assert not hasattr(ASKED, "__dict__")


def test_a_judgement_in_order_is_not_copied():
    ordered = Comparison(ASKED, ("a", "b"), 1)
    assert in_order(ordered) is ordered
    assert in_order(Comparison(ASKED, ("b", "a"), 1)) == Comparison(ASKED, ("a", "b"), 0)
    [item] = merge_votes([ordered])
    assert item.said[0] is ordered


def test_counts_by_hand():
    judged = [
        Comparison(ASKED, ("x", "y"), 0, annotator="ann", item="1"),
        Comparison(ASKED, ("y", "x"), 0, annotator="ann", item="1"),  # the opposite of what she said before
        Comparison(ASKED, ("x", "y"), 0, annotator="bob", item="1"),
        Comparison(ASKED, ("y", "x"), 1, annotator="bob", item="1"),  # the same again
        Comparison(ASKED, ("x", "y"), 1, annotator="eve", item="1"),
        Comparison(ASKED, ("z", "z"), 0, item="2"),
        Comparison(ASKED, ("x", "y", "x"), 0, (0, 1, 2), annotator="ann", item="3"),  # x over y over x
    ]
    facts = facts_of_comparisons(judged)
    assert facts["items"] == 3
    assert facts["duplicates"] == 1
    assert facts["contradictions"] == 2
    assert facts["identical_candidates"] == 1
    assert facts["annotators"] == {"": 1, "ann": 3, "bob": 2, "eve": 1}
