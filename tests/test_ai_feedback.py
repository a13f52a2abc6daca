"""An LLM in the place of people: `annotate` with `judge`, whole stages and whole runs."""

import json
from pathlib import Path

import pytest
from judge_server import JudgeServer, by_likelihood, by_score, saying, status, texts_in
from stage_world import facts, made, ran, rows, states
from tiny_folders import tiny_folder
from tiny_models import SENTENCES

from assent.data.sources import comparisons
from assent.errors import Interrupted, UserError

ROOT = Path(__file__).parents[1]
WORDS = by_score(lambda request, answer: len(answer.split()))
FIRST = saying('{"better": "A"}')


def candidates_in(path, *items):
    written = [
        {"input_text": f"Question {number}?", "id": f"i{number}"}
        | {f"candidate_{index}": text for index, text in enumerate(texts)}
        for number, texts in enumerate(items)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in written))
    return str(path)


def judged(server, folder, asked, want, judge=None, **settings):
    chosen = {"url": server.url, "model": "tiny-1", **(judge or {})}
    return made("annotate", folder, candidates=asked, want=want, judge=chosen, **settings)


def test_a_model_chooses(tmp_path):
    asked = candidates_in(tmp_path / "asked.jsonl", ("one", "one two"), ("a b c", "a b"), ("x y", "z z"))
    with JudgeServer(WORDS) as server:
        folder, log = judged(server, tmp_path / "out", asked, 3, {"criterion": "helpful"})
    found = comparisons(str(folder / "judgements.jsonl"))
    assert [comparison.choice for comparison in found] == [1, 0, None]
    assert {comparison.annotator for comparison in found} == {"ai:tiny-1"}
    assert {comparison.criterion for comparison in found} == {"helpful"}
    assert {comparison.seconds for comparison in found} == {None}
    assert [comparison.item for comparison in found] == ["i0", "i1", "i2"]
    assert log == [{"step": 0, "judge_requests": 6.0, "judge_tokens": 72.0, "judge_consistent": 1.0}]


def test_a_verdict_that_turns_with_the_order_is_a_tie(tmp_path):
    asked = candidates_in(tmp_path / "asked.jsonl", ("one", "one two"), ("a", "b"))
    with JudgeServer(FIRST) as server:
        folder, _ = judged(server, tmp_path / "out", asked, 2)
    assert [row["choice"] for row in rows(folder / "judgements.jsonl")] == [None, None]
    told = facts(folder / "judge.json")["annotate"]
    assert (told["items"], told["pairs"], told["consistent"], told["for_first"]) == (2, 2, 0, 2)
    low, high = told["consistent_ci"]  # Wilson 1927 for 0 of 2: 0 and z^2 / (2 + z^2)
    assert (low, high) == (0.0, pytest.approx(3.8414588 / 5.8414588))
    assert (folder / "message.txt").read_text() == (
        "tiny-1: 4 requests, 48 tokens; 0 from the cache. 0 of 2 pairs were judged alike in both orders; the "
        "other 2 count as ties (2 for whoever came first)"
    )


def test_a_judge_that_mostly_goes_by_the_order_is_warned_of(tmp_path, capsys):
    asked = candidates_in(tmp_path / "asked.jsonl", *((f"a {n}", f"b {n}") for n in range(20)))
    with JudgeServer(FIRST) as server:
        judged(server, tmp_path / "out", asked, 20)
    assert "0 of 20 pairs were judged alike in both orders" in capsys.readouterr().out
    with JudgeServer(WORDS) as server:
        judged(server, tmp_path / "steady", asked, 20)
    assert capsys.readouterr().out == ""


def test_a_win_and_a_tie_are_a_tie(tmp_path):
    """The two orders must agree; half a win is none."""
    asked = candidates_in(tmp_path / "asked.jsonl", ("one", "two"))
    one = {"calls": {"concurrency": 1}}
    with JudgeServer(saying('{"better": "A"}', '{"better": "tie"}')) as server:
        folder, _ = judged(server, tmp_path / "out", asked, 1, one)
    assert rows(folder / "judgements.jsonl")[0]["choice"] is None


