import json

import pytest
import yaml

from assent.config import Recipe
from assent.demo import recipe as demo
from assent.pipeline.outline import outline
from assent.stages import STAGES

POLICY = {"gold_mean": 0.5, "facts_mean": 0.61, "score_mean": 0.0, "kl_per_answer": 0.0, "length_mean": 14.6}
SUMMARY = {
    "policies": {
        "sft": POLICY,
        "tuned": {**POLICY, "gold_mean": 0.734, "score_mean": 1.25, "kl_per_answer": 3.14},
        "best_of_4": {**POLICY, "gold_mean": 0.66, "kl_per_answer": None},
    },
    "comparisons": [
        {"a": a, "b": b, "judge": judge, "wins": 180, "losses": 90, "ties": 30}
        | {"win_rate": rate, "ci_low": 0.59, "ci_high": 0.7}
        for a, b, judge, rate in [
            ("tuned", "sft", "score", 0.9),
            ("tuned", "sft", "gold", 0.65),
            ("best_of_4", "tuned", "gold", 0.4),
        ]
    ],
    "reward_model": {"accuracy": 0.78, "n": 801, "ci_low": 0.75, "ci_high": 0.81},
    "seconds": {"base": 200.4, "tuned": 99.8},
    "peak_rss_mb": 912.4,
}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(demo, "SIZES", {"documents": 30, "demonstrations": 10, "prompts": 12, "held_out": 6})


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_ten_lines_of_result():
    lines = demo.results(SUMMARY)
    assert len(lines) == 10
    said = "\n".join(lines)
    for told in (
        "fine-tuned 0.50, tuned 0.73",
        "best of 4   0.66",
        "fine-tuned 0.61, tuned 0.61",
        "65% of 300 held-out reports (95% interval 59% to 70%)",
        "deviations    fine-tuned 0.00, tuned 1.25",
        "3.1 nats",
        "fine-tuned 15, tuned 15 tokens",
        "right on 78% of 801 held-out judgements (75% to 81%)",
        "5 min 0 s in all",
        "912 MB",
    ):
        assert told in said


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_the_demo_is_an_ordinary_recipe(small, tmp_path, family):
    path = demo.write_demo(tmp_path, 7, family)
    recipe = Recipe.load(path)
    stages = outline(recipe, STAGES)
    assert recipe.seed == 7
    assert {stage.settings.seed for stage in stages} == {7}
    assert [stage.kind for stage in stages] == list(STAGES)
    assert stages[0].settings.model.family == family
    assert {reward.model for reward in stages[5].settings.rewards} == {"$judge"}


def test_the_demo_is_the_same_to_the_byte(small, tmp_path):
    first, second = (demo.write_demo(tmp_path / name, 7).parent for name in ("a", "b"))
    assert contents(first) == contents(second)
    other = demo.write_demo(tmp_path / "a", 8).parent
    assert contents(other)["prompts.jsonl"] != contents(first)["prompts.jsonl"]


def test_a_demo_that_is_there_is_left_alone(small, tmp_path):
    path = demo.write_demo(tmp_path, 7)
    (path.parent / "prompts.jsonl").write_text('{"input_text": "mine"}\n')
    demo.write_demo(tmp_path, 7)
    assert "mine" in (path.parent / "prompts.jsonl").read_text()


def test_no_report_is_both_trained_on_and_held_out(small, tmp_path):
    folder = demo.write_demo(tmp_path, 7).parent
    reports = {
        name: {json.loads(line)["input_text"] for line in (folder / f"{name}.jsonl").read_text().splitlines()}
        for name in ("demonstrations", "prompts", "held_out")
    }
    assert [len(found) for found in reports.values()] == [10, 12, 6]
    assert reports["held_out"].isdisjoint(reports["prompts"] | reports["demonstrations"])
    corpus = (folder / "corpus.txt").read_text()
    assert not any(report in corpus for report in reports["held_out"])


def test_families_differ_in_how_their_model_begins(small, tmp_path):
    gpt2, t5 = (
        yaml.safe_load(demo.write_demo(tmp_path / name, 7, name).read_text()) for name in ("gpt2", "t5")
    )
    assert gpt2.pop("base") != t5.pop("base")
    assert gpt2 == t5


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_only_the_evaluation_knows_gold(family):
    stages = yaml.safe_load(demo.recipe_text(0, family))
    assert [name for name, values in stages.items() if "gold" in json.dumps(values)] == ["report"]
