import sys

import numpy as np
import pytest

from assent.errors import RewardError, UserError
from assent.models.heads import RewardModel
from assent.records import Prompt
from assent.rewards.composite import Part, judge, normalised
from assent.rewards.function import function, reward_function
from assent.rewards.learned import LearnedReward
from assent.rewards.reward import checked


def lengths(prompts, responses):
    return [float(len(response)) for response in responses]


def questions(prompts, responses):
    return [float(response.endswith("?")) for response in responses]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Weight:\n"
        "    value: float = 2.0\n"
        "CONSTANT = 3\n"
        "def brevity(prompts, responses):\n"
        "    return [-Weight().value * len(r) for r in responses]\n"
    )
    return tmp_path


def test_a_function_in_a_file(folder):
    assert function(f"{folder}/mine.py:brevity")([""], ["abc"]) == [-6.0]


def test_a_function_in_a_module(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    assert function("mine:brevity")([""], ["ab"]) == [-4.0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.py", "expected file.py:name or package.module:name"),
        ("mine.py:", "expected file.py:name or package.module:name"),
        ("nowhere.py:brevity", "nowhere.py: no such file"),
        ("no_such_module_here:f", "cannot be imported: No module named 'no_such_module_here'"),
        ("mine.py:verbosity", "has no function verbosity; it has .*brevity"),
        ("mine.py:CONSTANT", "has no function CONSTANT"),
        ("broken.py:f", "broken.py: the file cannot be imported"),
        ("needs.py:f", "needs.py: the file cannot be imported: No module named"),
    ],
)
def test_a_function_that_is_not_there(folder, monkeypatch, name, message):
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "needs.py").write_text("import no_such_module_here\n")
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match=message):
        function(name)


def test_scores_become_floats():
    assert checked("r", np.array([1, 2], dtype=np.int64), 2) == [1.0, 2.0]
    assert checked("r", (True, 0), 2) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0], "reward mine gave 1 scores for 2 answers"),
        ([1.0, 2.0, 3.0], "reward mine gave 3 scores for 2 answers"),
        ([1.0, float("nan")], "reward mine gave nan for answer 1 of 2"),
        ([float("inf"), 1.0], "reward mine gave inf for answer 0 of 2"),
        ([1.0, None], "reward mine: expected one number an answer"),
        ([1.0, "high"], "reward mine: expected one number an answer"),
        (None, "reward mine: expected one number an answer"),
        (3.0, "reward mine: expected one number an answer"),
    ],
)
def test_a_reward_that_cannot_judge(scores, message):
    with pytest.raises(RewardError, match=message):
        judge([Part("mine", 1.0, lambda prompts, responses: scores)], ["", ""], ["a", "b"])


def test_the_sum_of_parts_by_hand():
    # "abc?": 2 * (4 - 1) / 2 - 1 * 1 = 2; "abcde": 2 * (5 - 1) / 2 - 0 = 4
    parts = [Part("length", 2.0, lengths, offset=1.0, scale=2.0), Part("asks", -1.0, questions)]
    judged = judge(parts, ["", ""], ["abc?", "abcde"])
    assert judged.scores.tolist() == [2.0, 4.0]
    assert judged.parts.tolist() == [[1.5, 1.0], [2.0, 0.0]]


def test_normalised():
    part = normalised(Part("length", 0.5, lengths), [1.0, 3.0])  # mean 2, population deviation 1
    assert (part.weight, part.offset, part.scale) == (0.5, 2.0, 1.0)
    texts = ["a", "abcd", "ab"]
    raw = lengths(texts, texts)
    scores = normalised(Part("length", 1.0, lengths), raw).judge(texts, texts)
    assert scores.mean() == pytest.approx(0)
    assert scores.std() == pytest.approx(1)


def test_equal_scores_say_nothing_of_a_scale():
    assert normalised(Part("length", 1.0, lengths), [4.0, 4.0]).scale == 1.0


def test_a_learned_reward_scores_each_answer_as_if_it_were_alone(gpt2):
    body, tokenizer = gpt2
    model = RewardModel(body).eval()
    prompts, responses = ["she", "a much longer question", ""], ["loved", "", "the ball was red"]
    together = LearnedReward(model, tokenizer, rows=2)(prompts, responses)
    for prompt, response, score in zip(prompts, responses, together, strict=True):
        alone = model.scores(tokenizer.prompts([Prompt(prompt)])[0], tokenizer.responses([response])[0])
        assert score == pytest.approx(alone.item(), abs=1e-4)


def test_a_function_keeps_what_it_says_of_itself_and_nothing_else_is_taken_for_that(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from functools import partial\n\n"
        'def kind(prompts, responses):\n    """How kind each is."""\n    return [0.0] * len(prompts)\n\n'
        "def silent(prompts, responses):\n    return [0.0] * len(prompts)\n\n"
        "partly = partial(kind)\n"
    )
    said = [reward_function(f"{tmp_path}/mine.py:{name}").__doc__ for name in ("kind", "silent", "partly")]
    assert said == ["How kind each is.", None, None]


def test_a_function_that_fails_is_told_with_its_line(tmp_path):
    (tmp_path / "mine.py").write_text(
        "def broken(prompts, responses):\n    return [1 / len('') for _ in prompts]\n"
    )
    reward = reward_function(f"{tmp_path}/mine.py:broken")
    with pytest.raises(
        RewardError, match=r"mine.py:broken failed at .*mine.py:2: ZeroDivisionError: division"
    ):
        reward(["a"], ["b"])
