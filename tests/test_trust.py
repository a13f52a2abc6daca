"""What `reward.json` says of a reward: whom it agrees with, and how it is put together. By hand."""

import json
import random

import numpy as np
import pytest

from assent.errors import RewardError, UserError
from assent.evaluation import scored, trust
from assent.functional.shares import wilson_interval
from assent.records import Comparison, Prompt, Rating
from assent.stages.trust import Judged, Trust, trust_report


def judged(prompt, texts, choice, **more):
    return Comparison(Prompt(prompt), tuple(texts), choice, **more)


def length(prompts, answers):
    """A reward that counts words."""
    return [float(len(answer.split())) for answer in answers]


def words(count):
    return " ".join(["word"] * count)


def pair_of(margin, prompt="p", better="a b", worse="a"):
    comparison = judged(prompt, (better, worse), 0)
    return scored.Pair(comparison, better, worse, margin, (margin, 0.0), 1.0)


QUICK = Trust(group_texts=0, attributions=0)


def test_accuracy_counts_shared_first_places_and_leaves_ties_out():
    found = [judged("p", ("a", "b"), 0), judged("p", ("a", "b"), 1), judged("p", ("a", "b"), None),
             judged("q", ("c", "d", "e"), 2)]  # fmt: skip
    decisions = scored.decisions(found, [(2, 1), (1, 1), (5, 0), (0, 3, 3)])
    assert [decision.credit for decision in decisions] == [1, 0.5, 0.5]
    facts = scored.accuracy(decisions)
    assert (facts["accuracy"], facts["n"]) == (pytest.approx(2 / 3), 3)
    # Wilson by hand for 2 of 3: centre (2/3 + 1.92/3) / (1 + 3.84/3), as in its own tests
    assert (facts["ci_low"], facts["ci_high"]) == pytest.approx(wilson_interval(2, 3))


def test_a_set_of_pairs_counts_once_in_the_interval():
    found = judged("p", ("a", "b", "c"), None, pairs=((0, 1, 0), (0, 2, 2), (1, 2, None)))
    decisions = scored.decisions([found], [(3, 1, 2)])  # a over b: right; c over a: wrong
    assert [(d.texts, d.credit, d.weight) for d in decisions] == [(("a", "b"), 1, 0.5), (("c", "a"), 0, 0.5)]
    facts = scored.accuracy(decisions)
    assert (facts["accuracy"], facts["n"]) == (0.5, 2)
    assert (facts["ci_low"], facts["ci_high"]) == pytest.approx(wilson_interval(0.5, 1))
    assert scored.accuracy([]) == {"accuracy": None, "ci_low": None, "ci_high": None, "n": 0}


def test_a_ranking_gives_all_its_pairs_and_one_best():
    found = judged("p", ("a", "b", "c"), None, ranking=(2, 0, 1))
    assert [(p.better, p.worse, p.margin) for p in scored.pairs([found], [(5, 1, 4)])] == [
        ("c", "a", -1), ("c", "b", 3), ("a", "b", 4),
    ]  # fmt: skip
    (decision,) = scored.decisions([found], [(5, 1, 4)])
    assert (decision.winner, decision.credit) == (2, 0)


def test_agreement_is_measured_against_the_majority_of_an_item():
    found = [
        judged("p", ("good", "bad"), 0, item="1"), judged("p", ("bad", "good"), 1, item="1"),  # all for good
        judged("q", ("x", "y"), 0, item="2"), judged("q", ("x", "y"), 0, item="2"),
        judged("q", ("x", "y"), 1, item="2"),  # two for x
        judged("r", ("x", "y"), 0, item="3"), judged("r", ("x", "y"), 1, item="3"),  # nobody's
        judged("s", ("x", "y"), 0, item="4"), judged("s", ("x", "y"), None, item="4"),  # x, with a doubt
        judged("t", ("x", "y"), 0, item="5"),  # alone
    ]  # fmt: skip
    scores = [{"good": 1, "bad": 0, "x": 0, "y": 1}[text] for c in found for text in c.candidates]
    rows = [scores[place : place + 2] for place in range(0, len(scores), 2)]
    levels = {
        row["level"]: (row["accuracy"], row["n"])
        for row in trust.by_agreement(found, scored.decisions(found, rows))
    }
    assert levels == {"unanimous": (1.0, 1), "split": (0.0, 2)}


