"""Folders that `datasets` reads, as it reads sets on the hub; nothing here may reach for the network."""

import io
import json
import socket
import sys

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from assent.config import Recipe
from assent.data.files.containers import count_rows, raw_rows
from assent.data.files.hub import HubSet
from assent.errors import UserError
from assent.pipeline.plan import plan
from assent.pipeline.plan_table import plan_table
from assent.pipeline.runner import run
from assent.stages import STAGES

TRAIN = [{"prompt": f"你好 {n}", "chosen": "a", "rejected": "b", "choice": n % 2 or None} for n in range(5)]
TEST = [{"prompt": f"p {n}", "chosen": "c", "rejected": "d", "choice": 1} for n in range(2)]


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """A cache of its own, and no network: whoever tries to connect fails the test."""

    def refused(*address):
        raise AssertionError(f"reached for the network: {address}")

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.fixture
def folder(tmp_path):
    """Splits are told by the files' names."""
    place = tmp_path / "set"
    place.mkdir()
    for split, rows in {"train": TRAIN, "test": TEST}.items():
        (place / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


def rows_of(source):
    return [row for _, row in raw_rows(source)]


def test_the_form():
    assert HubSet.of("hub:org/name") == HubSet("org/name", None, "train")
    assert HubSet.of("hub:org/name@en:test") == HubSet("org/name", "en", "test")
    assert HubSet.of("hub:/a/b:train[:1000]") == HubSet("/a/b", None, "train[:1000]")
    assert str(HubSet.of("hub:name@x")) == "hub:name@x:train"
    for wrong in ("hub:", "hub::train", "hub:a@", "hub:a@b@c", "hub:a:"):
        with pytest.raises(UserError, match=r"expected hub:ORG/NAME\[@CONFIG\]\[:SPLIT\]"):
            HubSet.of(wrong)


def test_splits_and_slices(folder, capfd):
    assert rows_of(f"hub:{folder}") == TRAIN
    assert rows_of(f"hub:{folder}:test") == TEST
    assert rows_of(f"hub:{folder}:train[1:3]") == TRAIN[1:3]
    assert rows_of(f"hub:{folder}:train+test") == TRAIN + TEST
    assert [where for where, _ in raw_rows(f"hub:{folder}:test")][1] == f"hub:{folder}:test: row 2"
    assert count_rows(f"hub:{folder}:train[:3]") == 3
    assert count_rows("hub:org/name") is None
    assert capfd.readouterr() == ("", "")


def test_parquet_with_nested_columns(tmp_path):
    rows = [{"messages": [{"role": "user", "content": "嗨"}], "meta": {"a": 1, "b": None}, "score": None}]
    (tmp_path / "set").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set" / "train-00000-of-00001.parquet")
    assert rows_of(f"hub:{tmp_path}/set") == [{"messages": rows[0]["messages"], "meta": {"a": 1}}]


def test_configs_are_listed(folder):
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: en\n  data_files: train.jsonl\n"
        "- config_name: zh\n  data_files: test.jsonl\n---\n"
    )
    assert rows_of(f"hub:{folder}@zh") == TEST
    with pytest.raises(UserError, match=r"Config name is missing.*'en', 'zh'.*the config after @"):
        rows_of(f"hub:{folder}")


