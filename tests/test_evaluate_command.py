"""`assent evaluate`: a run of one stage made from words, and what it says at the end."""

import json

import pytest
from click.testing import CliRunner
from report_samples import Page, one_line
from stage_world import facts
from tiny_folders import tiny_folder

from assent.cli import main
from assent.errors import UserError
from assent.tools.evaluate import Wanted, distinct_names, results, stage_values, suites_of
from assent.tools.model_at import FoundModel

SUITES = """
suites:
  - {name: harmful, axis: harmless, prompts: sets/harmful.jsonl, check: refuses}
  - {name: facts, axis: truthful, prompts: sets/facts.jsonl,
     check: {rule: {kind: exact_match, expected: sets/facts.jsonl}}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    tiny_folder("gpt2", folder / "small")
    tiny_folder("llama", folder / "other")
    (folder / "elsewhere" / "sets").mkdir(parents=True)
    (folder / "elsewhere" / "suites.yaml").write_text(SUITES)
    asked = ["What is one?", "And two?", "Say a", "Who is it?"]
    rows = [{"input_text": text, "output_text": "the girl"} for text in asked]
    for name in ("asked.jsonl", "elsewhere/sets/harmful.jsonl", "elsewhere/sets/facts.jsonl"):
        (folder / name).write_text("\n".join(map(json.dumps, rows)))
    (folder / "mine.py").write_text(
        "def vowels(prompts, responses):\n\n"
        "    return [float(sum(map(text.count, 'aeiou'))) for text in responses]\n"
        "def brevity(prompts, responses):\n    return [-float(len(text)) for text in responses]\n"
    )
    return folder


@pytest.fixture
def typed(place, monkeypatch):
    monkeypatch.chdir(place)
    return lambda *words: CliRunner().invoke(main, ["evaluate", *map(str, words)])


def test_two_models_from_words_to_a_report(typed, place):
    words = (
        *("small", "other", "--prompts", "asked.jsonl", "--out", "out", "--suites", "elsewhere/suites.yaml"),
        *("--reward", "mine.py:vowels", "--judge", "mine.py:brevity", "--best-of", "2"),
        *("--max-new-tokens", "5", "--quiet"),
    )
    shown = typed(*words)
    assert shown.exit_code == 0, shown.output
    result = facts(place / "out" / "summary.json")
    names = ["small", "small, best of 2", "other, best of 2", "other"]
    assert list(result["policies"]) == names
    assert {row["judge"] for row in result["comparisons"]} == {"brevity", "score"}
    # the best of two by a reward cannot score below the first of the two
    assert result["policies"]["small, best of 2"]["score_mean"] >= result["policies"]["small"]["score_mean"]
    duels = [("other", "small"), ("small, best of 2", "small"), ("other, best of 2", "other")]
    assert [(row["a"], row["b"]) for row in result["comparisons"] if row["judge"] == "brevity"] == duels
    assert "other over small, by brevity: " in shown.output
    assert f"report: {place / 'out' / 'report.html'}" in shown.output
    assert (
        "other: helpful not measured, truthful 0% (0–49%), harmless 0% (0–49%)" in shown.output
    )  # Wilson, 0 of 4
    text = one_line(Page((place / "out" / "report.html").read_text("utf-8")).text)
    assert "not measured" in text

    again = typed(*words[:-1])  # not quiet: says that it is done
    assert again.exit_code == 0
    assert "evaluation: done already" in again.output
    for command in (["status", "out"], ["report", "out"]):
        assert CliRunner().invoke(main, command).exit_code == 0


def test_one_model_alone_has_figures_and_no_winner(typed, place):
    shown = typed(
        "small", "--prompts", "asked.jsonl", "--max-new-tokens", "3", "--out", "alone", "--temperature", "0"
    )
    assert shown.exit_code == 0, shown.output
    assert "small: mean length" in shown.output
    assert " over " not in shown.output
    assert facts(place / "alone" / "summary.json")["comparisons"] == []


def test_people_s_answers_beside_the_prompts_are_references(typed, place):
    shown = typed(
        "small", "--prompts", "asked.jsonl", "--references", "--max-new-tokens", "3", "--out", "held"
    )
    assert shown.exit_code == 0, shown.output
    assert facts(place / "held" / "summary.json")["references"]["prompts"] == 4


def test_a_stage_of_a_run_is_a_model_and_gives_its_name(typed, place, monkeypatch):
    (place / "recipe.yaml").write_text(
        "base: {stage: pretrain, data: asked.jsonl, steps: 1, batch: 2,\n"
        "  model: {family: gpt2, width: 16, depth: 1, heads: 2, context: 64, vocabulary: 300}}\n"
    )
    assert CliRunner().invoke(main, ["run", "recipe.yaml", "--out", "first", "--quiet"]).exit_code == 0
    shown = typed(
        "first:base", "small", "--prompts", "asked.jsonl", "--max-new-tokens", "3", "--out", "staged"
    )
    assert shown.exit_code == 0, shown.output
    policies = facts(place / "staged" / "summary.json")["policies"]
    assert list(policies) == ["base", "small"]
    assert policies["base"]["kl_per_answer"] == pytest.approx(0, abs=1e-4)  # from itself
    assert policies["small"]["kl_per_answer"] is None  # its tokens are others


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none", "--prompts", "none.jsonl"], "none.jsonl"),
        (["./none", "--prompts", "asked.jsonl"], "no such folder or run"),
        (["small", "--prompts", "asked.jsonl", "--best-of", "2"], "--best-of: give --reward"),
        (
            [
                "small",
                "--prompts",
                "asked.jsonl",
                "--best-of",
                "2",
                "--reward",
                "mine.py:vowels",
                "--temperature",
                "0",
            ],
            "all answers to a prompt are one and the same",
        ),
        (["small", "--prompts", "asked.jsonl", "--judge", "mine.py:none"], "has no function none"),
        (
            ["small", "--prompts", "asked.jsonl", "--suites", "recipe-less.yaml"],
            "recipe-less.yaml: no such file",
        ),
        (["small", "./small", "--prompts", "asked.jsonl"], "./small: this model is named twice"),
        (["small"], "Missing option '--prompts'"),
    ],
)
def test_mistakes_end_with_a_message_and_2(typed, words, message):
    shown = typed(*words, "--out", "wrong")
    assert shown.exit_code == 2
    assert message in shown.output
    assert "Traceback" not in shown.output


def test_names_are_made_distinct(tmp_path):
    run, other = tmp_path / "first", tmp_path / "second"
    found = [FoundModel("x", run, "tuned"), FoundModel("y", other, "tuned"), FoundModel("org/base")]
    assert distinct_names(found) == ["first_tuned", "second_tuned", "base"]
    assert distinct_names([FoundModel("a/m"), FoundModel("b/m")]) == ["a_m", "b_m"]
    assert distinct_names([FoundModel("a/m"), FoundModel("a/m")]) == ["a_m_1", "a_m_2"]


def test_what_is_a_function_and_what_a_model(place, monkeypatch):
    monkeypatch.chdir(place)
    rewards = ["mine.py:vowels", "assent.demo.gold:score", "small", "org/reward"]
    values = stage_values(Wanted(["small"], "asked.jsonl", rewards=rewards), print)
    assert values["rewards"] == [
        {"function": "mine.py:vowels"},
        {"function": "assent.demo.gold:score"},
        {"model": str(place / "small")},
        {"model": "org/reward"},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sets: []\n", "expected one key, `suites`"),
        ("suites: []\n", "expected one key, `suites`"),
        (
            "suites: [{name: a, axis: kind, prompts: p, check: refuses}]\n",
            r"suites\.0: axis: input should be",
        ),
    ],
)
def test_a_wrong_file_of_suites_names_the_place(tmp_path, text, message):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        suites_of(tmp_path / "s.yaml")


def test_suites_lie_where_their_file_says(place):
    found = suites_of(place / "elsewhere" / "suites.yaml")
    assert [one["prompts"] for one in found] == [
        str(place / "elsewhere" / "sets" / name) for name in ("harmful.jsonl", "facts.jsonl")
    ]
    assert found[1]["check"] == {
        "rule": {"kind": "exact_match", "expected": str(place / "elsewhere" / "sets" / "facts.jsonl")}
    }


def test_lines_at_the_end():
    row = {"a": "tuned", "b": "sft", "judge": "gold", "wins": 60, "losses": 30, "ties": 10, "win_rate": 0.65,
           "ci_low": 0.55, "ci_high": 0.74}  # fmt: skip
    axis = {"share": 0.9, "ci_low": 0.8, "ci_high": 0.95}
    summary = {
        "comparisons": [row],
        "policies": {"sft": {"score_mean": None, "gold_mean": 0.25, "end_rate": 1.0}},
        "safety": {"axes": {"sft": {"helpful": None, "truthful": None, "harmless": axis}}},
    }
    assert list(results(summary)) == [
        "tuned over sft, by gold: 65% of 100 prompts (95% 55–74%)",
        "sft: mean gold 0.250",
        "sft: helpful not measured, truthful not measured, harmless 90% (80–95%)",
    ]
