"""Answers held against what people wrote: perplexity by another loss, and the stage from end to end."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from stage_world import Lines, artifact, facts, made, ran, rows, written
from tiny_encoders import tiny_encoder
from tiny_folders import CONTEXT, tiny_folder
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from assent.data.sources import prompts
from assent.errors import UserError
from assent.evaluation.compare import Answers
from assent.evaluation.perplexity import bits_per_character, perplexity, surprises
from assent.models.load import load
from assent.pipeline.plan import plan
from assent.records import Prompt
from assent.stages import STAGES
from assent.stages.reference_figures import against
from assent.stages.references import References, people_wrote
from assent.stages.workspace import Workspace

PAIRS = [
    ("She loved to play", "outside in the park."),
    ("One day,", "she saw a big, red ball."),
    ("The ball was too high for her, and so", "she asked."),
]
ASKED = [{"input_text": prompt, "output_text": text} for prompt, text in PAIRS]
SHORT = {"sampling": {"max_new_tokens": 6}}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for family in ("gpt2", "llama", "t5"):
        tiny_folder(family, folder / family)
    tiny_encoder("bert", folder / "bert")
    return folder


def as_rows(path: Path, found) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found), encoding="utf-8")
    return str(path)


def losses(folder: Path, family: str) -> list[tuple[float, int]]:
    """(Nats, tokens) of each of PAIRS by transformers' own loss, one at a time."""
    inner = AutoTokenizer.from_pretrained(folder / family)
    kind = AutoModelForSeq2SeqLM if family == "t5" else AutoModelForCausalLM
    network = kind.from_pretrained(folder / family).eval()
    found = []
    for prompt, text in PAIRS:
        asked = inner.encode(prompt)
        answer = [*inner.encode(text, add_special_tokens=False), inner.eos_token_id]
        if family == "t5":
            given = {"input_ids": torch.tensor([asked]), "labels": torch.tensor([answer])}
        else:
            labels = [-100] * len(asked) + answer
            given = {"input_ids": torch.tensor([asked + answer]), "labels": torch.tensor([labels])}
        with torch.no_grad():
            found.append((network(**given).loss.item() * len(answer), len(answer)))
    return found


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5"])
@pytest.mark.parametrize("batch", [1, 3])
def test_perplexity_is_that_of_transformers_loss(models, family, batch):
    model, tokenizer = load(str(models / family))
    pairs = [(Prompt(prompt), text) for prompt, text in PAIRS]
    told = []
    found = surprises(model.eval(), tokenizer, pairs, batch, lambda *place: told.append(place))
    expected = losses(models, family)
    assert [one.nats for one in found] == pytest.approx([nats for nats, _ in expected], rel=1e-4)
    assert [one.tokens for one in found] == [tokens for _, tokens in expected]
    assert [one.characters for one in found] == [20, 24, 10]
    sums = np.asarray([one.parts for one in found]).sum(axis=0)
    nats, tokens = (sum(column) for column in zip(*expected, strict=True))
    assert perplexity(sums) == pytest.approx(math.exp(nats / tokens), rel=1e-4)
    assert bits_per_character(sums) == pytest.approx(nats / 54 / math.log(2), rel=1e-4)
    assert told == [(start, 3) for start in range(0, 3, batch)]


def test_a_reference_beyond_the_context_is_not_cut(models):
    model, tokenizer = load(str(models / "gpt2"))
    asked = Prompt("One day,")
    room = CONTEXT - len(tokenizer.prompt_ids(asked)[0])
    fits, longer = ("!" * (room - 1), "!" * room)  # and the end token
    found = surprises(model.eval(), tokenizer, [(asked, longer), (asked, fits)], 4, lambda *_: None)
    assert found[0] is None
    assert found[1] is not None
    assert found[1].tokens == room


def evaluated(folder, models, asked, **settings):
    references = settings.pop("references", {})
    policies = settings.pop("policies", [str(models / "gpt2"), str(models / "llama")])
    source = as_rows(folder / "asked.jsonl", asked)
    values = {"policies": policies, "prompts": source, "references": references, **SHORT, **settings}
    done, _ = made("evaluate", folder / "it", **values)
    return facts(done / "evaluation.json"), rows(done / "answers.jsonl")


