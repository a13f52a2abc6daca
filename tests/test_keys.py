import shutil
import sys
from types import SimpleNamespace

import pytest
from pipeline_fakes import STAGES, recipe, with_inputs
from plan_helpers import WHOLE, keys, planned

from assent.config import Recipe
from assent.pipeline.hashes import Hashes
from assent.pipeline.plan import plan


@pytest.fixture
def folder(tmp_path):
    return with_inputs(tmp_path)


def test_keys_do_not_depend_on_place_or_names(folder):
    text = "a: {stage: train, data: corpus.txt}\nb: {stage: train, model: $a}"
    before = keys(folder, text)
    shutil.copytree(folder, folder / "elsewhere")
    assert keys(folder / "elsewhere", text) == before
    assert keys(folder, text, out="another") == before
    renamed = keys(folder, "one: {stage: train, data: corpus.txt}\ntwo: {stage: train, model: $one}")
    assert sorted(renamed.values()) == sorted(before.values())


def test_keys_depend_on_settings_content_version_and_inputs(folder):
    text = "a: {stage: train, data: corpus.txt}\nb: {stage: train, model: $a}"
    before = keys(folder, text)
    seen = [before]
    seen.append(keys(folder, text.replace("corpus.txt", "corpus.txt, steps: 4")))
    newer = {**STAGES, "train": SimpleNamespace(**{**vars(STAGES["train"]), "VERSION": 2})}
    seen.append(keys(folder, text, stages=newer))
    (folder / "corpus.txt").write_text("two!\n")
    seen.append(keys(folder, text))
    for name in ("a", "b"):
        assert len({found[name] for found in seen}) == 4


def test_a_default_spelled_out_is_the_same_stage(folder):
    assert keys(folder, "a: {stage: train}") == keys(folder, "a: {stage: train, steps: 3}")


def test_a_python_file_counts_as_input(folder):
    (folder / "reward.py").write_text("def score(): return 1\n")
    text = "a: {stage: rows, score: 'reward.py:score'}"
    before = keys(folder, text)
    (folder / "reward.py").write_text("def score(): return 2 \n")
    assert keys(folder, text) != before


def test_a_modules_source_counts_and_is_not_run(folder, monkeypatch):
    package = folder / "mypackage"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "reward.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(folder))
    text = "a: {stage: rows, score: 'mypackage.reward:score'}"
    before = keys(folder, text)
    assert "mypackage" not in sys.modules
    (package / "reward.py").write_text("raise RuntimeError('again!')\n")
    assert keys(folder, text) != before


def test_a_module_without_source_is_known_by_name(folder):
    assert keys(folder, "a: {stage: rows, score: 'sys:getsizeof'}")["a"]


def test_a_model_is_a_folder_or_a_hub_id(folder):
    text = "a: {stage: train, model: gpt2}"
    hub = keys(folder, text)
    (folder / "gpt2").mkdir()
    (folder / "gpt2" / "weights").write_text("x")
    local = keys(folder, text)
    (folder / "gpt2" / "weights").write_text("yy")
    assert len({hub["a"], local["a"], keys(folder, text)["a"]}) == 3


def test_sources_in_lists_are_inputs(folder):
    drawn = planned(folder, "a: {stage: train}\nb: {stage: rows, parts: [{data: corpus.txt}, {model: $a}]}")
    assert drawn.step("b").inputs == ("a",)
    before = drawn.step("b").key
    (folder / "corpus.txt").write_text("two!\n")
    assert (
        keys(folder, "a: {stage: train}\nb: {stage: rows, parts: [{data: corpus.txt}, {model: $a}]}")["b"]
        != before
    )


def test_the_request_for_an_export_does_not_hang_on_the_judgements(folder):
    before = planned(folder, WHOLE).step("feedback").request
    (folder / "judged.jsonl").write_text("a\nb\nc\n")
    assert planned(folder, WHOLE).step("feedback").request == before


def test_the_same_hashes_see_the_same_inputs_again(folder):
    loaded = recipe(folder, "a: {stage: train, data: corpus.txt}")
    hashes = Hashes(None)
    before = plan(loaded, STAGES, folder / "run", hashes).step("a").key
    (folder / "corpus.txt").write_text("two!\n")
    assert plan(loaded, STAGES, folder / "run", hashes).step("a").key == before
    assert plan(loaded, STAGES, folder / "run").step("a").key != before


def test_overrides_make_another_stage(folder):
    first = keys(folder, WHOLE)
    path = folder / "recipe.yaml"
    changed = plan(Recipe.load(path, ("base.steps=9",)), STAGES, folder / "run")
    assert changed.step("base").key != first["base"]
