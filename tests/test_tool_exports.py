"""What annotation tools export, in the shapes that their documents show."""

import pytest

from assent.data.formats.reading import Reader, records
from assent.errors import UserError
from assent.records import Comparison, Demonstration, Prompt


def compared(row):
    return Reader.of(Comparison).read(row, "here")


def task(*annotations, **data):
    """As Label Studio exports one: labelstud.io/guide/task_format."""
    data = data or {"prompt": "q", "answer1": "a", "answer2": "b"}
    return {"id": 5, "project": 83, "data": data, "annotations": list(annotations), "predictions": []}


def picked(side, **more):
    value = {
        "value": {"selected": side},
        "id": "Dx",
        "from_name": "pw",
        "to_name": "a1,a2",
        "type": "pairwise",
    }
    return {
        "id": 1001,
        "result": [value],
        "was_cancelled": False,
        "lead_time": 4.25,
        "completed_by": 10,
    } | more


def chosen(*names):
    return {"result": [{"type": "choices", "value": {"choices": list(names)}, "from_name": "best"}]}


def test_a_pairwise_annotation():
    assert compared(task(picked("right"))) == [
        Comparison(Prompt("q", id="5"), ("a", "b"), 1, annotator="10", item="5", seconds=4.25)
    ]


def test_the_control_says_which_stood_left():
    done = picked("left")
    done["result"][0]["to_name"] = "answer2,answer1"
    assert compared(task(done))[0].choice == 1


def test_several_people_and_who_passed():
    who = {"id": 3, "email": "ann@x.org", "first_name": "Ann"}
    found = compared(
        task(
            picked("left", completed_by=who),
            picked("right", was_cancelled=True),
            picked("left", result=[]),
            picked("right"),
        )
    )
    assert [(one.annotator, one.choice) for one in found] == [("ann@x.org", 0), ("10", 1)]
    assert compared(task()) == []
    assert len(Reader.of(Prompt).read(task(picked("left"), picked("right")), "here")) == 1


@pytest.mark.parametrize(
    "data",
    [
        {"prompt": "q", "answer1": "a", "answer2": "b"},
        {"question": "q", "text2": "b", "text1": "a"},
        {"instruction": "q", "response_a": "a", "response_b": "b"},
        {"input_text": "q", "response-1": "a", "response-2": "b", "rating_1": "x"},
        {"prompt": "q", "left": "a", "right": "b"},
    ],
)
def test_names_of_fields(data):
    [found] = compared(task(picked("left"), **data))
    assert (found.prompt.text, found.candidates, found.choice) == ("q", ("a", "b"), 0)


def test_other_names_are_renamed(tmp_path):
    path = tmp_path / "export.json"
    path.write_text(
        '[{"id": 1, "data": {"task": "q", "human": "a", "model": "b"}, "annotations": '
        '[{"result": [{"type": "pairwise", "value": {"selected": "right"}}]}]}]'
    )
    with pytest.raises(
        UserError, match=r"expected two answers in fields such as response_1 .* found task, human, model"
    ):
        list(records(str(path), Comparison))
    columns = {"prompt": "data.task", "candidate_0": "data.human", "candidate_1": "data.model"}
    [found] = records(str(path), Comparison, columns=columns)
    assert (found.prompt.text, found.candidates, found.choice) == ("q", ("a", "b"), 1)


@pytest.mark.parametrize(
    ("names", "choice"), [(("left",), 0), (("Answer2",), 1), (("tie",), None), (("Both",), None)]
)
def test_a_choice_instead_of_a_side(names, choice):
    assert compared(task(chosen(*names)))[0].choice == choice


def test_the_short_export():
    """JSON-MIN: each control's results, without their types, beside the fields."""
    row = {"id": 5, "prompt": "q", "answer1": "a", "answer2": "b", "pw": [{"selected": "right"}]}
    row |= {"annotator": 1, "annotation_id": 7, "created_at": "2026-01-01", "lead_time": 2.5}
    assert compared(row) == [
        Comparison(Prompt("q", id="5"), ("a", "b"), 1, annotator="1", item="5", seconds=2.5)
    ]