def test_the_stage_from_end_to_end(models, tmp_path, capsys):
    asked = [*ASKED, {"input_text": "Nobody answered."}]
    (tmp_path / "f.py").write_text("def letters(asked, texts):\n    return [len(text) for text in texts]\n")
    found, answers = evaluated(
        tmp_path,
        models,
        asked,
        policies=[*(str(models / name) for name in ("gpt2", "llama", "t5")),
                  {"model": str(models / "gpt2"), "best_of": 2}],
        references={"embedding": str(models / "bert")},
        rewards=[{"function": f"{tmp_path}/f.py:letters"}],
    )  # fmt: skip
    assert "1 of 4 prompts have none" in capsys.readouterr().out
    held = found["references"]
    assert (held["prompts"], held["without"], held["references"], held["not_asked"]) == (4, 1, 3, 0)
    assert (held["against"], held["language"], held["too_long"]) == ("gpt2", "en", 0)
    assert held["other_tokens"] == ["t5"]  # whose special tokens leave it fewer of its own
    for family in ("gpt2", "llama", "t5"):
        nats, tokens = (sum(column) for column in zip(*losses(models, family), strict=True))
        own = held["policies"][family]
        assert own["perplexity"]["value"] == pytest.approx(math.exp(nats / tokens), rel=1e-4)
        assert found["policies"][family]["perplexity"] == own["perplexity"]["value"]
        assert ("difference" in own["perplexity"]) == (family == "llama")
        assert ("difference" in own["bits_per_character"]) == (family != "gpt2")
    assert "perplexity" not in held["policies"]["best_of_2"]
    for policy, own in held["policies"].items():
        each = [row["answers"][policy].get("references") for row in answers]
        assert each[3] is None
        for name in ("rouge_1", "rouge_2", "rouge_l", "embedding"):
            mean = sum(one[name] for one in each[:3]) / 3
            assert own[name]["value"] == pytest.approx(mean)
        assert own.keys() - {"perplexity", "bits_per_character"} == {
            "rouge_1", "rouge_2", "rouge_l", "bleu", "embedding",
        }  # fmt: skip
    assert [row.get("references") for row in answers] == [*([text] for _, text in PAIRS), None]
    assert set(held["unrelated"]) == {"rouge_1", "rouge_2", "rouge_l", "bleu", "embedding"}
    assert "tok:13a" in held["bleu_signature"]


def test_demonstrations_of_their_own_and_several_to_a_prompt(models, tmp_path):
    asked = [{"input_text": prompt} for prompt, _ in PAIRS]
    chat = [{"role": "user", "content": PAIRS[1][0]}, {"role": "assistant", "content": "it rained."}]
    data = [*ASKED, {"messages": chat}, ASKED[0], {"input_text": "Not asked", "output_text": "x"},
            {"input_text": PAIRS[2][0], "output_text": "  "}]  # fmt: skip
    source = as_rows(tmp_path / "people.jsonl", data)
    found, answers = evaluated(tmp_path, models, asked, references={"data": source, "metrics": ["rouge"]})
    held = found["references"]
    assert (held["references"], held["without"], held["not_asked"]) == (4, 0, 1)
    assert [row["references"] for row in answers] == [
        ["outside in the park."], ["she saw a big, red ball.", "it rained."], ["she asked."],
    ]  # fmt: skip
    assert held["policies"]["gpt2"].keys() == {"rouge_1", "rouge_2", "rouge_l"}
    assert held["bleu_signature"] is None


def test_chinese_is_told_by_its_characters(models, tmp_path):
    asked = [
        {"input_text": "说说北京", "output_text": "我爱北京。"},
        {"input_text": "说说上海", "output_text": "我爱上海。"},
    ]
    found, _ = evaluated(tmp_path, models, asked)
    held = found["references"]
    assert (held["language"], held["language_setting"], held["unspaced_share"]) == ("zh", "auto", 1.0)
    assert "tok:zh" in held["bleu_signature"]
    assert held["unrelated"]["rouge_1"]["value"] == pytest.approx(0.5)  # 我 and 爱 of four characters
    assert held["unrelated"]["rouge_2"]["value"] == pytest.approx(1 / 3)
    found, _ = evaluated(tmp_path, models, asked, references={"language": "en"})
    assert found["references"]["unrelated"]["rouge_1"]["value"] == 0
    assert found["references"]["language"] == "en"


def test_rows_that_ask_the_same_are_one_prompt(models, tmp_path):
    found, _ = evaluated(tmp_path, models, [ASKED[0]] * 3, references={"metrics": ["perplexity", "rouge"]})
    held = found["references"]
    assert (held["prompts"], held["references"]) == (3, 1)
    assert held["policies"]["gpt2"]["rouge_1"]["ci_low"] is None  # one prompt, drawn again and again
    assert held["unrelated"] == {}


def test_too_long_references_are_left_out_of_every_perplexity_and_told(models, tmp_path, capsys):
    asked = [*ASKED, {"input_text": "One day,", "output_text": "a ball " * CONTEXT}]
    policies = [str(models / name) for name in ("gpt2", "t5")]  # T5 could read it
    found, _ = evaluated(tmp_path, models, asked, policies=policies)
    assert found["references"]["too_long"] == 1
    assert (
        "1 of 4 are longer, with their prompt, than one of the policies can read" in capsys.readouterr().out
    )
    nats, tokens = (sum(column) for column in zip(*losses(models, "t5"), strict=True))
    value = found["references"]["policies"]["t5"]["perplexity"]["value"]
    assert value == pytest.approx(math.exp(nats / tokens), rel=1e-4)
    with pytest.raises(UserError, match="each of the 1 is longer, with its prompt"):
        evaluated(tmp_path, models, asked[3:])
    evaluated(tmp_path, models, asked[3:], references={"metrics": ["rouge"]})


