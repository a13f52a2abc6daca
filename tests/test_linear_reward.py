"""`kind: linear`: a whole stage over small files; saved without pickle; ensembles; real preferences."""

import json
from pathlib import Path

import pytest
from stage_world import Lines, facts, rows
from tiny_encoders import tiny_encoder

from assent.config import check
from assent.data.sources import comparisons
from assent.errors import Interrupted, UserError
from assent.records import Comparison, Prompt
from assent.rewards.features import Features
from assent.rewards.linear import Asked, LinearEnsemble, LinearReward, fit_linear
from assent.rewards.regression import of_comparisons
from assent.rewards.reward import Ensemble, Uncertain
from assent.rewards.saved import saved_reward
from assent.stages import STAGES
from assent.stages.judgements import split_by_prompt
from assent.stages.linear_reward import Config, accuracy_of
from assent.stages.workspace import Workspace

HARMLESS = Path(__file__).parents[2] / "shared" / "data" / "hh_harmless" / "preferences.jsonl"
GOOD = ["please take a seat", "thank you for coming", "please come in", "thank you so much"]
BAD = ["go away now", "what do you want", "go on then", "you want too much"]
WORDS = {"words": {"ngrams": [1, 1], "at_least": 2}}
BRIEF = {"group_texts": 0, "attributions": 0, "learning_curve": []}  # of `trust`: what is tested elsewhere


