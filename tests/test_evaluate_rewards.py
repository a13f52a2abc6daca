"""`stage: evaluate` tells every reward's own number beside their sum, and how far members disagree."""

import pytest
from reward_judgements import choice, judged, reward_world, rewarded, settings_of
from stage_world import facts, made, rows

from assent.errors import UserError

REWARDS = """
def words(prompts, responses):
    return [len(response.split()) for response in responses]

def letters(prompts, responses):
    return [len(response) for response in responses]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return reward_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def asked(world, tmp_path):
    (tmp_path / "f.py").write_text(REWARDS)
    (tmp_path / "asked.jsonl").write_text('{"input_text": "one"}\n{"input_text": "two"}\n')
    return {
        "policies": [settings_of(world)["model"]],
        "prompts": str(tmp_path / "asked.jsonl"),
        "sampling": {"max_new_tokens": 6},
    }


def test_each_reward_and_their_sum(asked, tmp_path):
    rewards = [
        {"function": f"{tmp_path}/f.py:words", "name": "words", "weight": 2.0},
        {"function": f"{tmp_path}/f.py:letters", "name": "letters", "weight": -0.5},
    ]
    folder, _ = made("evaluate", tmp_path / "it", **asked, rewards=rewards)
    for row in rows(folder / "answers.jsonl"):
        [answer] = row["answers"].values()
        words, letters = len(answer["text"].split()), len(answer["text"])
        assert answer["scores"] == {"score": 2 * words - letters / 2, "words": words, "letters": letters}


def test_an_ensembles_disagreement_is_told_and_wins_nothing(world, asked, tmp_path):
    source = judged(tmp_path / "judged.jsonl", choice)
    settings = {**settings_of(world), "ensemble": {"members": 3}}
    trained, _ = rewarded(tmp_path / "judge", preferences=source, **settings)
    rewards = [{"model": str(trained / "model"), "name": "judge"}]
    asked["policies"] = [*asked["policies"], {"model": asked["policies"][0], "name": "again"}]
    folder, _ = made("evaluate", tmp_path / "it", **asked, rewards=rewards)
    for row in rows(folder / "answers.jsonl"):
        for answer in row["answers"].values():
            assert answer["scores"].keys() == {"score", "spread of judge"}
            assert answer["scores"]["spread of judge"] > 0
    assert {row["judge"] for row in facts(folder / "evaluation.json")["comparisons"]} == {"score"}


def test_two_rewards_of_one_name_are_refused(asked, tmp_path):
    function = {"function": f"{tmp_path}/f.py:words"}
    with pytest.raises(UserError, match=r"rewards: two are called f:words: give one a `name`"):
        made("evaluate", tmp_path / "it", **asked, rewards=[function, function])


def test_a_judge_with_a_rewards_name_is_refused(asked, tmp_path):
    rewards = [{"function": f"{tmp_path}/f.py:{name}", "name": name} for name in ("words", "letters")]
    judges = [{"name": "words", "function": f"{tmp_path}/f.py:words"}]
    with pytest.raises(UserError, match="a judge and a reward are both called words"):
        made("evaluate", tmp_path / "it", **asked, rewards=rewards, judges=judges)
