"""Ensembles of heads and of seeds, rewards that go on, learning curves: all of them killed and resumed."""

import itertools

import pytest
import torch
from reward_judgements import (
    BEST,
    QUICK,
    WORST,
    choice,
    judged,
    pairs,
    ranking,
    rating,
    reward_world,
    rewarded,
    scores,
    settings_of,
    weights,
)
from stage_world import Lines, facts

from assent.config import check
from assent.data.sources import comparisons
from assent.errors import Interrupted, UserError
from assent.models.heads import RewardModel
from assent.models.load import load_members, load_reward, load_trunk
from assent.records import Prompt, Rating
from assent.rewards.learned import LearnedEnsemble, LearnedReward
from assent.rewards.reward import Ensemble
from assent.rewards.saved import saved_reward
from assent.stages.neural_reward import Config, run
from assent.stages.trust import Judged, Trust, trust_report
from assent.stages.workspace import Workspace


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return reward_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def given(world):
    return settings_of(world)


def test_heads_of_an_ensemble_learn_from_their_own_resamples(given, tmp_path):
    source = judged(tmp_path / "judged.jsonl", choice)
    folder, _ = rewarded(tmp_path / "it", preferences=source, ensemble={"members": 3}, **given)
    model, _ = load_reward(str(folder / "model"))
    assert (model.names, model.combine) == (("member 0", "member 1", "member 2"), "members")
    reward = saved_reward(str(folder / "model"))
    each = reward.members(["Report 3:"] * 2, [BEST, WORST])
    assert (each[0] > each[1]).all()
    assert min(reward.spread(["Report 3:"] * 2, [BEST, WORST])) > 0
    assert scores(folder, BEST) == pytest.approx([each[0].mean()], abs=1e-5)


class Killed(Exception):
    """What no stage knows of, and so nothing is saved: the process is gone."""


def ended(at, kill):
    """Asked after each update: at the one named, a polite request to stop, or a kill."""
    calls = itertools.count(1)

    def stop():
        now = next(calls) == at
        if now and kill:
            raise Killed
        return now

    return stop


def cut(folder, stop, settings):
    """Begin, be stopped, and go on; its folder, and the rows that the log holds in the end."""
    log = Lines()
    folder.mkdir()
    for ends in (stop, lambda: False):
        work = Workspace("judge", folder, log, lambda done, total, note: None, ends, warn=[].append)
        try:
            run(check(Config, {"trust": QUICK, **settings}, "judge"), work)
        except (Interrupted, Killed):
            torch.rand(3)  # chance that other work has used up must not matter
    return folder, log


SEEDS = {"members": 2, "of": "seeds"}


@pytest.mark.parametrize(
    ("maker", "at", "kill", "more"),
    [
        (choice, 2, False, {"ensemble": SEEDS}),
        (choice, 2, True, {"ensemble": SEEDS}),
        (choice, 3, True, {"ensemble": SEEDS}),  # after the last update of the first member
        (choice, 5, False, {"ensemble": SEEDS}),
        (choice, 5, True, {"ensemble": SEEDS}),
        (choice, 2, False, {"ensemble": {"members": 3}, "lora": {"rank": 2}}),
        (rating, 1, False, {}),
        (rating, 2, True, {}),
        (pairs, 2, False, {}),
        (ranking, 4, False, {"trust": {**QUICK, "learning_curve": [0.9]}}),  # in the training on a share
    ],
)
def test_an_ended_stage_ends_as_if_nothing_had_happened(given, tmp_path, maker, at, kill, more):
    source = judged(tmp_path / "judged.jsonl", maker)
    which = "ratings" if maker is rating else "preferences"
    settings = {**given, "epochs": None, "steps": 3, which: source, **more}
    whole, log = rewarded(tmp_path / "whole", **settings)
    again, rest = cut(tmp_path / "cut", ended(at, kill), settings)
    assert weights(again) == weights(whole)
    assert weights(whole)
    assert list(rest) == list(log)
    assert facts(again / "reward.json") == facts(whole / "reward.json")


def test_seeds_are_whole_models_trained_one_after_another(given, tmp_path):
    source = judged(tmp_path / "judged.jsonl", choice)
    folder, log = rewarded(tmp_path / "it", preferences=source, ensemble=SEEDS, **given)
    members = load_members(str(folder / "model"))
    assert len(members) == 2
    first, second = (dict(model.body.named_parameters()) for model, _ in members)
    assert any(not torch.equal(first[name], second[name]) for name in first)
    half = len(log) // 2
    assert [row["member"] for row in log] == [0.0] * half + [1.0] * half
    assert [row["step"] for row in log] == list(range(2 * half))
    assert facts(folder / "reward.json")["accuracy"] == 1.0
    alone, _ = rewarded(tmp_path / "alone", preferences=source, **given)
    trunk = [name for name in weights(alone) if "score_head" not in name]  # an ensemble's heads are centred
    assert trunk
    assert [weights(folder)[f"model/members/0/{name[6:]}"] for name in trunk] == [
        weights(alone)[name] for name in trunk
    ]