ITEMS = [
    {"id": "x", "title": "X", "body": "a"},
    {"id": "y", "title": "Y", "body": "b"},
    {"id": "z", "body": "c"},
]


@pytest.mark.parametrize("ranker", [{"rank": ["y", "z", "x"]}, ["y", "z", "x"]])
def test_a_ranking_of_a_list(ranker):
    done = {"result": [{"type": "ranker", "value": {"ranker": ranker}}]}
    [found] = compared(task(done, prompt="q", items=ITEMS))
    assert (found.candidates, found.ranking, found.choice) == (("a", "b", "c"), (1, 2, 0), 1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (task(picked("up")), "annotation 1001: expected one choice between two answers: .* found 'up'"),
        (task(chosen("left", "right")), "expected one choice between two answers"),
        (task(picked("left"), prompt="q", answer1="a"), "expected two answers in fields"),
        (task(picked("left"), answer1="a", answer2="b"), "no prompt: expected a field called prompt"),
        (
            task(
                {"result": [{"type": "ranker", "value": {"ranker": {"good": ["x"], "_": ["y", "z"]}}}]},
                prompt="q",
                items=ITEMS,
            ),
            "expected the ids of all 3 items in one order",
        ),
        (
            task({"result": [{"type": "ranker", "value": {"ranker": ["x"]}}]}, prompt="q", items=["a"]),
            "a ranking, and no list of {id, title, body} in data",
        ),
    ],
)
def test_annotations_that_are_refused(row, message):
    with pytest.raises(UserError, match=f"^here.*: {message}"):
        compared(row)


FIELDS = {"instruction": "q", "response-1": "a", "response-2": "b", "response-3": "c"}
ORDER = [
    {"value": "response-2", "rank": 1},
    {"value": "response-1", "rank": 2},
    {"value": "response-3", "rank": 2},
]


def test_argilla_2_ranks():
    """As Record.to_dict gives it: lists of {value, user_id} by question."""
    row = {"id": "r1", "fields": FIELDS, "metadata": {}, "suggestions": {}, "vectors": {}, "_server_id": None}
    row["responses"] = {"best": [{"value": ORDER, "user_id": "u1"}, {"value": ORDER[::-1], "user_id": "u2"}]}
    found = compared(row)
    assert [one.annotator for one in found] == ["u1", "u2"]
    assert {one.pairs for one in found} == {((1, 0, 1), (1, 2, 1), (0, 2, None))}
    assert (found[0].prompt, found[0].item, found[0].choice) == (Prompt("q", id="r1"), "r1", 1)


def test_argilla_2_drafts_are_no_judgements():
    said = [
        {"value": "response-1", "user_id": "u1", "status": "draft"},
        {"value": "response-2", "user_id": "u2", "status": "submitted"},
    ]
    [found] = compared({"fields": FIELDS, "responses": {"best": said}})
    assert (found.annotator, found.choice) == ("u2", 1)


def test_argilla_1_ranks():
    """As a FeedbackRecord is written: a list of people's responses, some of them drafts."""
    value = [{"value": "response_1", "rank": 2}, {"value": "response_2", "rank": 1}]
    fields = {"instruction": "q", "context": "it", "response-1": "a", "response-2": "b"}
    values = {"best": {"value": value}, "why": {"value": "clearer"}}
    row = {"fields": fields, "external_id": "e1", "suggestions": []}
    row["responses"] = [
        {"user_id": "u1", "values": values, "status": "submitted"},
        {"user_id": "u2", "values": values, "status": "discarded"},
        {"user_id": None, "values": None, "status": "submitted"},
    ]
    [found] = compared(row)
    assert (found.prompt.text, found.prompt.id) == ("q\n\nit", "e1")
    assert (found.ranking, found.annotator, found.criterion) == ((1, 0), "u1", "best")


