"""The settings of an LLM as judge: what is refused, and where its key goes."""

import pytest
from judge_server import JudgeServer
from test_judge import WORDS, reward

from assent.config import check
from assent.errors import UserError
from assent.rewards.judge_settings import ComparingJudge, ScoringJudge


def test_the_key_goes_out_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "secret-4711\n")
    with JudgeServer(WORDS) as server:
        reward(server.url, tmp_path, key_env="JUDGE_KEY")(["Count."], ["one"])
    assert server.seen[0].headers["Authorization"] == "Bearer secret-4711"
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "secret" not in written


def test_a_key_that_is_not_set(tmp_path, monkeypatch):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with pytest.raises(UserError, match="the environment variable JUDGE_KEY is not set"):
        reward("http://127.0.0.1:9/v1", tmp_path, key_env="JUDGE_KEY")


def test_a_key_in_the_open_is_warned_of(tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "secret")
    warnings = []
    reward("http://judge.example/v1", tmp_path, warnings=warnings, key_env="JUDGE_KEY")
    assert warnings == [
        "judge tiny: its key goes to judge.example unencrypted; use https where the server has it"
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"key_env": "sk-proj-abc123"}, "never the key itself"),
        ({"key_env": "AIzaSyD3kq8Xw0pTz7LmN2vBcR5"}, "never the key itself"),
        ({"key_env": "hf_aBcDeFgHiJkLmNoPqRsT"}, "never the key itself"),
        ({"url": "https://me:secret@host/v1"}, "do not belong in an address"),
        ({"url": "ftp://host/v1"}, "expected an address such as"),
        ({"url": "host/v1"}, "expected an address such as"),
        ({"scale": [5, 1]}, "expected .lowest, highest."),
        ({"mode": "pairwise"}, "mode: pairwise needs against"),
        ({"against": "known.jsonl"}, "mode: scalar has no use"),
        ({"budget": {"max_cost": 1.0}}, "max_cost needs price_per_million_tokens"),
    ],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(UserError, match=message) as refusal:
        check(ScoringJudge, {"url": "http://host/v1", "model": "m", **settings}, "judge")
    secrets = [str(value) for key, value in settings.items() if key == "key_env"] + ["secret@"]
    assert not any(secret in str(refusal.value) for secret in secrets)


def test_few_settings():
    assert max(len(ScoringJudge.model_fields), len(ComparingJudge.model_fields)) <= 12