def polite(count: int = 48) -> list[dict]:
    """The polite answer wins, whichever side it stands on."""
    found = []
    for row in range(count):
        pair = [GOOD[row % 4], BAD[row // 4 % 4]]
        side = row % 2
        found.append(
            {
                "input_text": f"guest {row}",
                "candidate_0": pair[side],
                "candidate_1": pair[1 - side],
                "choice": side,
            }
        )
    return found


def rated(count: int = 24) -> list[dict]:
    return [
        {
            "input_text": f"guest {row}",
            "output_text": text,
            "ratings": {"kind": kind, "short": 3},
            "scale": [1, 5],
        }
        for row in range(count)
        for text, kind in ((GOOD[row % 4], 5), (BAD[row % 4], 1 + row % 2))
    ]


def written(path: Path, found: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return str(path)


def linear(folder: Path, stop=lambda: False, **settings):
    """Run the stage by itself; its folder, and what it logged."""
    folder.mkdir()
    log = Lines()
    values = {"kind": "linear", "features": WORDS, "trust": BRIEF, **settings}
    config = check(STAGES["reward"].config_class(values, "judge"), values, "judge")
    STAGES["reward"].run(config, Workspace("judge", folder, log, lambda done, total, note: None, stop))
    return folder, log


@pytest.fixture
def preferences(tmp_path):
    return written(tmp_path / "preferences.jsonl", polite())


def test_a_stage_from_file_to_report(tmp_path, preferences):
    folder, log = linear(
        tmp_path / "judge", preferences=preferences, trust={**BRIEF, "learning_curve": [0.5]}
    )
    told = facts(folder / "reward.json")
    assert (told["accuracy"], told["n"]) == (1.0, 7)  # 15% of 48 prompts
    assert (told["kind"], told["estimator"], told["judgements"]["items"]) == ("linear", "logistic", 48)
    assert told["penalty"] in [row["penalty"] for row in told["penalties"]]
    assert [point["share"] for point in told["learning_curve"]] == [0.5, 1.0]
    best = next(row for row in told["effects"] if row["feature"].startswith("words"))
    assert best["effect"] > 0
    assert best["feature"] in {f"words: {word}" for text in GOOD for word in text.split()}
    assert log[-1]["accuracy"] == 1.0
    reward = saved_reward(str(folder / "model"))
    kind, rude = reward(["guest", "guest"], ["please come in", "go away now"])
    assert kind > rude


def test_nothing_is_pickled(tmp_path, preferences):
    folder, _ = linear(tmp_path / "judge", preferences=preferences)
    assert sorted(path.name for path in (folder / "model").iterdir()) == [
        "assent.json",
        "linear.safetensors",
        "vocabulary.json",
    ]
    assert facts(folder / "model" / "assent.json")["kind"] == "linear"


def test_the_same_prompts_are_held_out_as_by_the_neural_kind(tmp_path, preferences):
    folder, _ = linear(tmp_path / "judge", preferences=preferences, held_out=0.3, seed=5)
    unseen = split_by_prompt(comparisons(preferences), 0.3, 5).unseen
    assert [row["input_text"] for row in rows(folder / "held_out.jsonl")] == [c.prompt.text for c in unseen]


def test_the_same_settings_make_the_same_bytes(tmp_path, preferences):
    one, two = (
        linear(tmp_path / name, preferences=preferences, ensemble={"members": 3})[0] for name in ("a", "b")
    )
    for name in ("reward.json", "held_out.jsonl", "model/linear.safetensors", "model/vocabulary.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


@pytest.mark.parametrize("estimator", ["logistic", "ridge", "svm", "least_squares"])
def test_every_estimator_learns_from_either_file(tmp_path, preferences, estimator):
    given = {"preferences": preferences, "ratings": written(tmp_path / "ratings.jsonl", rated())}
    for key, path in given.items():
        folder, _ = linear(tmp_path / key, **{key: path}, estimator=estimator)
        kind, rude = LinearReward.load(folder / "model")(["", ""], ["please come in", "go on then"])
        assert kind > rude
        assert (facts(folder / "reward.json")["penalty"] is None) == (estimator == "least_squares")


def test_a_criterion_may_be_chosen(tmp_path):
    path = written(tmp_path / "ratings.jsonl", rated())
    folder, _ = linear(tmp_path / "kind", ratings=path, criterion="kind", penalty=1.0)
    assert {row["criterion"] for row in rows(folder / "held_out.jsonl")} == {"kind"}
    assert facts(folder / "reward.json")["penalties"] == []
    with pytest.raises(UserError, match="no judgement of 'kid'; found 'kind', 'short'"):
        linear(tmp_path / "kid", ratings=path, criterion="kid")
    with pytest.raises(UserError, match="have the same rating"):
        linear(tmp_path / "short", ratings=path, criterion="short", penalty=1.0)


def test_labels_are_ratings_of_0_and_1(tmp_path):
    labelled = [
        {"input_text": f"guest {row}", "output_text": text, "label": label}
        for row in range(16)
        for text, label in ((GOOD[row % 4], "good"), (BAD[row % 4], "bad"))
    ]
    folder, _ = linear(tmp_path / "judge", ratings=written(tmp_path / "labels.jsonl", labelled), penalty=0.1)
    scores = LinearReward.load(folder / "model")(["", ""], ["please come in", "go on then"])
    assert scores[0] > 0 > scores[1]  # log odds of good


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "give preferences or ratings, one of them"),
        ({"preferences": "a", "ratings": "b"}, "give preferences or ratings, one of them"),
        ({"preferences": "a", "estimator": "least_squares", "penalty": 1}, "least_squares has none"),
        ({"preferences": "a", "estimator": "forest"}, "estimator: input should be 'logistic'"),
        ({"preferences": "a", "features": {"lenght": True}}, "did you mean length"),
    ],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        check(Config, settings, "judge")


def test_it_stops_when_asked(tmp_path, preferences):
    with pytest.raises(Interrupted):
        linear(tmp_path / "judge", lambda: True, preferences=preferences)


def test_nothing_held_out(tmp_path, preferences):
    folder, _ = linear(tmp_path / "judge", preferences=preferences, held_out=0)
    assert facts(folder / "reward.json")["accuracy"] is None
    assert rows(folder / "held_out.jsonl") == []


def test_the_plan_foretells_it(preferences):
    config = check(Config, {"preferences": preferences}, "judge")
    fixed = check(Config, {"preferences": preferences, "penalty": 1.0}, "judge")
    assert STAGES["reward"].forecast(config, {}).flops > STAGES["reward"].forecast(fixed, {}).flops > 0


def fitted(features: dict, members: int = 1) -> LinearReward:
    said = [
        Comparison(Prompt(row["input_text"]), (row["candidate_0"], row["candidate_1"]), row["choice"])
        for row in polite()
    ]
    asked = Asked(check(Features, features, "f"), penalty=1.0, members=members)
    return fit_linear(asked, *of_comparisons(said)).reward


ANSWERS = [*GOOD, *BAD, "", "something quite else, please!", "Über 今天 go \u2019t"]


@pytest.mark.parametrize("members", [1, 3])
def test_scores_survive_the_folder(tmp_path, members):
    everything = {**WORDS, "characters": {"at_least": 2}, "readability": True, "overlap": True}
    everything["embedding"] = str(tiny_encoder("bert", tmp_path / "bert"))
    reward = fitted(everything, members)
    reward.save(tmp_path / "model")
    prompts = ["please, who goes there?"] * len(ANSWERS)
    before, after = reward(prompts, ANSWERS), LinearReward.load(tmp_path / "model")(prompts, ANSWERS)
    assert after == pytest.approx(before, rel=1e-12, abs=0)


def test_members_and_their_spread():
    reward = fitted(WORDS, members=4)
    assert isinstance(reward, Uncertain)
    prompts = [""] * len(ANSWERS)
    members = reward.members(prompts, ANSWERS)
    assert members.shape == (len(ANSWERS), 4)
    assert len({tuple(column) for column in members.T.tolist()}) == 4  # each saw other prompts
    assert reward(prompts, ANSWERS) == pytest.approx(members.mean(axis=1))
    assert reward.spread(prompts, ANSWERS) == pytest.approx(members.std(axis=1))


def test_ensembles_may_be_careful(tmp_path):
    fitted(WORDS, members=4).save(tmp_path / "several")
    careful = LinearReward.load(tmp_path / "several", Ensemble(combine="lower", spread_coef=2.0))
    assert isinstance(careful, LinearEnsemble)
    members = careful.members([""] * 2, ANSWERS[:2])
    assert careful([""] * 2, ANSWERS[:2]) == pytest.approx(members.mean(axis=1) - 2 * members.std(axis=1))
    fitted(WORDS).save(tmp_path / "one")
    assert not isinstance(LinearReward.load(tmp_path / "one"), Uncertain)
    with pytest.raises(UserError, match="minimum asks for the members of an ensemble"):
        LinearReward.load(tmp_path / "one", Ensemble(combine="minimum"))


def test_folders_that_are_not_whole(tmp_path):
    with pytest.raises(UserError, match=r"found no assent\.json"):
        LinearReward.load(tmp_path)
    reward = fitted(WORDS)
    reward.save(tmp_path)
    (tmp_path / "vocabulary.json").write_text('{"words": ["a", "b"]}')
    with pytest.raises(UserError, match="not whole"):
        LinearReward.load(tmp_path)
    reward.save(tmp_path)
    (tmp_path / "linear.safetensors").unlink()
    with pytest.raises(UserError, match="not whole"):
        LinearReward.load(tmp_path)
    (tmp_path / "assent.json").write_text('{"kind": "reward"}')
    with pytest.raises(UserError, match="found reward"):
        LinearReward.load(tmp_path)


@pytest.mark.shared
def test_real_preferences():
    """On every fifth prompt: well above the 57% that "the shorter one" gets. RESULTS.md has the whole."""
    if not HARMLESS.is_file():
        pytest.skip(f"{HARMLESS} is not there")
    split = split_by_prompt(comparisons(str(HARMLESS)), 0.2, 0)
    unseen = {comparison.prompt.text for comparison in split.unseen}
    train = [c for c in comparisons(str(HARMLESS)) if c.prompt.text not in unseen]
    reward = fit_linear(Asked(Features(), penalty=3.0), *of_comparisons(train)).reward
    assert accuracy_of(reward, split.unseen) >= 0.6


def test_ties_alone_are_refused(tmp_path):
    tied = written(tmp_path / "tied.jsonl", [{**row, "choice": None} for row in polite()])
    with pytest.raises(UserError, match=r"tied.jsonl: none of the \d+ judgements to learn from says"):
        linear(tmp_path / "it", preferences=tied)
