"""The page's section on rewards, and `kind: measured`. Expected sentences and places are by hand."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import REWARD, Page, made_up_record, one_line, stage

from assent.config import check
from assent.errors import UserError
from assent.evaluation import numbers, reward_drawings, reward_view
from assent.evaluation.report import render
from assent.evaluation.verdict import reward_model
from assent.records import Comparison, Prompt, Rating
from assent.stages import reward as reward_stage
from assent.stages.measured_reward import Config
from assent.stages.trust import Judged, Trust, trust_report
from assent.stages.workspace import Workspace

PAYLOAD = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}"
WORDS = ("the", "a", "good", "bad", "honest", "she", "he", "Emily", "kind", "rude", "help")
CLASSES = {
    "kind": "classes", "accuracy": 0.62, "ci_low": 0.58, "ci_high": 0.66, "n": 500, "ece": 0.05,
    "reliability": [], "baselines": {"always joy": 0.31}, "labels": ["joy", PAYLOAD], "macro_f1": 0.44,
    "macro_f1_low": 0.4, "macro_f1_high": 0.48,
    "per_label": {
        PAYLOAD: {"precision": 0.5, "recall": 0.3, "f1": 0.375, "support": 20},
        "joy": {"precision": 0.7, "recall": 0.8, "f1": 0.75, "support": 300},
    },
}  # fmt: skip


def kindness(prompts, responses):
    return [1.0 * text.split().count("kind") - 2 * text.split().count("rude") for text in responses]


def said(dice):
    return " ".join(dice.choice(WORDS) for _ in range(dice.randint(2, 14)))


def judgements():
    dice = random.Random(0)
    compared, rated = [], []
    for place in range(60):
        texts = tuple(said(dice) for _ in range(2))
        a, b = kindness([], texts)
        for name in ("ann", "ai:small"):
            choice = None if a == b else int(b + dice.gauss(0, 1) > a)
            compared.append(Comparison(Prompt(f"p{place}"), texts, choice, annotator=name, item=str(place)))
        rated.append(Rating(Prompt(f"p{place}"), texts[0], min(5.0, max(1.0, 3 + a)), (1, 5), "polite"))
    three = tuple("kind " * count + "word" for count in range(3))
    compared += [Comparison(Prompt("r"), three, None, ranking=(2, 1, 0)) for _ in range(2)]
    return Judged(compared, rated)


@pytest.fixture(scope="module")
def facts():
    settings = Trust(learning_curve=(0.25, 0.5), attribution_words=5)
    told = trust_report(
        kindness, judgements(), settings, "kindness", accuracy_at=lambda share: 0.5 + share / 5
    )
    return json.loads(json.dumps(told))


def test_the_section_shows_all_that_was_measured(facts):
    effects = [{"feature": "word kind", "effect": 0.5, "weight": 1.0, "share_of_answers": 0.4},
               {"feature": "length", "effect": -0.25, "weight": -0.1, "share_of_answers": 1.0}]  # fmt: skip
    counted = {"people": 60, "models": 60, "contradictions": 2}
    page = Page(
        render(made_up_record(rewards={"judge": {**facts, "effects": effects, "judgements": counted}}))
    )
    text = one_line(page.text)
    for expected in (
        f"measured on {facts['n']} comparisons; {facts['ties']} ties are left out",
        "Where it agrees with people", "all agreed", "by models", "lengths within a tenth",
        "What it should not look at", "The answer shown first", "The same text about other people",
        "Held-out answers", "Neutral sentences", "Learning curve", "Twice the labels may bring",
        "What raises the score, and what lowers it", "word kind", "Word by word",
        f"The {len(facts['worst'])} worst errors, to read", "polite", "Over 2 whole rankings",
        "60 judgements by people, 60 by models; 2 items of which one annotator said the opposite",
    ):  # fmt: skip
        assert expected in text
    assert page.handlers == []  # no style attributes, which the page's own policy would forbid
    assert {link[1:] for link in page.loads} <= page.ids


def test_what_was_not_measured_is_named_with_the_reason():
    told = trust_report(kindness, Judged(judgements().comparisons[:4]), Trust(group_texts=0), "kindness")
    text = one_line(Page(render(made_up_record(rewards={"judge": told}))).text)
    assert "Not measured: " in text
    for title, why in (
        ("Ratings", "no held-out ratings"),
        ("Learning curve", "nothing was trained on choices"),
        ("Group bias", "trust.group_texts is 0"),
    ):
        assert f"{title} {why}" in text or f"{title}{why}" in text
    nothing = trust_report(kindness, Judged(), Trust(), "kindness")
    text = one_line(Page(render(made_up_record(summary={}, rewards={"judge": nothing}))).text)
    assert "judge was not measured: nothing was held out, or nobody preferred anything." in text


def test_hostile_texts_are_shown_and_never_run(facts):
    told = {
        **facts,
        "worst": [{"prompt": PAYLOAD, "chosen": PAYLOAD, "rejected": "", "score_chosen": -1.0,
                   "score_rejected": 2.0, "annotator": PAYLOAD}],
        "attribution": [{"prompt": PAYLOAD, "right": 0.0,
                         "chosen": {"score": 1.0, "words": [[PAYLOAD, 1.0], [f" {PAYLOAD}", None]]},
                         "rejected": {"score": 1.0, "words": []}}],
        "effects": [{"feature": PAYLOAD, "effect": 1.0, "weight": 1.0, "share_of_answers": 1.0}],
        "by_annotator": [{"name": PAYLOAD, "accuracy": 0.5, "ci_low": 0.1, "ci_high": 0.9, "n": 2}],
        "parts": [{"name": PAYLOAD, "weight": 1.0, "accuracy": 0.5, "ci_low": None, "ci_high": None, "n": 0,
                   "length_bias": None}],
        "missing": {f"groups: {PAYLOAD}": PAYLOAD},
    }  # fmt: skip
    page = Page(render(made_up_record(rewards={PAYLOAD: told, "classes": CLASSES})))
    assert "img" not in page.tags
    assert [kind for kind, _ in page.scripts] == ["application/json", ""]
    assert page.handlers == []
    assert page.text.count(PAYLOAD) >= 10


def test_several_rewards_have_sections_and_the_last_judge_counts():
    record = made_up_record(rewards={"judge": {**REWARD, "accuracy": 0.7}, "other": REWARD, "moods": CLASSES})
    assert reward_model(record) is record.rewards["other"]  # a classifier's accuracy is another thing
    text = one_line(Page(render(record)).text)
    assert "On held-out texts it gives exactly the right labels in 62% of cases" in text
    assert "Macro-F1, the mean over labels: 0.440 (95% 0.400 to 0.480)" in text
    assert [view.name for view in reward_view.views(record)] == ["judge", "other", "moods"]
    assert [row["label"] for row in reward_view.labels(CLASSES)] == ["joy", PAYLOAD]
    unmeasured = replace(record, rewards={"a": {"accuracy": 0.6}, "b": {"accuracy": None}})
    assert reward_model(unmeasured) == {"accuracy": 0.6}


def test_what_a_summary_alone_knows_is_shown_too():
    (view,) = reward_view.views(made_up_record(rewards={}))
    assert (view.name, view.facts["accuracy"], view.reliability) == ("reward", 0.744, [])


def test_a_words_colour_goes_with_its_effect_within_the_answer():
    words = [["good", 4.0], [" a", 0.4], [" bad", -2.0], [" the", 0.0], [" end", None], ["\n", None]]
    answer = {"score": 1.0, "words": words}
    (card,) = reward_drawings.heat({"attribution": [{"prompt": "p", "right": 1.0, "chosen": answer,
                                                     "rejected": answer}]})  # fmt: skip
    side = card["sides"][0]
    # of four shades: 4, 0.4 (none), 2, 0
    assert [word.style for word in side["words"]] == ["up-4", "", "down-2", "", "", ""]
    assert [(word.space, word.text) for word in side["words"]][4:] == [(" ", "end"), ("\n", "")]
    assert side["words"][2].title == "bad: −2.0"
    assert (side["raise"], side["lower"], side["unweighed"]) == (["good +4.0", "a +0.40"], ["bad −2.0"], 1)


def test_changes_are_drawn_to_one_scale():
    rows = [{"left": "a", "right": "b", "change": 0.5, "ci_low": 0.25, "ci_high": 1.0, "n": 30}]
    doubtful = [{"left": "a", "right": "b", "change": -0.1, "ci_low": -0.5, "ci_high": 0.3, "n": 8}]
    found = {"axis": "x", "says": "", "fewest": 20, "held_out": {"texts": 30, "changes": rows},
             "templates": {"texts": 8, "changes": doubtful}}  # fmt: skip
    (axis,) = reward_drawings.axes({"groups": [found]})
    # the widest end, 1.0, stands at 96 of 100; half of it at 50 + 23
    (held_out,), (sentence,) = axis["held_out"], axis["templates"]
    assert (held_out.spot, held_out.ends, held_out.clear) == (73, (61.5, 96), True)
    assert not sentence.clear
    none = {"held_out": {"texts": 3, "changes": []}, "axis": "x", "templates": {"texts": 0, "changes": []}}
    text = one_line(
        Page(render(made_up_record(rewards={"j": {**REWARD, "groups": [{**found, **none}]}}))).text
    )
    assert "Not enough texts: 3 speak of one of these groups, and a number needs 20." in text


def test_a_learning_curve_stands_on_twentieths():
    rows = [{"share": share, "accuracy": accuracy, "ci_low": accuracy - 0.04, "ci_high": accuracy + 0.04}
            for share, accuracy in ((0.25, 0.6), (0.5, 0.65), (1.0, 0.7))]  # fmt: skip
    told = {"share": 2.0, "accuracy": 0.75, "ci_low": 0.7, "ci_high": 0.79}
    found = reward_drawings.learning_curve({"learning_curve": rows, "forecast": told})
    # 0.56 .. 0.79: the frame is 0.55 to 0.8; four points, each a third of the width apart
    assert [point["x"] for point in found["points"]] == pytest.approx([0, 100 / 3, 200 / 3])
    assert [point["y"] for point in found["points"]] == pytest.approx([80, 60, 40])
    assert found["forecast"]["x"] == pytest.approx(100)
    assert found["ticks"] == [(pytest.approx(100 - 20 * k), pytest.approx(0.55 + 0.05 * k)) for k in range(6)]
    assert reward_drawings.learning_curve({"learning_curve": rows[:1]}) is None


def test_sentences_about_bias():
    share = {"share": 0.6, "ci_low": 0.55, "ci_high": 0.65}
    length = {"correlation": 0.4, "correlation_low": 0.3, "correlation_high": 0.5, "people": share,
              "model": share, "excess": 0.05, "excess_low": -0.01, "excess_high": 0.11, "n": 90}  # fmt: skip
    accuracy = {"accuracy": 0.7, "ci_low": 0.6, "ci_high": 0.8, "n": 40}
    position = {"first": share, "expected": 0.5, "when_first": accuracy, "when_later": accuracy, "n": 80}
    first, second = reward_view.bias_bars({"length_bias": length, "position_bias": position})
    assert first.hint == (
        "The reward's share, less people's: +5.0 points (95% −1.0 to +11.0). Rank correlation of score "
        "difference with length difference: +0.40 (95% +0.30 to +0.50)."
    )
    assert second.hint == "Chance would be 50%: people lean to the first place."
    fixed = {**position, "first": {"share": 1.0, "ci_low": 0.9, "ci_high": 1.0}}
    assert "the file's order" in reward_view.bias_bars({"position_bias": fixed})[0].hint
    even = {**position, "first": {"share": 0.5, "ci_low": 0.4, "ci_high": 0.6}}
    assert "no bias shows" in reward_view.bias_bars({"position_bias": even})[0].hint


def test_the_temperature_in_words():
    fitted = {"temperature": 2.0, "ece_before": 0.1, "ece_after": 0.02, "loss_before": 0.7, "loss_after": 0.6}
    said = reward_view.temperature({"calibration": fitted})
    assert said.startswith("Fitted temperature 2.00: it is surer of itself than it should be.")
    assert "the ECE from 0.10 to 0.020 and the loss from 0.700 to 0.600 nats" in said
    assert "Dividing its scores by one number, the temperature, takes the ECE" in said
    said = reward_view.temperature({"calibration": {**fitted, "ece_after": 0.2}})
    assert said.startswith("Fitted temperature 2.00. Dividing its scores by one number, the temperature, ")
    assert "does not help: it takes the ECE from 0.10 to 0.20 and the loss" in said
    assert reward_view.temperature({"calibration": None}) == ""


def test_signed_numbers():
    assert [numbers.signed(value) for value in (0.431, -0.2, 0.0, None)] == ["+0.43", "−0.20", "0", "–"]
    assert [numbers.change(value) for value in (0.114, -0.004, None)] == ["+0.11", "0.00", "–"]
    assert [numbers.points(value) for value in (0.068, -0.1, None)] == ["+6.8", "−10.0", "–"]
    assert (numbers.span(-0.12, 0.3), numbers.span(None, 1)) == ("−0.12 to +0.30", "")


REWARDS = """
def brevity(prompts, responses):
    return [-float(len(text)) for text in responses]