def test_accuracy_by_length_difference_in_bins_of_like_size():
    pairs = [
        pair_of(1.0 if apart < 6 else -1.0, better=words(10 + apart), worse=words(10)) for apart in range(24)
    ]
    rows = trust.by_length_difference(pairs)
    # 24 differences 0..23 in quarters; the second holds 6..11, all wrong
    assert [(row["low"], row["high"], row["accuracy"], row["n"]) for row in rows] == [
        (0, 5, 1, 6), (6, 11, 0, 6), (12, 17, 0, 6), (18, 23, 0, 6),
    ]  # fmt: skip
    assert trust.by_length_difference(pairs[:19]) == []
    matched = trust.length_matched(pairs)  # 0 and 1 of 11: within a tenth; 2 of 12 is not
    assert (matched["accuracy"], matched["n"]) == (1, 2)


def test_accuracy_by_annotator_and_against_models():
    found = [judged("p", ("a", "b"), 0, annotator=name) for name in ("ann", "ann", "ai:small", "ann")]
    decisions = scored.decisions(found, [(1, 0), (0, 1), (0, 1), (1, 0)])
    rows = {row["name"]: (row["accuracy"], row["n"]) for row in trust.by_judge(decisions)}
    assert rows == {"people": (pytest.approx(2 / 3), 3), "models": (0, 1)}
    assert [row["name"] for row in trust.by_name(decisions, lambda one: one.annotator)] == ["ann", "ai:small"]
    assert trust.by_judge(decisions[:2]) == []


def test_worst_errors_are_the_widest_wrong_margins_each_once():
    pairs = [pair_of(-1, "p"), pair_of(-3, "q"), pair_of(-3, "q"), pair_of(2, "r"), pair_of(-2, "s")]
    assert [row["prompt"] for row in trust.worst_errors(pairs, 2)] == ["q", "s"]
    assert trust.worst_errors(pairs, 2)[0] | {"annotator": "x"} == {
        "prompt": "q", "chosen": "a b", "rejected": "a", "score_chosen": -3, "score_rejected": 0.0,
        "annotator": "x",
    }  # fmt: skip
    assert [pair.margin for pair in trust.telling_pairs(pairs, 3)] == [-3, -1, 2]
    assert trust.telling_pairs(pairs, 0) == []
    assert trust.telling_pairs([], 3) == []


def test_the_report_of_a_reward_that_counts_words():
    texts = [(words(3 + k % 4), words(1 + k % 3)) for k in range(40)]
    found = [judged(f"p{k}", pair, k % 2, item=str(k)) for k, pair in enumerate(texts)]
    facts = trust_report(length, Judged(found), QUICK, "words")
    right = np.mean([0.5 if a == b else (len(a) > len(b)) == (k % 2 == 0) for k, (a, b) in enumerate(texts)])
    assert facts["accuracy"] == pytest.approx(right)
    assert facts["n"] == 40
    assert facts["baselines"]["always_left"] == 0.5
    assert facts["length_bias"]["correlation"] == pytest.approx(1)  # its score *is* the length
    assert facts["missing"].keys() >= {"agreement", "ratings", "rankings", "groups", "learning_curve"}
    assert (facts["ratings"], facts["groups"], facts["learning_curve"]) == ([], [], [])
    assert json.loads(json.dumps(facts, allow_nan=False)) == json.loads(json.dumps(facts))


def test_the_files_order_is_no_rule_to_beat():
    chosen_first = [judged(f"p{k}", ("a b", "c"), 0) for k in range(3)]
    assert trust.baselines(chosen_first) == {"always_left": None, "longer_wins": 1, "shorter_wins": 0}
    another = judged("q", ("a", "b c"), 1)
    assert trust.baselines([*chosen_first, another])["always_left"] == 0.75


def test_the_report_with_nothing_held_out_has_null_for_numbers():
    facts = trust_report(length, Judged(), Trust(), "words")
    assert (facts["accuracy"], facts["ci_low"], facts["ece"], facts["n"]) == (None, None, None, 0)
    assert facts["baselines"] == {"always_left": None, "longer_wins": None, "shorter_wins": None}
    assert facts["missing"]["choices"] == "no held-out judgement prefers one answer to another"
    assert (facts["worst"], facts["attribution"]) == ([], [])
    ties = trust_report(length, Judged([judged("p", ("a", "b c"), None)]), QUICK, "words")
    assert (ties["accuracy"], ties["ties"]) == (None, 1)


