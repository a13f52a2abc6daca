"""The card of a model that goes out is true: its figures, its data, its recipe, and its code, which runs."""

import hashlib
import json
import re

import pytest
import transformers
import yaml
from export_helpers import exported, whole_run
from stage_world import artifact
from tiny_encoders import tiny_encoder
from tiny_folders import tiny_folder
from tiny_models import tiny

from assent.models.load import save

# peft asks transformers by the old name
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*deprecated:FutureWarning")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return whole_run(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def front(text):
    _, matter, _ = text.split("---\n", 2)
    return yaml.safe_load(matter)


def tables(text):
    """Every row of every table, by its first cells, as {heading: cell}."""
    found, heads = [], []
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = cells
        elif not set(line) <= set("|- "):
            found.append(dict(zip(heads, cells, strict=True)))
    return found


def code(text):
    return re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


def near(shown, value):
    """Three significant digits of a value, or the dash for none."""
    if value is None:
        return shown == "–"
    return float(shown.replace("−", "-").replace(",", "")) == pytest.approx(value, rel=0.006, abs=1e-9)


def test_the_front_matter_is_what_is_known(out, tmp_path):
    exported(f"{out}:tuned", "m", "--license", "mit", "--name", "me/summaries")
    text = (tmp_path / "m" / "README.md").read_text()
    assert front(text) == {
        "license": "mit",
        "library_name": "transformers",
        "tags": ["assent", "rlhf", "ppo"],
    }
    assert "# me/summaries" in text
    assert "'me/summaries'" in code(text)


def test_the_figures_are_those_of_the_files(out, tmp_path):
    exported(f"{out}:tuned", "m")
    text = (tmp_path / "m" / "README.md").read_text()
    evaluation = json.loads((artifact(out, "report") / "evaluation.json").read_text())
    rows = tables(text)
    shown = {row[""]: row for row in rows if "score_mean" in row}
    assert set(shown) == set(evaluation["policies"])
    for policy, numbers in evaluation["policies"].items():
        assert all(near(shown[policy][name], value) for name, value in numbers.items()), policy
    against = [row for row in rows if "win rate" in row]
    expected = [one for one in evaluation["comparisons"] if "tuned" in (one["a"], one["b"])]
    assert len(against) == len(expected)
    for row, one in zip(against, expected, strict=True):
        assert row[""] == f"{one['a']}` beats `{one['b']}"
        assert row["wins / ties / losses"] == f"{one['wins']} / {one['ties']} / {one['losses']}"
        low, high = (float(end) for end in row["95% interval"].rstrip("%").split("–"))
        assert [low, high] == pytest.approx([100 * one["ci_low"], 100 * one["ci_high"]], abs=0.51)
    reward = json.loads((artifact(out, "judge") / "reward.json").read_text())
    assert f"agrees with held-out judgements {100 * reward['accuracy']:.0f}%" in text
    losses = (artifact(out, "sft") / "metrics.jsonl").read_text().splitlines()
    held_out = [row["held_out_loss"] for row in map(json.loads, losses) if "held_out_loss" in row]
    [line] = [line for line in text.splitlines() if line.startswith("- `sft`: loss")]
    assert near(line.split("data ")[1].split()[0], held_out[-1])


def test_the_data_is_told_with_its_hash_unless_it_has_changed(out, tmp_path):
    exported(f"{out}:sft", "m")
    world = out.parents[1]
    rows = {
        (row["stage"], row["data"]): row
        for row in tables((tmp_path / "m" / "README.md").read_text())
        if "data" in row
    }
    path = world / "demonstrations.jsonl"
    told = rows["sft", "demonstrations.jsonl"]
    assert told["SHA-256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["rows"] == str(len(path.read_text().splitlines()))
    before = path.read_text()
    path.write_text(before + before.splitlines()[0] + "\n")
    try:
        exported(f"{out}:sft", "changed")
    finally:
        path.write_text(before)
    text = (tmp_path / "changed" / "README.md").read_text()
    rows = {(row["stage"], row["data"]): row for row in tables(text) if "data" in row}
    assert rows["sft", "demonstrations.jsonl"]["SHA-256"] == ""
    assert rows["base", "corpus.txt"]["SHA-256"] != ""
    assert "is no longer there as the stage read it" in text


def test_the_recipe_is_there_as_it_was_run(out, tmp_path):
    exported(artifact(out, "tuned"), "m")  # an artifact's folder knows its run
    text = (tmp_path / "m" / "README.md").read_text()
    shown = re.search(r"````yaml\n(.*?)````", text, re.DOTALL)[1]
    assert yaml.safe_load(shown) == yaml.safe_load((out / "recipe.yaml").read_text())


def test_a_bare_folder_has_a_shorter_card(tmp_path, bpe):
    save(*tiny("gpt2", bpe), tmp_path / "bare", kind="policy")
    exported("bare", "m")
    text = (tmp_path / "m" / "README.md").read_text()
    assert "Nothing is known here of its data" in text
    assert "## How it was made" not in text
    assert "## Figures" not in text


@pytest.mark.parametrize("stage", ["tuned", "adapted", "judge"])
def test_the_code_on_the_card_runs(out, tmp_path, capsys, stage):
    exported(f"{out}:{stage}", "m")
    exec(code((tmp_path / "m" / "README.md").read_text()), {})
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("family", ["t5", "llama", "opt"])
def test_the_code_on_the_card_runs_for_other_families(tmp_path, capsys, family):
    tiny_folder(family, tmp_path / "theirs")  # with nothing of ours: no template at all
    exported("theirs", "m")
    exec(code((tmp_path / "m" / "README.md").read_text()), {})
    assert capsys.readouterr().out.strip()


def test_the_code_on_the_card_of_a_classifier_runs(tmp_path, capsys):
    folder = tiny_encoder("bert", tmp_path / "theirs")
    transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3).save_pretrained(
        folder
    )
    (folder / "assent.json").write_text('{"kind": "classes"}')
    exported("theirs", "m")
    exec(code((tmp_path / "m" / "README.md").read_text()), {})
    assert "LABEL_2" in capsys.readouterr().out
