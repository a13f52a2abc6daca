"""Rows of every format as they are written by hand, and what a format cannot hold."""

from dataclasses import replace

import pytest

from assent.data.formats.dialects import DIALECTS
from assent.data.formats.writers import WRITERS
from assent.errors import UserError
from assent.records import Candidates, Comparison, Demonstration, Labelled, Prompt, Rating

ONLY_READ = {
    *("qa-feedback", "qa-feedback-corrections", "self-instruct", "tldr", "k-way-scores"),
    *("label-studio-prompts", "argilla-prompts"),
}


def test_every_format_is_written_or_known_to_be_only_read():
    assert {one.name for one in DIALECTS} == ONLY_READ | set(WRITERS)


ASKED = Prompt("What is a fen?", id="f1", meta={"source": "book"})
TALK = Prompt(
    "And a bog?",
    (
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And a bog?"},
    ),
)
SHOWN = Demonstration(ASKED, "A wetland.")
JUDGED = Comparison(
    ASKED, ("A bird.", "A wetland."), 1, annotator="ann", item="i1", seconds=2.5, shown_order=(1, 0)
)
TALKED = Comparison(TALK, ("Wet.", "Dry."), 0)
THREE = Comparison(Prompt("q"), ("a", "b", "c"), 2, ranking=(2, 0, 1))
KNOWN = {"id": "f1", "meta": {"source": "book"}}
TOLD = {"source": "book", "annotator": "ann", "item": "i1", "seconds": 2.5}
SAID = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
LAST = {"role": "user", "content": "And a bog?"}
HH = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: And a bog?\n\nAssistant: "
GOOD = Rating(ASKED, "A wetland.", 1.0, (0.0, 1.0), annotator="ann")


@pytest.mark.parametrize(
    ("name", "record", "row"),
    [
        ("prompts", TALK, {"messages": [*SAID, LAST]}),
        ("prompts", ASKED, {"input_text": "What is a fen?", **KNOWN}),
        ("prompt", ASKED, {"prompt": "What is a fen?", **KNOWN}),
        ("prompt", TALK, {"prompt": [*SAID, LAST]}),
        ("text", Prompt("Fen", ({"role": "user", "content": "Fen"},)), {"text": "Fen"}),
        (
            "author-content-prompts",
            Prompt("q", ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "q"})),
            {"context": "Be brief.", "messages": [{"author": "user", "content": "q"}]},
        ),
        (
            "candidates",
            Candidates(Prompt("q", id="7"), ("a", "b")),
            {"input_text": "q", "candidate_0": "a", "candidate_1": "b", "id": "7"},
        ),
        ("demonstrations", SHOWN, {"input_text": "What is a fen?", "output_text": "A wetland.", **KNOWN}),
        (
            "messages",
            Demonstration(Prompt("q"), "a", "eva"),
            {
                "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
                "author": "eva",
            },
        ),
        (
            "author-content",
            Demonstration(Prompt("q"), "a"),
            {"messages": [{"author": "user", "content": "q"}, {"author": "bot", "content": "a"}]},
        ),
        ("hh-demonstrations", Demonstration(TALK, " Wet.\n"), {"transcript": HH + "Wet."}),
        ("prompt-completion", SHOWN, {"prompt": "What is a fen?", "completion": "A wetland.", **KNOWN}),
        (
            "prompt-completion",
            Demonstration(TALK, "Wet."),
            {"prompt": [*SAID, LAST], "completion": [{"role": "assistant", "content": "Wet."}]},
        ),
        ("alpaca", SHOWN, {"instruction": "What is a fen?", "input": "", "output": "A wetland.", **KNOWN}),
        (
            "comparisons",
            THREE,
            {
                "input_text": "q",
                "candidate_0": "a",
                "candidate_1": "b",
                "candidate_2": "c",
                "choice": 2,
                "ranking": [2, 0, 1],
            },
        ),
        # 1 was chosen, so the two change places; so does what was shown where
        (
            "prompt-chosen-rejected",
            JUDGED,
            {
                "prompt": "What is a fen?",
                "chosen": "A wetland.",
                "rejected": "A bird.",
                "id": "f1",
                "meta": {**TOLD, "shown_order": [0, 1]},
            },
        ),
        (
            "prompt-chosen-rejected",
            TALKED,
            {
                "prompt": [*SAID, LAST],
                "chosen": [{"role": "assistant", "content": "Wet."}],
                "rejected": [{"role": "assistant", "content": "Dry."}],
            },
        ),
        ("hh", TALKED, {"chosen": HH + "Wet.", "rejected": HH + "Dry."}),
        ("k-way", THREE, {"prompt": "q", "responses": ["a", "b", "c"], "ranking": [2, 0, 1]}),
        (
            "k-way",
            replace(THREE, ranking=(), choice=None, pairs=((0, 2, 2), (0, 1, None))),
            {"prompt": "q", "responses": ["a", "b", "c"], "votes": [[0, 2, 2], [0, 1, None]]},
        ),
        (
            "k-way",
            Comparison(Prompt("q"), ("a", "b"), None),
            {"prompt": "q", "responses": ["a", "b"], "choice": None},
        ),
        (
            "label-studio-pairwise",
            JUDGED,
            {
                "id": "i1",
                "data": {
                    "prompt": "What is a fen?",
                    "answer1": "A bird.",
                    "answer2": "A wetland.",
                    "meta": {"source": "book", "annotator": "ann", "shown_order": [1, 0], "prompt_id": "f1"},
                },
                "annotations": [
                    {
                        "result": [
                            {
                                "from_name": "comparison",
                                "to_name": "answer1,answer2",
                                "type": "pairwise",
                                "value": {"selected": "right"},
                            }
                        ],
                        "was_cancelled": False,
                        "lead_time": 2.5,
                    }
                ],
            },
        ),
        (
            "argilla",
            replace(THREE, annotator="ann", item="i1", seconds=2.5),
            {
                "id": "i1",
                "fields": {"prompt": "q", "response-1": "a", "response-2": "b", "response-3": "c"},
                "responses": {
                    "ranking": [
                        {
                            "value": ["response-3", "response-1", "response-2"],
                            "user_id": "ann",
                            "status": "submitted",
                        }
                    ]
                },
                "metadata": {"seconds": 2.5},
            },
        ),
        (
            "ratings",
            Rating(Prompt("q"), "a", 4.0, (1.0, 5.0), "clear"),
            {"input_text": "q", "output_text": "a", "rating": 4.0, "scale": [1.0, 5.0], "criterion": "clear"},
        ),
        (
            "prompt-response-score",
            Rating(Prompt("q"), "a", 4.0, (1.0, 5.0), "clear"),
            {"prompt": "q", "response": "a", "score": 4.0, "scale": [1.0, 5.0], "criterion": "clear"},
        ),
        (
            "good-bad",
            GOOD,
            {
                "prompt": "What is a fen?",
                "completion": "A wetland.",
                "label": True,
                "id": "f1",
                "meta": {"source": "book", "annotator": "ann"},
            },
        ),
        ("labelled", Labelled("So glad!", ("joy", "love")), {"text": "So glad!", "labels": ["joy", "love"]}),
    ],
)
def test_rows_are_those_that_are_written_by_hand(name, record, row):
    assert WRITERS[name](record).row == row


