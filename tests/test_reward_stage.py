"""`stage: reward`, `kind: neural`: every kind of judgement becomes a reward, and what is refused."""

import json

import pytest
from reward_judgements import (
    BEST,
    MIDDLE,
    WORST,
    choice,
    criteria,
    judged,
    label,
    pairs,
    ranking,
    rating,
    reward_world,
    rewarded,
    scores,
    settings_of,
    strong,
    three,
    tied,
    two,
)
from stage_world import facts, rows

from assent.errors import UserError
from assent.models.load import load_reward
from assent.records import Prompt


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return reward_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def given(world):
    return settings_of(world)


@pytest.mark.parametrize(
    ("makers", "settings", "objective"),
    [
        ((choice,), {}, "choice"),
        ((ranking,), {}, "ranking"),
        ((pairs,), {}, "pairs"),
        ((choice, tied), {}, "pairs"),
        ((choice, ranking), {}, "choice"),
        ((choice, ranking), {"objective": "pairs"}, "pairs"),
        ((choice, two), {}, "choice"),  # three candidates, and two
        ((ranking, two), {"objective": "ranking"}, "ranking"),
        ((pairs, two), {}, "pairs"),
        ((two, strong), {"margin_coef": 1.0}, "pairs"),
    ],
)
def test_every_kind_of_preference_becomes_a_reward(given, tmp_path, makers, settings, objective):
    source = judged(tmp_path / "judged.jsonl", *makers)
    folder, log = rewarded(tmp_path / "it", preferences=source, **settings, **given)
    told = facts(folder / "reward.json")
    assert told["objective"] == objective
    assert told["accuracy"] == 1.0
    assert log[-1]["held_out_accuracy"] == 1.0
    assert log[-1]["loss"] < log[0]["loss"]
    best, worst = scores(folder, BEST, WORST)
    assert best > worst
    assert len(rows(folder / "held_out.jsonl")) == 6


def test_a_margin_widens_the_gap(given, tmp_path):
    source = judged(tmp_path / "judged.jsonl", strong)
    gaps = []
    for coef in (0.0, 3.0):
        folder, log = rewarded(tmp_path / str(coef), preferences=source, margin_coef=coef, **given)
        best, worst = scores(folder, BEST, WORST)
        gaps.append(best - worst)
    assert gaps[1] > gaps[0] + 0.5
    assert log[0]["loss"] > 2.5  # log(1 + e^3) = 3.05 where the scores are alike


def test_ratings_are_regressed_on_their_scale(given, tmp_path):
    source = judged(tmp_path / "rated.jsonl", rating, count=60)
    folder, log = rewarded(tmp_path / "it", ratings=source, **given)
    assert facts(folder / "reward.json")["objective"] == "ratings"
    assert log[-1]["held_out_error"] < log[0]["error"]
    assert scores(folder, BEST, MIDDLE, WORST) == pytest.approx([1, 0.75, 0.5], abs=0.2)
    assert {row["scale"][1] for row in rows(folder / "held_out.jsonl")} == {5}


def test_each_criterion_has_a_head(given, tmp_path):
    source = judged(tmp_path / "rated.jsonl", criteria, count=60)
    folder, _ = rewarded(tmp_path / "it", ratings=source, **given)
    model, tokenizer = load_reward(str(folder / "model"))
    assert (model.names, model.combine) == (("bad", "good"), "criteria")
    answers, _ = tokenizer.responses([BEST, WORST])
    asked, _ = tokenizer.prompts([Prompt("Report 3:")] * 2)
    (_, good), (worst_bad, worst_good) = model.outputs(asked, answers).tolist()
    assert good > worst_good + 0.3
    assert worst_bad == pytest.approx(1, abs=0.35)


def test_labels_are_learned_as_good_or_bad(given, tmp_path):
    source = judged(tmp_path / "labelled.jsonl", label, count=60)
    folder, log = rewarded(tmp_path / "it", ratings=source, **given)
    assert facts(folder / "reward.json")["objective"] == "labels"
    assert log[-1]["held_out_accuracy"] == 1.0
    best, middle, worst = scores(folder, BEST, MIDDLE, WORST)
    assert best > 0 > max(middle, worst)


@pytest.mark.parametrize("family", ["t5", "bert"])
@pytest.mark.parametrize("lora", [None, {"rank": 4}])
def test_every_family_can_be_a_reward(world, given, tmp_path, family, lora):
    source = judged(tmp_path / "judged.jsonl", ranking)
    settings = {**given, "model": str(world / family), "lora": lora, "epochs": 16}
    if family == "bert":
        settings |= {"max_response_tokens": 12}
    folder, log = rewarded(tmp_path / "it", preferences=source, **settings)
    assert log[-1]["loss"] < log[0]["loss"]
    assert facts(folder / "reward.json")["accuracy"] == 1.0


