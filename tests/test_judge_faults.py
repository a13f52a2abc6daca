"""What an LLM as judge does when its server goes wrong: recovered, resumable, or refused with a reason."""

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from judge_server import (
    FakeClock,
    JudgeServer,
    by_score,
    cut_short,
    drips,
    error_in_200,
    half_json,
    hangs,
    hangs_up,
    no_choices,
    nobody_there,
    page,
    saying,
    status,
)

from assent.config import check
from assent.errors import Interrupted, RewardError
from assent.rewards.chat_api import Clock, Pace
from assent.rewards.judge import JudgeReward
from assent.rewards.judge_settings import ScoringJudge
from assent.rewards.judging import Surroundings

WORDS = by_score(lambda request, answer: min(10, len(answer.split())))
AGAIN = "run the same command to go on"


def reward(url, folder, clock=None, stop=lambda: False, **settings):
    chosen = check(ScoringJudge, {"url": url, "model": "tiny", **settings}, "judge")
    return JudgeReward(chosen, Surroundings(folder, [].append, stop, clock or FakeClock().clock))


def answers(count):
    return ["Count."] * count, [f"answer {number}" for number in range(count)]


PASSING = {
    "500 twice": [status(500), status(500)],
    "502, then 503": [status(502), status(503)],
    "408": [status(408)],
    "429": [status(429, "slow down")],
    "half JSON": [half_json],
    "an answer cut short": [cut_short],
    "an error in a 200": [error_in_200],
    "no choices": [no_choices],
    "hangs up": [hangs_up],
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
def test_a_passing_fault_is_tried_again(tmp_path, faults):
    with JudgeServer(WORDS, faults) as server:
        assert reward(server.url, tmp_path)(["Count."], ["one two"]) == [2.0]
    assert len(server.seen) == len(faults) + 1


LASTING = {
    "500": (status(500, "out of memory"), r"500 Internal Server Error: out of memory"),
    "429": (status(429, "slow down"), "429 Too Many Requests: slow down"),
    "half JSON": (half_json, "half an answer, not JSON"),
    "an error in a 200": (error_in_200, "200 with an error: upstream is overloaded"),
    "no choices": (no_choices, r"no choices\[0\].message.content"),
    "hangs up": (hangs_up, "RemoteProtocolError"),
    "an answer cut short": (cut_short, "RemoteProtocolError"),
}


@pytest.mark.parametrize(("fault", "message"), LASTING.values(), ids=LASTING)
def test_a_fault_that_lasts_is_a_stop_that_can_be_resumed(tmp_path, fault, message):
    with JudgeServer(WORDS, [fault] * 3) as server:
        judge = reward(server.url, tmp_path, calls={"retries": 2})
        with pytest.raises(Interrupted, match=rf"no answer in 3 tries, the last: {message}.*{AGAIN}"):
            judge(["Count."], ["one two"])
        assert len(server.seen) == 3
        assert judge(["Count."], ["one two"]) == [2.0]
    assert Interrupted.exit_code == 75


def test_nobody_listens(tmp_path):
    judge = reward(nobody_there(), tmp_path, calls={"retries": 1})
    with pytest.raises(Interrupted, match="no answer in 2 tries, the last: ConnectError"):
        judge(["Count."], ["one"])


@pytest.mark.parametrize("fault", [hangs, drips], ids=["says nothing", "a byte now and then"])
def test_a_call_has_a_deadline(tmp_path, fault):
    with JudgeServer(WORDS, [fault]) as server:
        judge = reward(server.url, tmp_path, Clock(), calls={"deadline": 0.2, "retries": 0})
        with pytest.raises(Interrupted, match=r"no whole answer within 0.2 s"):
            judge(["Count."], ["one"])


REFUSED = {
    "401": (status(401, "Bad key: secret-4711"), r"refused: 401 Unauthorized: Bad key: \*\*\*"),
    "400": (status(400, "no such model"), "refused: 400 Bad Request: no such model"),
    "404": (status(404, "no route"), "refused: 404 Not Found: no route"),
    "a page": (page, r"expected JSON, found content of type text/html: <html>Please log in.*judge.url"),
    "sent on": (status(307, "moved", Location="http://elsewhere/v1"), "307, sent on to http://elsewhere/v1"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_pass_ends_at_once(tmp_path, monkeypatch, fault, message):
    monkeypatch.setenv("JUDGE_KEY", "secret-4711")
    with JudgeServer(WORDS, [fault]) as server:
        judge = reward(server.url, tmp_path, key_env="JUDGE_KEY")
        with pytest.raises(RewardError, match=message):
            judge(["Count."], ["one"])
    assert len(server.seen) == 1
    assert RewardError.exit_code == 2


def test_a_wrong_address_is_told(tmp_path):
    with JudgeServer(WORDS) as server, pytest.raises(RewardError, match="404 Not Found: no route /chat"):
        reward(server.url.removesuffix("/v1"), tmp_path)(["Count."], ["one"])


def test_an_endless_answer(tmp_path):
    def endless(handler):
        handler.send(200, " " * (9 * 2**20))

    with JudgeServer(WORDS, [endless]) as server, pytest.raises(RewardError, match="longer than 8 MiB"):
        reward(server.url, tmp_path)(["Count."], ["one"])


def test_retry_after_in_seconds_is_kept(tmp_path):
    clock = FakeClock()
    with JudgeServer(WORDS, [status(429, Retry_After="17")]) as server:
        reward(server.url, tmp_path, clock.clock)(["Count."], ["one"])
    assert clock.time == 17.0


def test_retry_after_as_a_date_is_kept(tmp_path):
    """The date is one minute ahead, to the second."""
    clock, then = FakeClock(), format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    with JudgeServer(WORDS, [status(503, Retry_After=then)]) as server:
        reward(server.url, tmp_path, clock.clock)(["Count."], ["one"])
    assert 30 < clock.time <= 60


def test_a_server_that_asks_for_hours(tmp_path):
    said = "a pause of 7200 s, longer than calls.longest_wait"
    with (
        JudgeServer(WORDS, [status(429, Retry_After="7200")]) as server,
        pytest.raises(Interrupted, match=said),
    ):
        reward(server.url, tmp_path)(["Count."], ["one"])
    assert len(server.seen) == 1


def test_waits_double_with_jitter(tmp_path):
    """Waits of 1, 2, 4 and 8 s, each between a half and the whole of it."""
    clock = FakeClock()
    with JudgeServer(WORDS, [status(500)] * 4) as server:
        reward(server.url, tmp_path, clock.clock)(["Count."], ["one"])
    assert 7.5 <= clock.time <= 15.0


def test_ctrl_c_ends_a_wait(tmp_path):
    with JudgeServer(WORDS, [status(429, Retry_After="100")]) as server:
        asked = iter([False, False, True])
        judge = reward(server.url, tmp_path, stop=lambda: next(asked))
        with pytest.raises(Interrupted, match=f"stopped while judge tiny at .* was waited for.*{AGAIN}"):
            judge(["Count."], ["one"])


def test_as_many_requests_at_once_as_set(tmp_path):
    """The server holds each request until three are under way, so more than one is, and never four."""
    with JudgeServer(saying('{"score": 1}'), together=3) as server:
        judge = reward(server.url, tmp_path, calls={"concurrency": 3})
        assert judge(*answers(9)) == [1.0] * 9
    assert server.most_in_flight == 3


def test_requests_keep_their_pace():
    """30 a minute: the k-th may go at second 2k; one that comes late shifts all after it."""
    clock = FakeClock()
    pace = Pace(30.0, clock.clock)
    assert [pace.seconds_to_wait() for _ in range(4)] == [0.0, 2.0, 4.0, 6.0]
    clock.time = 20.0
    assert [pace.seconds_to_wait() for _ in range(2)] == [0.0, 2.0]


def test_the_rate_limit_counts_every_try(tmp_path):
    clock = FakeClock()
    with JudgeServer(WORDS, [status(500)]) as server:
        calls = {"concurrency": 1, "rate_limit": 6, "backoff": 0.001}
        reward(server.url, tmp_path, clock.clock, calls=calls)(*answers(3))
    assert len(server.seen) == 4
    assert clock.time == pytest.approx(30.0)  # the fourth goes 3 x 10 s after the first


@pytest.mark.parametrize(
    ("budget", "answered"),
    [
        ({"max_requests": 3}, 3),
        ({"max_tokens": 30}, 3),  # 12 a request: 24 is below, 36 is not
        ({"max_cost": 0.05, "price_per_million_tokens": {"input": 1000, "output": 5000}}, 3),  # 0.02 each
    ],
    ids=["requests", "tokens", "cost"],
)
def test_a_spent_budget_is_a_stop_that_can_be_resumed(tmp_path, budget, answered):
    texts = answers(5)
    one = {"concurrency": 1}
    with JudgeServer(WORDS) as server:
        spent = rf"the budget is spent: judge.budget.{next(iter(budget))} is .*Raise it, then run the same"
        for _ in range(2):  # the same command again spends nothing more
            with pytest.raises(Interrupted, match=spent):
                reward(server.url, tmp_path, calls=one, budget=budget)(*texts)
            assert len(server.seen) == answered
        assert reward(server.url, tmp_path, calls=one)(*texts) == [2.0] * 5
    assert len(server.seen) == 5  # each question once
    assert len({json.dumps(body) for body in server.bodies}) == 5


def test_a_budget_holds_for_many_threads(tmp_path):
    with JudgeServer(WORDS) as server:
        judge = reward(server.url, tmp_path, calls={"concurrency": 8}, budget={"max_requests": 5})
        with pytest.raises(Interrupted, match="max_requests is 5"):
            judge(*answers(20))
    assert len(server.seen) == 5


def test_a_failed_try_counts_against_the_budget(tmp_path):
    with (
        JudgeServer(WORDS, [status(500)] * 2) as server,
        pytest.raises(Interrupted, match="max_requests is 2"),
    ):
        reward(server.url, tmp_path, budget={"max_requests": 2})(["Count."], ["one"])
    assert len(server.seen) == 2


def test_a_server_that_counts_no_tokens_cannot_be_kept_to_a_budget_of_them(tmp_path):
    with JudgeServer(WORDS, tells_usage=False) as server:
        judge = reward(server.url, tmp_path, calls={"concurrency": 1}, budget={"max_tokens": 100})
        with pytest.raises(RewardError, match="does not tell how many tokens it took"):
            judge(*answers(2))
        assert reward(server.url, tmp_path)(*answers(2)) == [2.0, 2.0]
    facts = json.loads((tmp_path / "judge.json").read_text())["judge"]
    assert (facts["requests"], facts["without_usage"]) == (2, 2)


def test_one_refusal_ends_the_others(tmp_path):
    """Nothing more is sent once it is clear that the batch fails; what was answered is kept."""
    with JudgeServer(WORDS, [None, status(400, "no")]) as server:
        with pytest.raises(RewardError, match="400 Bad Request: no"):
            reward(server.url, tmp_path, calls={"concurrency": 1})(*answers(50))
        assert len(server.seen) < 10
        before = len(server.seen)
        reward(server.url, tmp_path)(*answers(1))
        assert len(server.seen) == before


def test_threads_end_with_the_batch(tmp_path):
    before = threading.active_count()
    with JudgeServer(WORDS, [status(400)]) as server, pytest.raises(RewardError):
        reward(server.url, tmp_path)(*answers(20))
    assert threading.active_count() == before


def test_a_summary_names_what_is_uncounted(tmp_path):
    with JudgeServer(WORDS, tells_usage=False) as server:
        judge = reward(server.url, tmp_path)
        judge(["Count."], ["one"])
    assert re.search("1 requests, 0 tokens and 1 answers uncounted; 0 from", judge.judging.summary())
