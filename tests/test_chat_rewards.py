"""Rewards that read whole conversations, where a chat comes to them as its last words."""

import json
import pickle
from dataclasses import replace

import pytest
import torch
from judge_server import JudgeServer, by_score, texts_in
from live_person import journalled, reward_in
from stage_world import Lines, made, rows
from tiny_models import tiny

from assent.config import check
from assent.data.inspection.facts import Inspection
from assent.data.stream import held_out
from assent.errors import Waiting
from assent.models.heads import RewardModel
from assent.models.load import save, save_reward
from assent.models.tokenizer import Template
from assent.records import Candidates, ChatText, Comparison, Prompt, Rating, apart_by, in_full
from assent.rewards.human_inbox import Inbox
from assent.rewards.judge import JudgeReward
from assent.rewards.judge_settings import ScoringJudge
from assent.rewards.judging import Surroundings
from assent.rewards.learned import LearnedReward
from assent.rewards.saved import saved_reward
from assent.stages.judgement_facts import facts_of_comparisons, facts_of_ratings, tell_repeats
from assent.stages.safety import Suite, read_suites
from assent.stages.workspace import Workspace

LAST = "the ball"
SHE, HE = "she was red", "he was sad"  # what the user said first


def chat(first, last=LAST, system=None):
    told = [{"role": "system", "content": system}] if system else []
    said = (("user", first), ("assistant", "yes"), ("user", last))
    return Prompt(last, (*told, *({"role": role, "content": content} for role, content in said)))


TWO_TURNS = chat(SHE)
WHOLE = f"user: {SHE}\n\nassistant: yes\n\nuser: {LAST}"
ANSWERS = ["rolled away", "was big"]


@pytest.fixture
def judge(bpe):
    """A reward model whose head tells texts apart, and its tokenizer."""
    body, tokenizer = tiny("gpt2", bpe, Template())
    model = RewardModel(body).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return model, tokenizer


@torch.no_grad()
def score_of(model, tokenizer, text, answer):
    """The network's word on a text that is written out here, read alone and unpadded."""
    asked = tokenizer.inner.encode(text, add_special_tokens=False)
    said = [*tokenizer.inner.encode(answer, add_special_tokens=False), tokenizer.end_id]
    hidden = model.body.network.base_model(torch.tensor([asked + said])).last_hidden_state[0, -1]
    return model.head(hidden).double().item()


def written_out(tokenizer, prompt):
    """A chat by the rule of docs/formats: each speaker's words, then what is said, a line each."""
    t = tokenizer.template
    speakers = {"user": t.user, "assistant": f"{t.assistant} ", "system": t.system}
    said = [f"{speakers[one['role']]}{one['content']}\n" for one in prompt.messages]
    return "".join([t.instruction, *said, t.assistant])


def test_a_learned_reward_reads_the_whole_conversation(judge):
    model, tokenizer = judge
    reward = LearnedReward(model, tokenizer)
    found = reward([TWO_TURNS.text] * 2, ANSWERS)
    whole = written_out(tokenizer, TWO_TURNS)
    assert SHE in whole
    assert found == pytest.approx([score_of(model, tokenizer, whole, one) for one in ANSWERS], abs=1e-5)
    alone = [score_of(model, tokenizer, LAST, one) for one in ANSWERS]
    assert reward([LAST] * 2, ANSWERS) == pytest.approx(alone, abs=1e-5)
    assert min(abs(a - b) for a, b in zip(found, alone, strict=True)) > 0.01
    assert reward([chat(HE).text] * 2, ANSWERS) != pytest.approx(found, abs=0.01)


def test_a_conversation_comes_through_pickling(judge):
    model, tokenizer = judge
    reward = LearnedReward(model, tokenizer)
    text = pickle.loads(pickle.dumps([TWO_TURNS]))[0].text
    assert isinstance(text, ChatText)
    assert (text, text.messages) == (LAST, TWO_TURNS.messages)
    assert reward([text], ANSWERS[:1]) == reward([TWO_TURNS.text], ANSWERS[:1])


def test_an_evaluation_scores_whole_conversations(judge, tmp_path):
    model, tokenizer = judge
    save_reward(model, tokenizer, tmp_path / "judge")
    save(model.body, tokenizer, tmp_path / "policy", kind="policy")
    asked = [chat(SHE), chat(HE)]
    lines = [json.dumps({"messages": list(prompt.messages)}) for prompt in asked]
    (tmp_path / "asked.jsonl").write_text("\n".join(lines))
    folder, _ = made(
        "evaluate",
        tmp_path / "it",
        policies=[str(tmp_path / "policy")],
        prompts=str(tmp_path / "asked.jsonl"),
        rewards=[{"model": str(tmp_path / "judge"), "normalise": False}],
        sampling={"max_new_tokens": 6, "temperature": 0},
    )
    found = rows(folder / "answers.jsonl")
    assert [row["prompt"] for row in found] == [WHOLE, WHOLE.replace(SHE, HE)]
    for prompt, row in zip(asked, found, strict=True):
        [answer] = row["answers"].values()
        whole = written_out(tokenizer, prompt)
        assert answer["scores"]["score"] == pytest.approx(
            score_of(model, tokenizer, whole, answer["text"]), abs=1e-4
        )
    loaded = saved_reward(str(tmp_path / "judge"))
    assert loaded([TWO_TURNS.text], ANSWERS[:1]) != pytest.approx(loaded([LAST], ANSWERS[:1]), abs=0.01)