@pytest.mark.parametrize(
    "best",
    [
        {
            "best.responses": [ORDER, ORDER],
            "best.responses.users": ["u1", "u2"],
            "best.responses.status": ["submitted", "draft"],
        },
        {"best": {"value": [ORDER], "user_id": ["u1"], "status": ["submitted"]}},
        {
            "best": {
                "value": [{"value": ["response-2", "response-1", "response-3"], "rank": [1, 2, 2]}],
                "user_id": ["u1"],
                "status": ["submitted"],
            }
        },
    ],
)
def test_argilla_as_flat_rows(best):
    [found] = compared(FIELDS | {"id": "r1", "metadata": None} | best)
    assert (found.prompt, found.annotator) == (Prompt("q", id="r1"), "u1")
    assert found.pairs == ((1, 0, 1), (1, 2, 1), (0, 2, None))


@pytest.mark.parametrize(("value", "choice"), [("response-3", 2), ("response_1", 0), ("tie", None)])
def test_argilla_names_the_best(value, choice):
    [found] = compared({"fields": FIELDS, "responses": {"best": [{"value": value, "user_id": None}]}})
    assert (found.choice, found.annotator) == (choice, "")


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        (
            {"quality": [{"value": 4}]},
            r"none of the questions \(quality\) ranks response-1, response-2, response-3",
        ),
        (
            {"best": [{"value": ORDER[:2]}]},
            "best: expected ranks of response-1, response-2, response-3, found",
        ),
        (
            {
                "best": [
                    {"value": {"value": ["response-1", "response-2", "response-3"], "rank": [1, 2, 3, 4]}}
                ]
            },
            "best: expected ranks of response-1, response-2, response-3, found",
        ),
    ],
)
def test_argilla_that_is_refused(responses, message):
    with pytest.raises(UserError, match=f"^here: {message}"):
        compared({"fields": FIELDS, "responses": responses})


def test_nobody_has_answered_yet():
    assert compared({"fields": FIELDS, "responses": {}}) == []
    assert [
        prompt.text for prompt in Reader.of(Prompt).read({"fields": FIELDS, "responses": []}, "here")
    ] == ["q"]


def test_a_ranking_that_only_names_the_answers_is_best_first():
    """Version 2's ranking questions: ["response-2", "response-1"]."""
    fields = {"prompt": "q", "response-1": "a", "response-2": "b", "response-3": "c"}
    said = {"value": ["response-2", "response-3", "response-1"], "user_id": "u", "status": "submitted"}
    (judged,) = compared({"fields": fields, "responses": {"best": [said]}})
    assert judged.ranking == (1, 2, 0)


def test_what_a_tool_kept_beside_a_judgement_comes_back():
    kept = {"prompt_id": "p7", "annotator": "Li Wei", "criterion": "helpful", "source": "forum"}
    at_the_left = picked("left", completed_by=None)
    (of_label_studio,) = compared(task(at_the_left, prompt="q", answer1="a", answer2="b", meta=kept))
    assert of_label_studio.annotator == "Li Wei"
    fields = {"prompt": "q", "response-1": "a", "response-2": "b"}
    said = {"value": "response-1", "user_id": "Li Wei", "status": "submitted"}
    (of_argilla,) = compared({"fields": fields, "responses": {"best": [said]}, "metadata": kept})
    for judged in (of_label_studio, of_argilla):
        assert (judged.prompt.id, judged.criterion) == ("p7", "helpful")
        assert judged.prompt.meta == {"source": "forum"}


def test_the_author_of_a_foreign_demonstration_is_kept():
    rows = Reader.of(Demonstration).read({"prompt": "q", "completion": "a", "author": "Ada"}, "here")
    assert [row.author for row in rows] == ["Ada"]