def test_every_answer_is_scored_once_and_a_bad_score_is_an_error():
    asked = []

    def counting(prompts, answers):
        asked.extend(zip(prompts, answers, strict=True))
        return [float(len(answer)) for answer in answers]

    found = [judged("p", ("a", "bb"), 0, annotator=name) for name in ("x", "y", "z")]
    trust_report(counting, Judged(found, [Rating(Prompt("p"), "a", 1, (0, 1))]), QUICK, "words")
    assert sorted(asked) == [("p", "a"), ("p", "bb")]
    with pytest.raises(RewardError, match="judge gave nan"):
        trust_report(lambda p, r: [float("nan")] * len(r), Judged(found), QUICK, "judge")


def test_the_learning_curve_trains_on_shares_and_measures_the_whole_once():
    found = [judged(f"p{k}", (words(2), words(1)), int(k % 4 == 0)) for k in range(40)]  # accuracy 0.75
    trained = []

    def accuracy_at(share):
        trained.append(share)
        return {0.25: 0.6, 0.5: 0.7}[share]

    settings = QUICK.model_copy(update={"learning_curve": (0.5, 0.25, 1.0)})
    facts = trust_report(length, Judged(found), settings, "words", accuracy_at=accuracy_at)
    assert trained == [0.25, 0.5]
    assert [point["accuracy"] for point in facts["learning_curve"]] == [0.6, 0.7, 0.75]
    assert 0.75 < facts["forecast"]["accuracy"] < 0.85
    nobody = trust_report(length, Judged(found), settings, "words")
    assert nobody["missing"]["learning_curve"] == "nothing was trained on choices"
    unasked = trust_report(length, Judged(found), QUICK, "words", accuracy_at=accuracy_at)
    assert unasked["missing"]["learning_curve"] == "trust.learning_curve is empty"


class TwoMembers:
    """The words counted, and the words counted with an opinion of its own."""

    def __call__(self, prompts, responses):
        return self.members(prompts, responses).mean(axis=1).tolist()

    def members(self, prompts, responses):
        dice = [random.Random(text).uniform(-3, 3) for text in responses]
        counted = np.asarray(length(prompts, responses))
        return np.stack([counted, counted + dice], axis=1)

    def spread(self, prompts, responses):
        return self.members(prompts, responses).std(axis=1).tolist()


def test_an_ensembles_members_are_asked():
    found = [judged(f"p{k}", (words(2 + k % 5), f"b{k}"), 0) for k in range(30)]
    facts = trust_report(TwoMembers(), Judged(found), QUICK, "ensemble")
    assert facts["spread"]["members"] == 2
    assert [row["by"] for row in facts["spread"]["halves"]] == ["spread", "ratio", "margin"]
    assert "spread" not in trust_report(length, Judged(found), QUICK, "words")


def test_the_curve_of_an_ensemble_is_that_of_single_models():
    """Several members on all labels beside one on half of them would credit the labels with the members."""
    found = [judged(f"p{k}", (words(9), words(1)), 0) for k in range(30)]  # the ensemble is always right
    trained = []

    def accuracy_at(share):
        trained.append(share)
        return {0.5: 0.6, 1.0: 0.7}[share]

    settings = QUICK.model_copy(update={"learning_curve": (0.5,)})
    facts = trust_report(TwoMembers(), Judged(found), settings, "ensemble", accuracy_at=accuracy_at)
    assert trained == [0.5, 1.0]
    assert [point["accuracy"] for point in facts["learning_curve"]] == [0.6, 0.7]
    assert facts["accuracy"] == 1


def test_settings_are_checked():
    with pytest.raises(ValueError, match="different shares, above 0 and up to 1"):
        Trust(learning_curve=(0.5, 2.0))
    found = Judged([judged("p", ("a", "b b"), 0)])
    with pytest.raises(UserError, match="no such file"):
        trust_report(length, found, Trust(groups="no.yaml"), "x")