@pytest.mark.parametrize("of", ["heads", "seeds"])
def test_members_are_centred_on_the_judged_answers(given, tmp_path, of):
    """Comparisons leave each member's zero open: different zeros would be told as disagreement."""
    source = judged(tmp_path / "judged.jsonl", choice)
    settings = {**given, "ensemble": {"members": 2, "of": of}}
    folder, _ = rewarded(tmp_path / of, preferences=source, **settings)
    rows = comparisons(source)
    asked = [(row.prompt.text, text) for row in rows for text in row.candidates]
    members = saved_reward(str(folder / "model")).members(*zip(*asked, strict=True))
    assert members.mean(axis=0) == pytest.approx([0.0, 0.0], abs=1e-5)


def test_a_reward_goes_on_from_the_last_one(given, tmp_path):
    source = judged(tmp_path / "judged.jsonl", choice)
    before, _ = rewarded(tmp_path / "before", preferences=source, **given)
    still = {**given, "model": str(before / "model"), "learning_rate": 1e-12, "epochs": None, "steps": 1}
    after, log = rewarded(tmp_path / "after", preferences=source, **still)
    assert scores(after, BEST, WORST) == pytest.approx(scores(before, BEST, WORST), abs=1e-4)
    assert log[0]["accuracy"] == 1.0
    several, log = rewarded(tmp_path / "several", preferences=source, ensemble={"members": 2}, **still)
    assert scores(several, BEST) != pytest.approx(scores(before, BEST), abs=1e-3)  # its heads are new


def test_an_ensemble_of_seeds_goes_on_as_itself(given, tmp_path):
    source = judged(tmp_path / "judged.jsonl", choice)
    before, _ = rewarded(tmp_path / "before", preferences=source, ensemble=SEEDS, **given)
    still = {**given, "model": str(before / "model"), "learning_rate": 1e-12, "epochs": None, "steps": 1}
    after, _ = rewarded(tmp_path / "after", preferences=source, ensemble=SEEDS, **still)
    assert scores(after, BEST, WORST) == pytest.approx(scores(before, BEST, WORST), abs=1e-4)
    with pytest.raises(UserError, match=r"is an ensemble of 2 networks: going on .*members: 2, of: seeds"):
        rewarded(tmp_path / "one", preferences=source, **still)


def test_an_ensemble_of_seeds_that_goes_on_has_a_learning_curve(given, tmp_path):
    source = judged(tmp_path / "judged.jsonl", choice)
    before, _ = rewarded(tmp_path / "before", preferences=source, ensemble=SEEDS, **given)
    still = {**given, "model": str(before / "model"), "learning_rate": 1e-12, "epochs": None, "steps": 1}
    curve = {**QUICK, "learning_curve": [0.5]}
    after, _ = rewarded(tmp_path / "after", preferences=source, ensemble=SEEDS, trust=curve, **still)
    told = facts(after / "reward.json")["learning_curve"]  # each point is its first network, as it was
    assert [(point["share"], point["accuracy"]) for point in told] == [(0.5, 1.0), (1.0, 1.0)]


def test_each_criterion_of_an_ensemble_is_held_against_its_own_heads(world):
    """One head is the other's opposite: their mean is 0 for every answer, and would tell nothing."""
    body, tokenizer = load_trunk(str(world / "gpt2"))
    asked = [(f"Report {k}:", text) for k in range(4) for text in (BEST, WORST)]
    networks, told = [], []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = RewardModel(body, names=("bad", "good"), combine="criteria").eval()
        with torch.no_grad():
            model.head.linear.weight[0] = -model.head.linear.weight[1]
        networks.append(LearnedReward(model, tokenizer))
        networks[-1].centre(*zip(*asked, strict=True))
        told.append(networks[-1].outputs(*zip(*asked, strict=True))[:, 1])
    good = (told[0] + told[1]) / 2 >= 0
    rated = [
        Rating(Prompt(prompt), text, float(is_good == (name == "good")), (0, 1), name)
        for name in ("bad", "good")
        for (prompt, text), is_good in zip(asked, good, strict=True)
    ]
    settings = Trust(group_texts=0, attributions=0, score_cut=0.0)
    found = trust_report(LearnedEnsemble(networks, Ensemble()), Judged(ratings=rated), settings, "it")
    assert 0 < good.sum() < len(good)
    assert [(row["criterion"], row["accuracy"]) for row in found["ratings"]] == [("bad", 1.0), ("good", 1.0)]


def test_a_learning_curve_is_of_fewer_items(given, tmp_path):
    source = judged(tmp_path / "judged.jsonl", choice)
    curve = {**QUICK, "learning_curve": [0.1, 0.5]}
    folder, log = rewarded(tmp_path / "it", preferences=source, trust=curve, **given)
    told = facts(folder / "reward.json")["learning_curve"]
    assert [point["share"] for point in told] == [0.1, 0.5, 1.0]
    assert told[-1]["accuracy"] == 1.0
    plain, without = rewarded(tmp_path / "plain", preferences=source, **given)
    assert (list(log), weights(folder)) == (list(without), weights(plain))
    updates = {path.parent.parent.name: path.name for path in folder.glob("checkpoints/share-*/*/step-*")}
    # 18 items learned from: 2 of them, 8 times in batches of 8; 9 of them 8 times
    assert updates == {"share-0.1": "step-00000002", "share-0.5": "step-00000009"}
