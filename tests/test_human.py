"""A live person as reward, played by a script."""

import os
from pathlib import Path

import pytest
from live_person import ANSWERS, PROMPTS, SCORES, Person, journalled, reward_in, vowels

from assent.config import check
from assent.errors import Interrupted, RewardError, UserError, Waiting
from assent.rewards.human_inbox import Inbox
from assent.stages.reward_parts import RewardPart


def test_a_person_answers(tmp_path):
    said = []
    with Person(tmp_path) as person:
        assert reward_in(tmp_path, said)(PROMPTS, ANSWERS) == SCORES
    assert len(person.seen) == 3  # the one that stands there twice is asked twice
    assert Inbox(tmp_path / "human").open() == []
    rows = journalled(tmp_path)
    assert sorted(row["score"] for row in rows) == [3, 3, 5]
    assert {(row["source"], row["by"], row["reward"]) for row in rows} == {("person", "kim", "people")}
    [told] = said  # how many still wait when it is told depends on how quick the person is
    assert told.endswith(f"for people, for 20 s: {tmp_path / 'human' / 'questions'}")


def test_what_a_question_says(tmp_path):
    with pytest.raises(Waiting, match=r"1 of 1 answers wait for people: .*human/questions; run the same"):
        reward_in(tmp_path, deadline_seconds=0, question="Kind?", scale=(0, 1))(["a?"], ["ü\n"])
    [question] = Inbox(tmp_path / "human").open()
    assert len(question.pop("id")) == 32
    assert question == {
        "reward": "people",
        "question": "Kind?",
        "scale": [0, 1],
        "prompt": "a?",
        "response": "ü\n",
    }


def test_who_is_late_is_heard_in_the_next_run(tmp_path):
    with pytest.raises(Waiting, match="3 of 3 answers wait"):
        reward_in(tmp_path, deadline_seconds=0)(PROMPTS, ANSWERS)
    inbox = Inbox(tmp_path / "human")
    first, *others = inbox.open()
    inbox.answer(first["id"], 2)
    with pytest.raises(Waiting, match="2 of 3 answers wait"):
        reward_in(tmp_path, deadline_seconds=0)(PROMPTS, ANSWERS)
    for question in others:
        inbox.answer(question["id"], 4.5)
    assert sorted(reward_in(tmp_path, deadline_seconds=0)(PROMPTS, ANSWERS)) == [2, 4.5, 4.5]


def test_what_was_said_is_said_again_without_asking(tmp_path):
    with Person(tmp_path):
        reward_in(tmp_path)(PROMPTS, ANSWERS)
    replay = reward_in(tmp_path, deadline_seconds=0)
    assert replay(PROMPTS, ANSWERS) == SCORES
    assert replay(["b?"], ["four five"]) == [5.0]  # and in a later batch
    with pytest.raises(Waiting):
        replay(["c?"], ["four five"])
    for other in ({"question": "Kind?"}, {"scale": (0, 5)}):
        with pytest.raises(Waiting):  # said of another question, or on another scale
            reward_in(tmp_path, deadline_seconds=0, **other)(["b?"], ["four five"])


def test_nobody_comes_and_a_model_stands_in(tmp_path):
    said, judged = [], []

    def stand_in(prompts, responses):
        judged.extend(responses)
        return [0.125 for _ in responses]  # of the way from 1 to 5

    settings = {"fallback": "model", "model": "a/model", "deadline_seconds": 0}
    reward = reward_in(tmp_path, said, stand_in=stand_in, **settings)
    inbox = Inbox(tmp_path / "human")
    assert reward(["a?", "b?"], ["one", "two"]) == [1.5, 1.5]
    assert reward.stood_in == 2
    assert said == ["people: nobody judged 2 of 2 answers in time: a/model stands in"]
    assert inbox.open() == []
    assert {(row["source"], row["by"]) for row in journalled(tmp_path)} == {("model", "a/model")}
    # it comes too late: what the policy learned from stays, and that is said
    late = journalled(tmp_path)[0]["id"]
    with pytest.raises(UserError, match=f"no open question {late}: it was answered, or its deadline"):
        inbox.answer(late, 5)
    (inbox.answers / f"{late}.json").write_text('{"score": 5}')
    again = reward_in(tmp_path, said, stand_in=stand_in, **settings)
    assert again(["a?", "b?"], ["one", "two"]) == [1.5, 1.5]
    assert said[1:] == [
        "people: 1 answers came after the deadline; the stand-in's scores were used already, and stay"
    ]
    assert judged == ["one", "two"]


