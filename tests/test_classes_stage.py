"""`kind: classes`: what it learns, reports, saves and refuses."""

import json
import random
from pathlib import Path

import pytest
import sklearn.metrics
import tiny_folders
import torch
import transformers
from stage_world import Lines, artifact, facts, learned, ran, tiny_world

from assent.config import check
from assent.data.files.jsonl import write_jsonl
from assent.errors import Interrupted, UserError
from assent.functional.classification import (
    label_weights,
    macro_f1,
    macro_f1_interval,
    one_label_loss,
    per_label,
    predicted,
    several_labels_loss,
)
from assent.models.classifier_files import load_classifier
from assent.rewards.classifier import ClassifierPart, ClassifierReward
from assent.stages import classes_reward
from assent.stages.workspace import Workspace

WORDS = {"animal": ("cat", "dog"), "colour": ("red", "blue"), "food": ("bread", "soup")}
SHAPE = {"width": 16, "depth": 1, "heads": 2, "vocabulary": 300, "context": 40, "dropout": 0.1}
SETTINGS = {"kind": "classes", "batch": 8, "micro_batch": 4, "learning_rate": 0.01, "seed": 3}


def trained(folder, stop=lambda: False, **settings):
    """Run the stage by itself; its folder, and what it logged."""
    folder.mkdir(parents=True, exist_ok=True)
    log = Lines()
    work = Workspace("topics", folder, log, lambda done, total, note: None, stop)
    classes_reward.run(check(classes_reward.Config, settings, "topics"), work)
    return folder, log


def texts(path, most, count=80, seed=0):
    """Texts that hold a word of each of their labels, between one and `most` of them; the file's path."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        labels = sorted(chance.sample(sorted(WORDS), chance.randint(1, most)))
        said = [chance.choice(WORDS[label]) for label in labels]
        rows.append({"text": f"{number} saw {' and '.join(said)}", "labels": labels})
    write_jsonl(path, rows)
    return str(path)


def held_out(folder):
    return [json.loads(line) for line in (folder / "held_out.jsonl").read_text().splitlines()]


def said_by_transformers(folder, rows, function):
    """Row by row and label by label, from the saved folder."""
    tell = transformers.pipeline("text-classification", model=str(folder / "model"))
    found = [tell(row["text"], top_k=None, function_to_apply=function) for row in rows]
    return torch.tensor(
        [[{f["label"]: f["score"] for f in one}[label] for label in sorted(WORDS)] for one in found]
    )


def hot(rows):
    return torch.tensor([[label in row["labels"] for label in sorted(WORDS)] for row in rows])


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    root = tmp_path_factory.mktemp("several")
    torch.set_num_threads(1)
    data = texts(root / "texts.jsonl", most=3)
    return trained(root / "out", **SETTINGS, model=SHAPE, data=data, held_out=0.3, steps=60)


def test_reward_json_is_what_scikit_learn_finds_in_the_saved_folder(several):
    folder, log = several
    rows, told = held_out(folder), facts(folder / "reward.json")
    share, actual = said_by_transformers(folder, rows, "sigmoid"), hot(held_out(folder)).numpy()
    found = (share > 0.5).numpy()
    assert (told["several"], told["threshold"], told["n"]) == (True, 0.5, len(rows))
    assert told["macro_f1"] == pytest.approx(
        sklearn.metrics.f1_score(actual, found, average="macro", zero_division=0)
    )
    assert told["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(actual, found))
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        actual, found, zero_division=0
    )
    for at, label in enumerate(sorted(WORDS)):
        expected = {"precision": precision[at], "recall": recall[at], "f1": f1[at], "support": support[at]}
        assert told["per_label"][label] == pytest.approx(expected)
    nats = sum(sklearn.metrics.log_loss(actual[:, at], share[:, at], labels=[0, 1]) for at in range(3))
    assert told["loss"] == pytest.approx(nats, rel=1e-3)
    assert told["confusion"] is None
    assert told["macro_f1"] > 0.8  # a word tells each label; chance is near 0.6
    assert told["macro_f1_low"] <= told["macro_f1"] <= told["macro_f1_high"]
    assert log[-1]["held_out_accuracy"] == pytest.approx(told["accuracy"])


def test_the_saved_folder_is_a_classifier_reward(several):
    folder, _ = several
    rows = held_out(folder)
    judge = ClassifierReward(
        load_classifier(str(folder / "model")),
        ClassifierPart(model=str(folder / "model"), label="food", output="probability"),
    )
    expected = said_by_transformers(folder, rows, "sigmoid")[:, 2].tolist()
    assert judge([""] * len(rows), [row["text"] for row in rows]) == pytest.approx(expected, rel=1e-3)


def test_one_label_a_text_has_a_confusion_and_softmax(tmp_path):
    data, unseen = texts(tmp_path / "a.jsonl", 1), texts(tmp_path / "b.jsonl", 1, 30, seed=9)
    folder, _ = trained(tmp_path / "out", **SETTINGS, model=SHAPE, data=data, held_out_data=unseen, steps=40)
    rows, told = held_out(folder), facts(folder / "reward.json")
    actual, share = hot(rows).long().argmax(1), said_by_transformers(folder, rows, "softmax")
    assert share.sum(1).tolist() == pytest.approx([1.0] * 30)
    assert told["confusion"] == sklearn.metrics.confusion_matrix(actual, share.argmax(1)).tolist()
    assert told["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(actual, share.argmax(1)))
    share = share.double() / share.double().sum(1, keepdim=True)  # scikit-learn wants 1 to the last digit
    assert told["loss"] == pytest.approx(sklearn.metrics.log_loss(actual, share, labels=range(3)), rel=1e-3)
    assert (told["several"], told["threshold"], told["n"]) == (False, None, 30)


@pytest.mark.parametrize("family", ["gpt2", "bart", "t5"])
def test_a_trunk_with_adapters_goes_on_from_a_kill_to_the_same_weights(family, tmp_path):
    trunk = tiny_folders.tiny_folder(family, tmp_path / "trunk")
    settings = {
        **SETTINGS,
        "model": str(trunk),
        "data": texts(tmp_path / "texts.jsonl", 2, 24),
        "lora": {"rank": 2, "dropout": 0.1},
        "balance": "root",
        "steps": 4,
    }
    whole, _ = trained(tmp_path / "whole", **settings)
    asked = iter([False, True])
    with pytest.raises(Interrupted):
        trained(tmp_path / "killed", stop=lambda: next(asked), **settings)
    assert not (tmp_path / "killed" / "model").exists()
    torch.rand(5)
    resumed, _ = trained(tmp_path / "killed", **settings)
    assert (resumed / "reward.json").read_text() == (whole / "reward.json").read_text()
    weights = "model/model.safetensors"
    assert (resumed / weights).read_bytes() == (whole / weights).read_bytes()


RECIPE = """
base: {stage: pretrain, data: corpus.txt, model: GPT2, steps: 2, batch: 4}
topics:
  {stage: reward, kind: classes, model: $base, data: topics.jsonl, names: {food: meal}, steps: 3, batch: 8}