def test_a_run_that_is_stopped_says_so(models, tmp_path):
    stops = iter([False])  # one batch of answers; then in the references
    from_here = {"stop": lambda: next(stops, True), "policies": [str(models / "gpt2")]}
    source = as_rows(tmp_path / "asked.jsonl", ASKED)
    with pytest.raises(Exception, match="stopped before the evaluation was complete"):
        made("evaluate", tmp_path / "it", prompts=source, references={}, **SHORT, **from_here)


@pytest.mark.parametrize(
    ("asked", "references", "message"),
    [
        ([{"input_text": "a"}], {}, r"nobody answered one of the 1 prompts in .*asked\.jsonl: expected rows"),
        ([{"input_text": "a", "output_text": " "}], {}, "nobody answered"),
        ([{"input_text": "a", "output_text": None}], {}, "nobody answered"),
        ([ASKED[0], {"input_text": "a", "output_text": 5}], {}, r"asked\.jsonl:2: output_text"),
        (ASKED, {"metrics": []}, "metrics: expected one of perplexity, rouge, bleu, embedding"),
        (ASKED, {"metrics": ["embedding"]}, "embedding is missing"),
        (ASKED, {"metrics": ["rouge"], "embedding": "encoder"}, "metrics leaves out embedding"),
        (ASKED, {"metrics": ["meteor"]}, "references.metrics"),
        (ASKED, {"language": "de"}, "references.language"),
        (ASKED, {"embedding": "/no/such"}, "embedding /no/such"),
    ],
)
def test_what_is_wrong_is_named(models, tmp_path, asked, references, message):
    with pytest.raises(UserError, match=message):
        evaluated(tmp_path, models, asked, references=references)


def answers_of(texts, scores):
    return Answers(texts, [4] * len(texts), [True] * len(texts), None, {"score": scores})


def test_the_alarm_goes_by_the_answers_that_were_written(tmp_path):
    asked = [{"input_text": f"Number {n}?", "output_text": f"the answer is {n}"} for n in range(12)]
    source = as_rows(tmp_path / "asked.jsonl", asked)
    work = Workspace("report", tmp_path, Lines(), lambda *_: None, lambda: False)
    held = people_wrote(References(metrics=("rouge",)), source, prompts(source), work)
    copies = [row["output_text"] for row in asked]
    others = [*(["something else"] * 11), "the answer is 11"]  # 1 of 12 shares its words
    low, high = [0.1 * n for n in range(12)], [0.1 * n + 1 for n in range(12)]

    def alarms(first, second):
        found = against(held, {"sft": first, "tuned": second}, {}, "score", work)
        return found.facts["reward_up_rouge_down"]

    [loud] = alarms(answers_of(copies, low), answers_of(others, high))
    assert (loud["policy"], loud["rouge"]) == ("tuned", ["rouge_1", "rouge_2", "rouge_l"])
    assert loud["score"]["difference"] == pytest.approx(1.0)
    assert alarms(answers_of(others, low), answers_of(copies, high)) == []  # both up
    assert alarms(answers_of(others, high), answers_of(copies, low)) == []  # the other way round
    assert alarms(answers_of(copies, high), answers_of(others, low)) == []  # both down


RECIPE = """
report:
  stage: evaluate
  policies: [{model: MODEL, name: base}]
  prompts: asked.jsonl
  references: {data: people.jsonl}
"""


def test_the_plan_counts_the_work_and_knows_the_references(models, tmp_path):
    as_rows(tmp_path / "asked.jsonl", [{"input_text": prompt} for prompt, _ in PAIRS])
    as_rows(tmp_path / "people.jsonl", ASKED)
    text = RECIPE.replace("MODEL", str(models / "gpt2"))

    def step(text):
        [found] = plan(written(tmp_path, text), STAGES, tmp_path / "out").steps
        return found

    with_them, without = step(text), step(text.replace("  references: {data: people.jsonl}\n", ""))
    assert with_them.forecast.flops > without.forecast.flops > 0
    assert with_them.forecast.calls > without.forecast.calls
    as_rows(tmp_path / "people.jsonl", ASKED[:2])
    assert step(text).key != with_them.key


def test_a_runs_summary_and_report_carry_the_figures(models, tmp_path):
    as_rows(tmp_path / "asked.jsonl", ASKED)
    text = RECIPE.replace("MODEL", str(models / "gpt2")).replace("data: people.jsonl", "metrics: [rouge]")
    assert ran(tmp_path, text, tmp_path / "out") == 0
    summary = facts(tmp_path / "out" / "summary.json")
    held = facts(artifact(tmp_path / "out", "report") / "evaluation.json")["references"]
    assert summary["references"] == held
    assert summary["policies"]["base"]["rouge_l"] == held["policies"]["base"]["rouge_l"]["value"]
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Against what people wrote" in report
    assert "all 3 prompts, to which people wrote 3 different answers" in report
    assert "outside in the park." in report