def test_of_several_the_one_that_wins_most(tmp_path):
    """Word counts 2, 3, 1: candidate 1 beats both, 0 beats 2. And 2, 2, 1: nobody alone."""
    asked = candidates_in(tmp_path / "asked.jsonl", ("a a", "b b b", "c"), ("a a", "b b", "c"))
    with JudgeServer(WORDS) as server:
        folder, _ = judged(server, tmp_path / "out", asked, 2)
    assert len(server.seen) == 12  # 3 pairs in 2 orders, twice
    first, second = rows(folder / "judgements.jsonl")
    assert (first["choice"], first["pairs"]) == (1, [[0, 1, 1], [0, 2, 0], [1, 2, 1]])
    assert (second["choice"], second["pairs"]) == (None, [[0, 1, None], [0, 2, 0], [1, 2, 1]])


def test_a_tiny_model_is_the_annotator(tmp_path, gpt2):
    """The likelier answer wins, as the network itself says."""
    asked = candidates_in(tmp_path / "asked.jsonl", ("a big, red ball.", "zqx zqx zqx"), ("the", "park."))
    with JudgeServer(by_likelihood(*gpt2)) as server:
        folder, _ = judged(server, tmp_path / "out", asked, 2)
    score = by_likelihood(*gpt2)
    found = comparisons(str(folder / "judgements.jsonl"))
    for comparison in found:
        values = [
            json.loads(score([one(comparison.prompt.text, text)]))["score"] for text in comparison.candidates
        ]
        assert comparison.choice == values.index(max(values))


def test_a_model_that_knows_stories_tells_sense_from_nonsense(tmp_path, stories):
    """Each sentence against its own words in reverse, now first, now second."""
    pairs = [(text, " ".join(reversed(text.split()))) for text in SENTENCES]
    shown = [pair if number % 2 else pair[::-1] for number, pair in enumerate(pairs)]
    asked = candidates_in(tmp_path / "asked.jsonl", *shown)
    with JudgeServer(by_likelihood(*stories)) as server:
        folder, _ = judged(server, tmp_path / "out", asked, 4)
    assert [row["choice"] for row in rows(folder / "judgements.jsonl")] == [1, 0, 1, 0]


def one(request, answer):
    fences = [("REQUEST", request), ("ANSWER", answer)]
    mark = "0" * 16
    text = "\n".join(f"<<< {name} {mark}\n{content}\n>>> {name} {mark}" for name, content in fences)
    return {"role": "user", "content": text}


def test_chats_are_shown_whole(tmp_path):
    said = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}]
    row = {"messages": said, "candidate_0": "a", "candidate_1": "b", "id": "i0"}
    (tmp_path / "asked.jsonl").write_text(json.dumps(row) + "\n")
    with JudgeServer(WORDS) as server:
        judged(server, tmp_path / "out", str(tmp_path / "asked.jsonl"), 1)
    assert texts_in(server.bodies[0]["messages"])["REQUEST"] == "system: Be kind.\n\nuser: Hello?"


def test_several_judgements_an_item_need_chance(tmp_path):
    asked = candidates_in(tmp_path / "asked.jsonl", ("one", "one two"))
    with JudgeServer(WORDS) as server:
        with pytest.raises(UserError, match="overlap 2: at temperature 0, or without a seed"):
            judged(server, tmp_path / "out", asked, 1, overlap=2)
        warm = {"sampling": {"temperature": 0.7}}
        folder, _ = judged(server, tmp_path / "out", asked, 1, warm, overlap=2)
    assert [body["seed"] for body in server.bodies] == [0, 0, 1, 1]
    assert len(rows(folder / "judgements.jsonl")) == 2


@pytest.mark.parametrize("other", [{"judgements": "people.jsonl"}, {"panel": "assent.demo.panel:judge"}])
def test_people_and_a_model_do_not_mix(tmp_path, other):
    asked = candidates_in(tmp_path / "asked.jsonl", ("one", "one two"))
    with JudgeServer(WORDS) as server:
        message = f"give judge or {next(iter(other))}, not both: people's judgements and a model's do not mix"
        with pytest.raises(UserError, match=message):
            judged(server, tmp_path / "out", asked, 1, **other)
    assert server.seen == []


def test_too_few_candidates_are_told_before_anything_is_paid(tmp_path):
    asked = candidates_in(tmp_path / "asked.jsonl", ("one", "one two"))
    said = "want 5, and there are only 1 candidates to judge"
    with JudgeServer(WORDS) as server, pytest.raises(UserError, match=said):
        judged(server, tmp_path / "out", asked, 5)
    assert server.seen == []