tuned:
  stage: policy
  model: $base
  prompts: prompts.jsonl
  rewards: [{classifier: {model: $topics, label: meal}, weight: 2.0}]
  steps: 1
  batch: 4
  minibatch: 4
  normalise_on: 8
  sampling: {max_new_tokens: 8}
report: {stage: evaluate, policies: [$base, $tuned], prompts: held_out.jsonl, sampling: {max_new_tokens: 8}}
"""


def test_a_recipe_trains_a_classifier_on_its_base_and_a_policy_on_the_classifier(tmp_path):
    folder = tiny_world(tmp_path)
    texts(folder / "topics.jsonl", 2, 24)
    shape = "{family: gpt2, width: 16, depth: 1, heads: 2, context: 128, vocabulary: 400}"
    assert ran(folder, RECIPE.replace("GPT2", shape), tmp_path / "run") == 0
    saved = artifact(tmp_path / "run", "topics") / "model"
    assert json.loads((saved / "config.json").read_text())["id2label"] == {
        "0": "animal",
        "1": "colour",
        "2": "meal",
    }
    learned(artifact(tmp_path / "run", "tuned"))


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([{"text": "a", "label": "x"}] * 3, {}, "expected two labels or more, found x"),
        (
            [{"text": "a", "label": "x"}, {"text": "b", "labels": ["x", "y"]}],
            {"several": False},
            "several is false",
        ),
        (
            [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}],
            {"names": {"z": "w"}},
            "no text has the label 'z'",
        ),
        ([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}], {"lora": {"rank": 2}}, "leave lora out"),
        ([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}], {"balance": 2.2}, "found 2.2"),
        (
            [{"text": "a " * 60, "label": "x"}, {"text": "b", "label": "y"}],
            {},
            "the longest text has 61 tokens, and the model can read 40: set max_tokens to 40 or less",
        ),
    ],
)
def test_what_cannot_be_learned_is_refused(rows, settings, message, tmp_path):
    write_jsonl(tmp_path / "rows.jsonl", rows)
    chosen = {**SETTINGS, "model": SHAPE, "data": str(tmp_path / "rows.jsonl"), "held_out": 0, "steps": 1}
    with pytest.raises(UserError, match=message):
        trained(tmp_path / "out", **{**chosen, **settings})


def test_longer_texts_are_cut_and_counted_when_asked(tmp_path):
    write_jsonl(tmp_path / "rows.jsonl", [{"text": "a " * 60, "label": "x"}, {"text": "b", "label": "y"}])
    settings = {**SETTINGS, "model": SHAPE, "data": str(tmp_path / "rows.jsonl"), "held_out": 0, "steps": 1}
    folder, log = trained(tmp_path / "out", **settings, max_tokens=40)
    assert log[-1]["texts_cut"] == 1
    assert facts(folder / "reward.json")["macro_f1"] is None  # nothing was held out


def test_labels_are_renamed_and_two_may_become_one(tmp_path):
    data = texts(tmp_path / "a.jsonl", 3)
    names = {"colour": "thing", "food": "thing"}
    folder, _ = trained(tmp_path / "out", **SETTINGS, model=SHAPE, data=data, names=names, steps=1)
    assert facts(folder / "reward.json")["labels"] == ["animal", "thing"]
    before = {row["text"]: row["labels"] for row in map(json.loads, Path(data).read_text().splitlines())}
    for row in held_out(folder):
        assert sorted(row["labels"]) == sorted({names.get(label, label) for label in before[row["text"]]})


def test_a_held_out_label_must_be_learned(tmp_path):
    data = texts(tmp_path / "a.jsonl", 1)
    write_jsonl(tmp_path / "b.jsonl", [{"text": "b", "label": "weather"}])
    with pytest.raises(
        UserError, match="held-out texts have the label 'weather', and no text that is trained on"
    ):
        trained(
            tmp_path / "out",
            **SETTINGS,
            model=SHAPE,
            data=data,
            held_out_data=str(tmp_path / "b.jsonl"),
        )


def test_losses_and_weights_by_hand():
    logits, targets = torch.tensor([[0.0, 0.0], [1.0, -1.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    # -log 1/2 = .693147; -log sigmoid(1) = .313262; weights (3, 1): (3 a + b) / 2
    several = several_labels_loss(logits, targets, torch.tensor([3.0, 1.0]))
    assert several.tolist() == pytest.approx([1.386294, 0.626523], abs=1e-5)
    # softmax(1, -1)_0 = sigmoid(2): -log = .126928
    one = one_label_loss(logits, targets, torch.tensor([3.0, 1.0]))
    assert one.tolist() == pytest.approx([3 * 0.693147, 3 * 0.126928], abs=1e-5)
    counts = torch.tensor([2.0, 8.0])
    assert label_weights(counts, 10, True, "balanced").tolist() == [4.0, 0.25]
    assert label_weights(counts, 10, True, "root").tolist() == [2.0, 0.5]
    assert label_weights(counts, 10, False, "balanced").tolist() == [2.5, 0.625]
    assert label_weights(counts, 10, True, 2.2).tolist() == pytest.approx([2.2, 2.2])
    assert label_weights(counts, 10, False, "none").tolist() == [1.0, 1.0]
    always = torch.tensor([10.0, 2.0])  # a weight of (10 - 10) / 10 would not teach the first
    assert label_weights(always, 10, True, "balanced").tolist() == [1.0, 4.0]


def test_f1_by_hand_and_its_interval():
    found = torch.tensor([[1, 0], [1, 0], [0, 0], [1, 0]]).bool()
    actual = torch.tensor([[1, 0], [0, 1], [1, 0], [1, 0]]).bool()
    # label 0: TP 2, FP 1, FN 1; label 1: TP 0, FP 0, FN 1
    assert per_label(found, actual)[0] == pytest.approx(
        {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3}
    )
    assert per_label(found, actual)[1] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert macro_f1(found, actual) == pytest.approx(1 / 3)
    assert macro_f1_interval(actual, actual, seed=1)[1] == 1.0
    # one label, n texts, all found, a half of them right: F1 = 2p / (1 + p), p ~ N(.5, .5 / sqrt(n))
    n = 2000
    right = (torch.arange(n) % 2 == 0)[:, None]
    low, high = macro_f1_interval(torch.ones(n, 1).bool(), right)
    spread = 1.96 * 0.5 / n**0.5
    expected = [2 * p / (1 + p) for p in (0.5 - spread, 0.5 + spread)]
    assert [low, high] == pytest.approx(expected, abs=2e-3)
    assert predicted(torch.tensor([[0.1, -0.1], [2.0, 3.0]]), True).tolist() == [[True, False], [True, True]]
    assert predicted(torch.tensor([[0.1, -0.1], [2.0, 3.0]]), False).tolist() == [
        [True, False],
        [False, True],
    ]