def far(prompts, responses):
    return [100.0 - len(text) for text in responses]

def first_letter(prompts, responses):
    return [float(text.startswith("a")) for text in responses]
"""


class Unlogged:
    def __call__(self, step, stats): ...

    def table(self, step, name, rows): ...

    def rewind(self, step): ...


def measured(folder: Path, **settings):
    (folder / "rewards.py").write_text(REWARDS)
    rows = [{"input_text": f"p{k}", "candidate_0": "a" * (1 + k % 3), "candidate_1": "b" * (1 + k % 4),
             "choice": k % 2} for k in range(12)]  # fmt: skip
    (folder / "judged.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {"kind": "measured", "preferences": str(folder / "judged.jsonl"), **settings}
    config = check(reward_stage.config_class(values, "check"), values, "check")
    work = Workspace("check", folder, Unlogged(), lambda done, total, note: None, lambda: False)
    reward_stage.run(config, work)
    return json.loads((folder / "reward.json").read_text())


def test_a_reward_that_is_there_is_measured(tmp_path):
    found = measured(tmp_path, rewards=[{"function": f"{tmp_path}/rewards.py:brevity"}])
    # lengths are 1 + k % 3 and 1 + k % 4, k even chooses the first: by hand, k = 0..11
    # equal at 0, 1, 2 (a half each); first shorter at 3, 6, 7, 9(1<2), 10, 11; first longer at 4, 5, 8
    right = {0: 0.5, 1: 0.5, 2: 0.5, 3: 0, 6: 1, 7: 0, 9: 0, 10: 1, 11: 0, 4: 0, 5: 1, 8: 0}
    assert found["accuracy"] == pytest.approx(sum(right.values()) / 12)
    assert found["n"] == 12
    assert "parts" not in found
    assert found["missing"]["learning_curve"] == "nothing was trained on choices"


def test_one_part_that_is_clipped_is_normalised_first(tmp_path):
    # its scores are 96 to 99: not normalised, all would count as 3; normalised, none is beyond 3
    part = {"function": f"{tmp_path}/rewards.py:far", "normalise": True, "clip": 3.0}
    found = measured(tmp_path, rewards=[part])
    assert found["accuracy"] == pytest.approx(4.5 / 12)  # brevity's, by hand above


def test_parts_are_measured_alone_and_together(tmp_path):
    parts = [{"function": f"{tmp_path}/rewards.py:brevity", "weight": 0.0, "name": "short"},
             {"function": f"{tmp_path}/rewards.py:first_letter", "normalise": True}]  # fmt: skip
    found = measured(tmp_path, rewards=parts)
    assert [(part["name"], part["weight"], part["n"]) for part in found["parts"]] == [
        ("short", 0.0, 12),
        ("rewards:first_letter", 1.0, 12),
    ]
    assert found["accuracy"] == found["parts"][1]["accuracy"] == 0.5  # always for the first, half of the time
    text = one_line(Page(render(made_up_record(rewards={"check": found}))).text)
    assert "Its parts, each alone" in text
    assert "rewards:first_letter" in text


def test_measured_needs_judgements_and_knows_its_result():
    assert Config.result == "reward.json"
    with pytest.raises(UserError, match="give preferences, ratings or both"):
        check(Config, {"rewards": [{"function": "a:b"}]}, "check")


def test_reward_stages_are_read_from_the_record_in_order():
    record = made_up_record(
        stages=[stage("one", "reward", settings={"kind": "linear"})], rewards={"one": REWARD}
    )
    (view,) = reward_view.views(record)
    assert view.kind == "linear"
    page = render(record)
    assert "<h3>one" not in page[page.index('id="reward"') :]  # one alone needs no title