RUN = """
feedback:
  stage: annotate
  candidates: asked.jsonl
  want: 4
  judge:
    {url: URL, model: tiny-1, calls: {concurrency: 1, backoff: 0.01}, budget: {max_requests: 4}, cache: CACHE}
"""


def test_a_run_that_spends_its_budget_goes_on_where_it_was(tmp_path):
    """Exit code 75; with a larger budget, each question is asked once over all."""
    candidates_in(tmp_path / "asked.jsonl", *((f"one {n}", f"one two {n}") for n in range(4)))
    out = tmp_path / "run"
    with JudgeServer(WORDS, [status(500)]) as server:
        text = RUN.replace("URL", server.url).replace("CACHE", str(tmp_path / "cache"))
        assert ran(tmp_path, text, out) == 75
        assert states(out)["feedback"]["status"] == "interrupted"
        assert "the budget is spent: judge.budget.max_requests is 4" in states(out)["feedback"]["message"]
        assert len(server.seen) == 4
        assert ran(tmp_path, text.replace("max_requests: 4", "max_requests: 50"), out) == 0
    assert len(server.seen) == 9  # one failed
    assert len({json.dumps(body) for body in server.bodies}) == 8
    key = states(out)["feedback"]["key"]
    found = rows(out / "artifacts" / key / "judgements.jsonl")
    assert [row["choice"] for row in found] == [1] * 4
    assert "8 requests" in (out / "artifacts" / key / "message.txt").read_text()


def test_the_same_command_goes_on_after_a_fault(tmp_path):
    """No cache is named: the stage's own folder keeps what was answered."""
    candidates_in(tmp_path / "asked.jsonl", *((f"one {n}", f"one two {n}") for n in range(4)))
    out = tmp_path / "run"
    with JudgeServer(WORDS, [None, None, None, *[status(503)] * 6]) as server:
        text = RUN.replace("URL", server.url).replace(", cache: CACHE", "").replace("max_requests: 4", "")
        assert ran(tmp_path, text, out) == 75
        assert ran(tmp_path, text, out) == 0
    assert len(server.seen) == 3 + 6 + 5
    assert len({json.dumps(body) for body in server.bodies}) == 8


def test_ctrl_c_between_two_lots(tmp_path):
    asked = candidates_in(tmp_path / "asked.jsonl", *((f"a {n}", f"b b {n}") for n in range(9)))
    stops = iter([False, True])
    one = {"calls": {"concurrency": 1}}
    with JudgeServer(WORDS) as server:
        with pytest.raises(Interrupted, match="stopped after 2 of 9 judgements"):
            judged(server, tmp_path / "out", asked, 9, one, stop=lambda: next(stops, False))
        judged(server, tmp_path / "out", asked, 9, one)
    assert len(server.seen) == 18


SMALL = (
    "sft.epochs=1",
    "answers.sampling.max_new_tokens=8",
    "feedback.want=12",
    "preferred.held_out=0.4",
    "tuned.steps=2",
    "tuned.batch=8",
    "tuned.sampling.max_new_tokens=8",
    "tuned.normalise_on=8",
    "report.sampling.max_new_tokens=8",
)


def test_the_recipe_runs(tmp_path, monkeypatch):
    """recipes/ai_feedback.yaml, small: from a model's judgements to a tuned policy and its report."""
    monkeypatch.setenv("JUDGE_API_KEY", "secret-4711")
    for name, count, answer in (("demonstrations", 20, "So."), ("prompts", 12, None), ("held_out", 8, None)):
        asked = [
            {"input_text": f"{name} {n}?"} | ({"output_text": answer} if answer else {}) for n in range(count)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    model = tiny_folder("gpt2", tmp_path / "tiny")
    text = (ROOT / "recipes" / "ai_feedback.yaml").read_text()
    with JudgeServer(WORDS) as server:
        named = (
            f"sft.model={model}",
            f"feedback.judge.url={server.url}",
            f"feedback.judge.cache={tmp_path / 'kept'}",
        )
        assert ran(tmp_path, text, tmp_path / "run", overrides=SMALL + named) == 0
    assert {stage["status"] for stage in states(tmp_path / "run").values()} == {"done"}
    assert {seen.headers["Authorization"] for seen in server.seen} == {"Bearer secret-4711"}
    assert not any(b"secret-4711" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
