"""What an LLM as judge keeps on disk, so that nothing is paid for twice."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from judge_server import JudgeServer, saying
from test_judge import WORDS, report, reward

from assent.rewards.chat_api import Reply
from assent.rewards.judge_cache import JudgeCache


def test_what_was_answered_is_not_asked_again(tmp_path):
    with JudgeServer(WORDS) as server:
        first = reward(server.url, tmp_path)
        scores = first(["Count."] * 3, ["one", "one two", "one"])
        assert scores == [1.0, 2.0, 1.0]
        assert len(server.seen) == 2  # equal questions are one
        again = reward(server.url, tmp_path)
        assert again(["Count."] * 3, ["one two", "one", "one two three"]) == [2.0, 1.0, 3.0]
        assert len(server.seen) == 3
    assert (report(tmp_path)["requests"], report(tmp_path)["cached"]) == (3, 2)
    assert (report(tmp_path)["prompt_tokens"], report(tmp_path)["completion_tokens"]) == (30, 6)


@pytest.mark.parametrize(
    "changed",
    [{"model": "other"}, {"rubric": "Else."}, {"scale": [1, 5]}, {"sampling": {"seed": 1}}],
    ids=lambda changed: next(iter(changed)),
)
def test_another_question_is_asked_anew(tmp_path, changed):
    with JudgeServer(saying('{"score": 2}')) as server:
        reward(server.url, tmp_path)(["Why?"], ["So."])
        reward(server.url, tmp_path, **changed)(["Why?"], ["So."])
    assert len(server.seen) == 2


def test_damaged_lines_are_named_and_asked_again(tmp_path):
    with JudgeServer(WORDS) as server:
        answers = ["one", "one two", "one two three"]
        reward(server.url, tmp_path, calls={"concurrency": 1})(["Count."] * 3, answers)
        cache = tmp_path / "judge_cache.jsonl"
        lines = cache.read_text().splitlines(keepends=True)
        flipped = lines[0].replace('\\"score\\": 1', '\\"score\\": 9')  # one byte: only its checksum tells
        assert flipped != lines[0]
        cache.write_text(flipped + lines[1] + lines[2][:40])  # and the last was torn by a kill
        warnings = []
        assert reward(server.url, tmp_path, warnings=warnings)(["Count."] * 3, answers) == [1.0, 2.0, 3.0]
        assert len(server.seen) == 5
        assert len(warnings) == 2  # the flipped line at once, the torn one when the next is written
        assert re.search(r"judge_cache.jsonl:1: damaged \(its checksum is another\)", warnings[0])
        assert re.search(r"judge_cache.jsonl:3: damaged", warnings[1])
        reward(server.url, tmp_path)(["Count."] * 3, answers)
    assert len(server.seen) == 5


def test_two_share_a_cache(tmp_path):
    """What one has asked, the other knows, though both were there before."""
    with JudgeServer(WORDS) as server:
        shared = {"cache": str(tmp_path / "shared")}
        one, other = (reward(server.url, tmp_path, **shared) for _ in range(2))
        assert one(["Count."], ["one two"]) == other(["Count."], ["one two"]) == [2.0]
        assert other(["Count."], ["one"]) == one(["Count."], ["one"]) == [1.0]
    assert len(server.seen) == 2


def test_half_a_surrogate_pair_is_no_stumbling_block(tmp_path):
    with JudgeServer(saying('{"score": 2, "why": "\ud800"}')) as server:
        assert reward(server.url, tmp_path)(["Why \udc00?"], ["\ud800"]) == [2.0]
        assert reward(server.url, tmp_path)(["Why \udc00?"], ["\ud800"]) == [2.0]
    assert len(server.seen) == 1


def test_cost_is_counted(tmp_path):
    price = {"price_per_million_tokens": {"input": 2.0, "output": 8.0}}
    with JudgeServer(WORDS) as server:
        judge = reward(server.url, tmp_path, budget=price)
        judge(["Count."] * 2, ["one", "two words"])
    # two requests of 10 tokens in and 2 out: (20 x 2 + 4 x 8) / 1e6
    assert report(tmp_path)["cost"] == pytest.approx(72e-6)
    assert judge.judging.summary() == "tiny: 2 requests, 24 tokens, cost 7.2e-05; 0 from the cache"


def test_many_threads_write_one_cache(tmp_path):
    caches = [JudgeCache(tmp_path, "m", [].append) for _ in range(4)]

    def put(number):
        caches[number % 4].put(f"key {number}", Reply(f"text {number}\n" * 50, 10, 2, False))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(200)))
    warnings = []
    read = JudgeCache(tmp_path, "m", warnings.append)
    assert warnings == []
    assert [read.get(f"key {n}").text for n in range(200)] == [f"text {n}\n" * 50 for n in range(200)]
    assert (read.spent.requests, read.spent.tokens) == (200, 2400)
    assert JudgeCache(tmp_path, "another", warnings.append).spent.requests == 0