def test_what_is_not_there(folder, tmp_path):
    with pytest.raises(UserError, match=r'Unknown split "dev".*train.*test.*the split after the colon'):
        rows_of(f"hub:{folder}:dev")
    with pytest.raises(UserError, match=f"hub:{tmp_path}/none:train: no folder {tmp_path}/none"):
        rows_of(f"hub:{tmp_path}/none")
    (folder / "odd.jsonl").write_text('{"prompt": {"a": 1}}\n')
    (folder / "README.md").write_text("---\nconfigs:\n- config_name: all\n  data_files: '*.jsonl'\n---\n")
    with pytest.raises(UserError, match=r"cannot be loaded: DatasetGeneration\w*: .*\(.*\)\. Check the name"):
        rows_of(f"hub:{folder}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"cannot be loaded: EmptyDatasetError.*against that folder"):
        rows_of(f"hub:{tmp_path}/empty")


def test_a_set_that_is_not_in_the_cache_without_network(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"hub:org/name:train: cannot be loaded: ConnectionError.*network"):
        rows_of("hub:org/name")


def test_a_folder_that_looks_like_an_id(tmp_path, monkeypatch):
    (tmp_path / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"a folder of that name is here: write hub:\./org/name"):
        rows_of("hub:org/name")


def test_without_the_library(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"needs .*datasets.*pip install 'assent\[hub\]'"):
        rows_of(f"hub:{folder}")


def test_progress_bars_are_as_they_were(folder):
    assert not datasets.are_progress_bars_disabled()
    rows_of(f"hub:{folder}")
    assert not datasets.are_progress_bars_disabled()


# The pipeline: what a recipe names so.

RECIPE = """
sft: {{stage: finetune, model: some/model, data: '{data}'}}
report: {{stage: evaluate, policies: [$sft], prompts: '{prompts}'}}
"""


def drawn(tmp_path, data, prompts, **more):
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(data=data, prompts=prompts))
    return plan(Recipe.load(tmp_path / "recipe.yaml"), STAGES, tmp_path / "run", **more)


def rendered(planned):
    console = Console(file=io.StringIO(), width=300)
    console.print(plan_table(planned, {}))
    return console.file.getvalue()


@pytest.fixture
def prompts(tmp_path):
    (tmp_path / "held_out.csv").write_text("prompt\nnever seen\n")
    return "held_out.csv"


def test_a_plan_fetches_nothing_and_says_so(tmp_path, prompts):
    planned = drawn(tmp_path, "hub:org/name", prompts)
    assert planned.unchecked == ("hub:org/name:train",)
    assert planned.steps[0].forecast.steps == 0
    assert planned.steps[0].forecast.epochs is None
    table = rendered(planned)
    assert "not fetched yet: hub:org/name:train. `assent run` fetches first" in table
    [row] = [line for line in table.splitlines() if "finetune" in line]
    assert [cell.strip() for cell in row.strip("│ ").split("│")][4:7] == ["?", "", "?"]


def test_a_run_fetches_before_its_first_stage(tmp_path, prompts, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(data="hub:org/name", prompts=prompts))
    with pytest.raises(UserError, match="hub:org/name:train: cannot be loaded"):
        run(Recipe.load(tmp_path / "recipe.yaml"), tmp_path / "run", STAGES)
    assert not (tmp_path / "run").exists()


def test_a_set_on_the_hub_is_known_by_its_name_and_split(tmp_path, prompts):
    def key(source):
        return drawn(tmp_path, source, prompts).step("sft").key

    assert key("hub:org/name") == key("hub:org/name:train")
    assert len({key(f"hub:org/name{rest}") for rest in ("", ":test", "@en", ":train[:9]")}) == 4
    with pytest.raises(UserError, match=r"recipe: sft: data: hub:: expected hub:ORG/NAME"):
        key("hub:")


def test_a_folder_is_known_by_its_content_and_split(tmp_path, folder, prompts):
    def key(source):
        return drawn(tmp_path, source, prompts, look="nowhere").step("sft").key

    before = key("hub:./set")
    assert key(f"hub:{folder}:train") == before
    assert key("hub:./set:test") != before
    (folder / "more.jsonl").write_text('{"prompt": "one more"}\n')
    assert key("hub:./set") != before


def test_held_out_prompts_in_a_folder_are_found(tmp_path, folder):
    with pytest.raises(UserError, match=r"2 of 2 held-out prompts are trained on") as error:
        drawn(tmp_path, "hub:./set:train+test", "hub:./set:test")
    assert f"hub:{folder}:train+test (recipe: sft: data)" in str(error.value)
    planned = drawn(tmp_path, "hub:./set", "hub:./set:test")
    assert planned.unchecked == ()
    assert planned.place(planned.step("sft").settings.data) == f"hub:{folder}:train"