def test_what_is_odd_about_the_judgements_is_told(given, tmp_path):
    texts = {"input_text": "p", "candidate_0": BEST, "candidate_1": WORST}
    ann, ai = {"annotator": "ann"}, {"annotator": "ai:gpt"}
    odd = [
        {**texts, "choice": 0, "meta": ann},
        {**texts, "candidate_0": WORST, "candidate_1": BEST, "choice": 0, "meta": ann},  # the opposite
        {**texts, "choice": 0, "meta": ai},
        {**texts, "choice": 0, "meta": ai},  # once more
        {**texts, "input_text": "q", "candidate_1": BEST, "choice": 0, "meta": ann},  # the same text twice
    ]
    (tmp_path / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in odd))
    told = []
    settings = {**given, "epochs": 1, "held_out": 0}
    folder, _ = rewarded(tmp_path / "it", told=told, preferences=str(tmp_path / "odd.jsonl"), **settings)
    assert facts(folder / "reward.json")["judgements"] == {
        "annotators": {"ai:gpt": 2, "ann": 3},
        "people": 3,
        "models": 2,
        "judgements": 5,
        "items": 2,
        "duplicates": 1,
        "contradictions": 1,
        "identical_candidates": 1,
        "criteria": [""],
    }
    mixed, odds = told
    assert "mixes 3 judgements of people with 2 of models" in mixed
    assert "contradictions 1 (items of which one annotator said the opposite" in odds


def test_criteria_that_share_a_file_are_told(given, tmp_path):
    """Merged, the opposite votes below are a tie between the two answers."""
    texts = {"input_text": "p", "candidate_0": BEST, "candidate_1": WORST}
    rows = [{**texts, "choice": k, "meta": {"criterion": name}} for k, name in enumerate(("kind", "short"))]
    (tmp_path / "two.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told, settings = [], {**given, "epochs": 1, "held_out": 0}
    folder, _ = rewarded(tmp_path / "it", told=told, preferences=str(tmp_path / "two.jsonl"), **settings)
    assert facts(folder / "reward.json")["judgements"]["criteria"] == ["kind", "short"]
    assert "holds judgements by several criteria (kind, short)" in told[0]


def test_contradicting_ratings_are_told(given, tmp_path):
    row = {"input_text": "p", "output_text": BEST, "scale": [1, 5], "meta": {"annotator": "ann"}}
    (tmp_path / "odd.jsonl").write_text(
        "".join(json.dumps({**row, "rating": value}) + "\n" for value in (2, 2, 4))
    )
    told, settings = [], {**given, "epochs": 1, "held_out": 0}
    rewarded(tmp_path / "it", told=told, ratings=str(tmp_path / "odd.jsonl"), **settings)
    assert "contradictions 1 (" in told[0]
    assert "duplicates 1 (rows that repeat another row)" in told[0]


def tie(texts):
    return three(texts, choice=None)


def middling(texts):
    return rating(texts) | {"rating": 3}


@pytest.mark.parametrize(
    ("makers", "settings", "message"),
    [
        ((choice,), {"ratings": "x"}, "give preferences or ratings, one of them"),
        ((choice,), {"objective": "labels"}, "objective labels does not learn from preferences"),
        ((choice,), {"objective": "choice", "margin_coef": 1}, "margin_coef goes with .* objective: pairs"),
        ((choice,), {"objective": "ranking"}, r"objective ranking: 24 of 24 judgements rank nothing"),
        ((ranking, tied), {"objective": "ranking"}, r"12 of 24 .* Use objective: pairs"),
        ((choice,), {"margin_coef": 1}, "no judgement has a strength above 0"),
        ((tie,), {}, "judge: every judgement to learn from is a tie"),
        ((choice,), {"ensemble": {"members": 0}}, "ensemble.members: input should be greater"),
        ((choice,), {"objective": "rank"}, "objective: input should be 'choice', 'ranking'"),
    ],
)
def test_what_does_not_fit_is_refused(given, tmp_path, makers, settings, message):
    source = judged(tmp_path / "judged.jsonl", *makers)
    with pytest.raises(UserError, match=message):
        rewarded(tmp_path / "it", preferences=source, **{**given, **settings})


@pytest.mark.parametrize(
    ("maker", "settings", "message"),
    [
        (rating, {"objective": "pairs"}, "objective pairs does not learn from ratings"),
        (rating, {"objective": "labels"}, r"expected 0 or 1 on the scale \[0, 1\], found"),
        (rating, {"margin_coef": 1}, "margin_coef goes with preferences"),
        (middling, {}, "judge: all 18 ratings to learn from are the same, so nothing tells good"),
        (criteria, {"ensemble": {"members": 2}}, "2 criteria, each with a head .* of: seeds"),
    ],
)
def test_what_ratings_cannot_teach_is_refused(given, tmp_path, maker, settings, message):
    source = judged(tmp_path / "rated.jsonl", maker)
    with pytest.raises(UserError, match=message):
        rewarded(tmp_path / "it", ratings=source, **{**given, **settings})


def test_too_long_answers_are_refused(given, tmp_path):
    source = judged(tmp_path / "long.jsonl", lambda texts: two([texts[0] * 40, *texts]))
    with pytest.raises(UserError, match=r"judge: the longest prompt and answer of .* have \d+ tokens"):
        rewarded(tmp_path / "it", preferences=source, **given)