def test_a_stand_in_is_laid_over_the_scale_of_the_people(tmp_path):
    settings = {"fallback": "model", "model": "a/model", "deadline_seconds": 0, "scale": (1, 5)}

    def scores(*values):
        folder = tmp_path / str(values[0])
        stand_in = lambda prompts, responses: values  # noqa: E731
        return reward_in(folder, stand_in=stand_in, **settings)(
            ["a?"] * len(values), list("abc"[: len(values)])
        )

    assert scores(1.0, 0.0, 0.75) == [5.0, 1.0, 4.0]  # rewards learn ratings as shares of their scale
    assert scores(1.08, -0.08, 0.5) == [5.0, 1.0, 3.0]  # a tenth of the width beyond is the end of the scale
    with pytest.raises(RewardError, match="a/model gave 4; expected 0 to 1, from the lowest to the highest"):
        scores(4.0)
    with pytest.raises(RewardError, match="people, stand-in gave nan for answer 0"):
        scores(float("nan"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no answer: Expecting property name"),
        ('{"score": "good"}', "expected a number from 1 to 5, found 'good'"),
        ('{"score": true}', "expected a number from 1 to 5, found True"),
        ('{"score": null}', "found None"),
        ('{"score": NaN}', "found nan"),
        ('{"score": 5.01}', "found 5.01"),
        ("4", "expected {"),
        ('{"score": 4, "annotator": 7}', "expected {"),
        ("[" * 60_000, "no answer: "),
        (" " * 70_000, "more than 64 KiB"),
    ],
)
def test_an_answer_that_is_none(tmp_path, text, message):
    reward = reward_in(tmp_path, deadline_seconds=0)
    with pytest.raises(Waiting):
        reward(["a?"], ["one"])
    [question] = reward.inbox.open()
    path = reward.inbox.answers / f"{question['id']}.json"
    path.write_text(text)
    with pytest.raises(RewardError, match=f"{path.name}: no answer: ") as error:
        reward(["a?"], ["one"])
    assert message in str(error.value)
    assert len(reward.inbox.open()) == 1  # it still waits, and a good answer is taken
    path.write_text('{"score": 4}')
    assert reward(["a?"], ["one"]) == [4.0]


def test_an_answer_to_no_question(tmp_path):
    for name in ("0" * 32, "../../journal", ""):
        with pytest.raises(UserError, match="no open question"):
            Inbox(tmp_path).answer(name, 3)


def test_a_signal_ends_the_waiting(tmp_path):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Interrupted, match="stopped while 3 answers waited for people"):
        reward_in(tmp_path, stop=stop)(PROMPTS, ANSWERS)
    assert len(Inbox(tmp_path / "human").open()) == 3


def test_a_scripted_person(tmp_path):
    chosen = {"scripted": "tests.people:vowels", "deadline_seconds": 0}
    assert reward_in(tmp_path, person=vowels, **chosen)(PROMPTS, ANSWERS) == SCORES
    assert {row["source"] for row in journalled(tmp_path)} == {"scripted"}
    with pytest.raises(Waiting, match="1 of 1 answers wait"):
        reward_in(tmp_path, person=lambda prompt, response: None, **chosen)(["z?"], ["z"])
    with pytest.raises(RewardError, match="scripted person: score: expected a number from 1 to 5, found 9"):
        reward_in(tmp_path, person=lambda prompt, response: 9, **chosen)(["z?"], ["z"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": [5, 1]}, r"rewards\[0\]: human: scale: expected \[lowest, highest\]"),
        ({"scale": [1, float("inf")]}, "scale: expected"),
        ({"deadline_seconds": -1}, "human.deadline_seconds"),
        ({"fallback": "zero"}, "human.fallback: input should be 'stop' or 'model'"),
        ({"fallback": "model"}, "belong together"),
        ({"model": "a/model"}, "belong together"),
        ({"deadline": 3}, "unknown key human.deadline; did you mean deadline_seconds"),
    ],
)
def test_settings_that_are_none(settings, message):
    with pytest.raises(UserError, match=message):
        check(RewardPart, {"human": settings}, "rewards[0]")


def test_files_in_the_folder_have_no_other_names(tmp_path):
    """What a page or a script reads is whole: what is being written has a name that begins with a dot."""
    with Person(tmp_path):
        reward_in(tmp_path)(PROMPTS, ANSWERS)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in Path(tmp_path).rglob("*"))
    assert left == ["human", "human/answers", "human/journal.jsonl", "human/questions"]
    assert os.access(tmp_path / "human" / "journal.jsonl", os.R_OK)