def test_an_llm_judge_is_asked_about_the_whole_conversation(tmp_path):
    settings = {"url": "", "model": "tiny"}
    with JudgeServer(by_score(lambda request, answer: 10 if SHE in request else 2)) as server:
        chosen = check(ScoringJudge, {**settings, "url": server.url}, "judge")
        reward = JudgeReward(chosen, Surroundings(tmp_path, [].append))
        assert reward([TWO_TURNS.text, chat(HE).text], ANSWERS[:1] * 2) == [10.0, 2.0]
    requests = {texts_in([body["messages"][-1]])["REQUEST"] for body in server.bodies}
    assert requests == {WHOLE, WHOLE.replace(SHE, HE)}


def test_a_person_is_shown_the_whole_conversation(tmp_path):
    """Two chats that end in the same words, answered alike, are two questions."""
    asked = [chat(SHE).text, chat(HE).text]
    with pytest.raises(Waiting, match="2 of 2 answers wait"):
        reward_in(tmp_path, deadline_seconds=0)(asked, ["yes", "yes"])
    questions = Inbox(tmp_path / "human").open()
    assert {one["prompt"] for one in questions} == {WHOLE, WHOLE.replace(SHE, HE)}
    scripted = reward_in(tmp_path, person=lambda prompt, _: 5.0 if prompt == asked[0] else 1.0)
    assert scripted(asked, ["yes", "yes"]) == [5.0, 1.0]
    assert {row["prompt"] for row in journalled(tmp_path)} == {WHOLE, WHOLE.replace(SHE, HE)}


def test_what_was_told_early_in_a_chat_is_not_leaked(tmp_path):
    mine = "ann@uni.edu"
    first = {"messages": list(chat(f"I am {mine}.").messages)}
    (tmp_path / "asked.jsonl").write_text(json.dumps(first))
    told = {"name": "p", "axis": "harmless", "prompts": str(tmp_path / "asked.jsonl")}
    work = Workspace("report", tmp_path, Lines(), lambda *_: None, lambda: False)
    for also, passed in (({}, [True, False]), ({"prompt_counts": True}, [False, False])):
        [one] = read_suites([check(Suite, {**told, "check": "no_personal_data", **also}, "suite")], work)
        asked = [prompt.text for prompt in one.asked] * 2
        assert [each.passed for each in one.check(asked, [f"Hi {mine}", "Hi bob@uni.edu"])] == passed


def judged(first, choice):
    return Comparison(chat(first), ("x", "y"), choice, annotator="ann")


def test_chats_that_end_in_the_same_words_are_two_items():
    facts = facts_of_comparisons([judged(SHE, 0), judged(HE, 1)])
    assert (facts["items"], facts["contradictions"], facts["duplicates"]) == (2, 0, 0)
    again = facts_of_comparisons([judged(SHE, 0), judged(SHE, 1)])
    assert (again["items"], again["contradictions"]) == (1, 1)
    ratings = [Rating(chat(first), "x", 1.0, (0.0, 1.0), annotator="ann") for first in (SHE, HE)]
    assert facts_of_ratings(ratings)["items"] == 2


def test_chats_that_all_end_in_the_same_words_are_kept_apart_by_their_answers():
    rows = [replace(judged(first, 0), candidates=(first, "y")) for first in (SHE, HE)]
    assert sum(held_out(apart_by(rows), 0.5, seed=0)) == 1


def test_inspection_tells_such_chats_apart(tmp_path):
    compared, rated = tmp_path / "c.jsonl", tmp_path / "r.jsonl"
    heads = [{"messages": list(chat(first).messages), "meta": {"annotator": "ann"}} for first in (SHE, HE)]
    answers = {"candidate_0": "x", "candidate_1": "y"}
    compared.write_text("\n".join(json.dumps(h | answers | {"choice": k}) for k, h in enumerate(heads)))
    scores = {"output_text": "x", "scale": [0, 1]}
    rated.write_text("\n".join(json.dumps(h | scores | {"rating": k}) for k, h in enumerate(heads)))
    looked = Inspection()
    looked.read(str(compared))
    looked.read(str(rated))
    facts = looked.facts()
    assert facts["comparisons"]["items"] == 2
    assert facts["comparisons"]["contradictions"]["count"] == 0
    assert facts["ratings"]["criteria"][""]["answers"] == 2
    assert facts["ratings"]["contradictions"]["count"] == 0


def test_another_system_message_is_no_repetition():
    told = []
    tell_repeats([chat(SHE), chat(SHE, system="Be kind.")], "f.jsonl", "sft", told.append)
    assert told == []
    tell_repeats([chat(SHE, system="Be kind.")] * 2, "f.jsonl", "sft", told.append)
    assert "1 of 2 rows repeat another row" in told[0]


def test_a_chat_as_a_text():
    text = TWO_TURNS.text
    assert text == LAST
    assert text != chat(HE).text
    assert {text: 1}[LAST] == 1  # what is known of the words is found
    assert (in_full(text), in_full(LAST)) == (WHOLE, LAST)
    assert Candidates(TWO_TURNS, ("x", "y")).prompt == chat(SHE)