@pytest.mark.parametrize(
    ("annotator", "who"),
    [
        ("3", {"completed_by": 3}),
        ("a@b.org", {"completed_by": {"email": "a@b.org"}}),
        ("007", {}),
        ("ann", {}),
    ],
)
def test_label_studio_is_told_of_people_that_it_can_know(annotator, who):
    row = WRITERS["label-studio-pairwise"](replace(JUDGED, annotator=annotator, seconds=None)).row
    picked = {"from_name": "comparison", "to_name": "answer1,answer2", "type": "pairwise"}
    result = [picked | {"value": {"selected": "right"}}]
    assert row["annotations"] == [{"result": result, "was_cancelled": False, **who}]
    assert row["data"]["meta"].get("annotator") == (None if who else annotator)


TIE = Comparison(Prompt("q"), ("a", "b"), None)


@pytest.mark.parametrize(
    ("name", "record", "problem"),
    [
        ("prompt-chosen-rejected", TIE, "a tie"),
        ("hh", TIE, "a tie"),
        ("label-studio-pairwise", TIE, "a tie"),
        ("prompt-chosen-rejected", THREE, "3 answers, and this format holds two"),
        ("argilla", replace(THREE, ranking=(), pairs=((0, 1, None),)), "votes on pairs"),
        ("text", TALK, "a chat of 3 messages"),
        ("alpaca", Demonstration(TALK, "a"), "a chat of 3 messages"),
        ("text", Prompt("\n\nHuman: Hi"), "read as a transcript"),
        ("prompts", Prompt("q", (*TALK.messages[:2],)), "ends with the assistant"),
        (
            "hh",
            Comparison(Prompt("q", ({"role": "system", "content": "s"}, LAST)), ("a", "b"), 0),
            "a message by system",
        ),
        ("hh", Comparison(Prompt("q"), ("a\n\nHuman: b", "b"), 0), "read as turns"),
        (
            "author-content",
            Demonstration(Prompt("q", (LAST, {"role": "system", "content": "s"})), "a"),
            "system message",
        ),
        (
            "good-bad",
            replace(GOOD, value=4.0, scale=(1.0, 5.0)),
            "4 on the scale 1 to 5 is neither good nor bad",
        ),
    ],
)
def test_what_a_format_cannot_hold_is_an_error(name, record, problem):
    with pytest.raises(UserError, match=problem):
        WRITERS[name](record)
