"""An LLM as one of the rewards of a recipe: in `policy`, stopped and gone on; in `evaluate`; in the plan."""

import json

import pytest
from judge_server import JudgeServer, by_likelihood, by_score, status
from stage_world import facts, learned, made
from tiny_folders import tiny_folder

from assent.config import check
from assent.errors import Interrupted, UserError
from assent.models.load import load
from assent.stages.judge_part import known_answers
from assent.stages.reward_parts import RewardPart

ASKED = ["Once upon a", "She loved", "One day, she", "The ball was"]
LETTERS = by_score(lambda request, answer: 1 + 9 * answer.count("e") / (1 + len(answer)))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    tiny_folder("gpt2", root / "gpt2")
    (root / "prompts.jsonl").write_text("".join(json.dumps({"input_text": text}) + "\n" for text in ASKED))
    known = [{"input_text": text, "output_text": " time."} for text in ASKED]
    (root / "known.jsonl").write_text("".join(json.dumps(row) + "\n" for row in known))
    return root


def policy_of(world, url, **judge):
    calls = {"retries": 1, "backoff": 0.001, "concurrency": 2}
    return {
        "model": str(world / "gpt2"),
        "prompts": str(world / "prompts.jsonl"),
        "rewards": [{"judge": {"url": url, "model": "tiny", "calls": calls, **judge}, "normalise": True}],
        "batch": 4,
        "minibatch": 4,
        "epochs": 1,
        "steps": 3,
        "normalise_on": 4,
        "sampling": {"max_new_tokens": 5},
    }


def test_a_policy_goes_on_after_its_judge_was_away(world, tmp_path):
    """Same weights and numbers as without the fault; what was answered before is not asked again."""
    with JudgeServer(LETTERS) as server:
        whole, log = made("policy", tmp_path / "whole", **policy_of(world, server.url))
        settings = policy_of(world, server.url)
        asked = len(server.seen)
        assert 8 <= asked <= 16  # normalisation and three steps of four answers, equal ones once
        server.faults[:] = [None] * (asked - 2) + [status(503)] * 20
        with pytest.raises(Interrupted, match="no answer in 2 tries, the last: 503"):
            made("policy", tmp_path / "broken", **settings)
        server.faults.clear()
        before = len(server.seen)
        broken, _ = made("policy", tmp_path / "broken", **settings)
        assert len(server.seen) - before <= 2
    assert learned_weights(whole) == learned_weights(broken)
    assert {row["reward/judge:tiny"] for row in log} != {0.0}
    told = facts(broken / "judge.json")["judge:tiny"]
    assert told["requests"] == asked
    assert told["completion_tokens"] == 2 * asked


def learned_weights(folder):
    (folder / "metrics.jsonl").touch()  # a stage that is run by itself logs elsewhere
    return learned(folder)[0]


def test_a_policy_is_held_against_known_answers(world, tmp_path):
    with JudgeServer(by_likelihood(*load(str(world / "gpt2")))) as server:
        judge = {"mode": "pairwise", "against": str(world / "known.jsonl")}
        folder, log = made("policy", tmp_path, **policy_of(world, server.url, **judge))
    assert len(log) == 3
    told = facts(folder / "judge.json")["judge:tiny"]
    assert told["pairs"] > 0
    assert told["consistent"] == told["pairs"]  # likelihood does not know which came first


def test_a_judge_scores_in_evaluate(world, tmp_path):
    with JudgeServer(LETTERS) as server:
        given = policy_of(world, server.url)
        kept = {key: given[key] for key in ("prompts", "sampling", "rewards")}
        rewards = [{**kept.pop("rewards")[0], "normalise": False}]
        folder, _ = made("evaluate", tmp_path, policies=[given["model"]], rewards=rewards, **kept)
    answers = [
        json.loads(line)["answers"]["gpt2"] for line in (folder / "answers.jsonl").read_text().splitlines()
    ]
    assert len(answers) == 4
    for answer in answers:
        letters = answer["text"].count("e")
        assert answer["scores"]["score"] == pytest.approx(1 + 9 * letters / (1 + len(answer["text"])))


def test_two_known_answers_to_one_prompt(tmp_path):
    rows = [{"input_text": "Why?", "output_text": text} for text in ("So.", "Thus.")]
    (tmp_path / "known.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match=r"known.jsonl: two known answers to 'Why\?'"):
        known_answers(str(tmp_path / "known.jsonl"))


def test_a_mistake_in_the_judge_names_its_key():
    judge = {"url": "http://host/v1", "model": "m", "rubrik": "Short."}
    with pytest.raises(UserError, match=r"rewards: unknown key judge.rubrik; did you mean rubric\?"):
        check(RewardPart, {"judge": judge}, "rewards")
