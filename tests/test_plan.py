import shutil
import sys
from types import SimpleNamespace

import pytest
from pipeline_fakes import STAGES, recipe, stage
from pydantic import model_validator

from assent.config import DataFile, ModelSource, Recipe, Settings
from assent.errors import UserError
from assent.pipeline import estimate
from assent.pipeline.hashes import Hashes
from assent.pipeline.plan import plan
from assent.pipeline.plan_table import plan_table
from assent.pipeline.progress import output
from assent.pipeline.state import save_export
from assent.pipeline.units import human_bytes, human_seconds
from assent.stages.workspace import Forecast

WHOLE = """
base:     {stage: train, data: corpus.txt}
tuned:    {stage: train, model: $base, data: $feedback}
answers:  {stage: rows, model: $base}
feedback: {stage: annotate, candidates: $answers, judgements: judged.jsonl}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "corpus.txt").write_text("one\n")
    (tmp_path / "judged.jsonl").write_text("a\nb\n")
    return tmp_path


def planned(folder, text, stages=STAGES, out="run"):
    return plan(recipe(folder, text), stages, folder / out)


def keys(folder, text, **more):
    return {step.name: step.key for step in planned(folder, text, **more).steps}


def made(drawn, name, result="model"):
    """Put a finished artifact where the plan expects one."""
    step = drawn.step(name)
    partial = drawn.store.partial(step.request)
    partial.mkdir(parents=True)
    (partial / result).write_text("made\n")
    return drawn.store.finish(step.request)


def test_steps_come_after_what_they_need_and_else_as_written(folder):
    drawn = planned(folder, WHOLE)
    assert [step.name for step in drawn.steps] == ["base", "answers", "feedback", "tuned"]
    assert drawn.step("tuned").inputs == ("feedback", "base")
    assert drawn.needed_for("answers") == {"base", "answers"}


def test_what_hangs_on_an_export_is_pending(folder):
    drawn = planned(folder, WHOLE)
    assert {step.name: step.state for step in drawn.steps} == {
        "base": "to do",
        "answers": "to do",
        "feedback": "to do",
        "tuned": "pending",
    }
    assert drawn.step("tuned").key is None
    assert drawn.step("feedback").key is None
    save_export(made_run(folder), drawn.step("feedback").request, "annotate-0123456789ab")
    assert planned(folder, WHOLE).step("tuned").key.startswith("train-")


def made_run(folder):
    (folder / "run").mkdir()
    return folder / "run"


def test_a_plan_writes_nothing(folder):
    before = sorted(folder.iterdir())
    planned(folder, WHOLE)
    assert sorted(path for path in folder.iterdir() if path.name != "recipe.yaml") == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {stage: trian}", "recipe: a: no stage is called 'trian'; did you mean train?"),
        ("a: {stage: train, stepps: 3}", "recipe: a: unknown key stepps; did you mean steps?"),
        ("a: {stage: train, steps: many}", "recipe: a: steps: .*found 'many'"),
        (
            "base: {stage: train}\nb: {stage: train, model: $bse}",
            r"b: model: no stage has the name \$bse; did you",
        ),
        ("a: {stage: train}\nb: {stage: rows, text: $a}", r"b: text: \$a stands where a value belongs"),
        ("a: {stage: rows, parts: [{end: $a}]}", r"a: parts.0.end: \$a stands"),
        ("a: {stage: train, model: $b}\nb: {stage: train, model: $a}", "a: needs itself: a -> b -> a"),
        ("c: {stage: train, model: $a}\na: {stage: train, model: $a}", "a: needs itself: a -> a"),
        ("a: {stage: train, data: nothing.txt}", "a: data: .*/nothing.txt: no such file"),
        ("a: {stage: train, data: 'no/*.txt'}", "a: data: .*no/.*txt: no such file"),
        ("a: {stage: train, model: ./missing}", "a: model: .*/missing: no such folder, and not a hub id"),
        ("a: {stage: rows, score: reward}", "a: score: expected `file.py:name`"),
        ("a: {stage: rows, score: 'reward.py:score'}", "a: score: .*/reward.py: no such file"),
        ("a: {stage: rows, score: 'no_such_module:score'}", "no module no_such_module is installed"),
        ("a: {stage: rows, score: 'email.no_such:score'}", "no module email.no_such is installed"),
        ("a: {stage: rows, score: $b}\nb: {stage: train}", "a: score: expected `file.py:name`"),
        (
            "a: {stage: rows}\nb: {stage: train, model: $a}",
            r"b: model: expected a model; \$a makes rows.jsonl",
        ),
        ("a: {stage: train}\nb: {stage: train, data: $a}", r"b: data: expected rows; \$a makes a model"),
    ],
)
def test_mistakes_are_named_before_anything_runs(folder, text, message):
    with pytest.raises(UserError, match=message):
        planned(folder, text)


def test_a_missing_file_is_named_even_behind_a_pending_stage(folder):
    with pytest.raises(UserError, match=r"late: data: .*/gone\.txt: no such file"):
        planned(folder, WHOLE + "\nlate: {stage: train, model: $tuned, data: gone.txt}")


def test_the_recipes_seed_is_the_seed_of_stages_without_one(folder):
    drawn = planned(folder, "seed: 7\na: {stage: train}\nb: {stage: train, seed: 1}")
    assert drawn.step("a").settings.seed == 7
    assert drawn.step("b").settings.seed == 1


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


def test_what_is_made_is_done_and_what_is_begun_is_begun(folder):
    drawn = planned(folder, WHOLE)
    made(drawn, "base")
    drawn.store.partial(drawn.step("answers").request).mkdir()
    after = planned(folder, WHOLE)
    assert after.step("base").state == "done"
    assert after.step("answers").state == "begun"


def test_inputs_are_foretold_by_the_string_the_stage_sees(folder):
    seen = []

    def forecast(config, inputs):
        seen.append((config.model, dict(inputs)))
        return Forecast(rows=5)

    class Config(Settings):
        model: ModelSource | None = None

    stages = {"one": stage(Config, None, "model")}
    stages["one"].forecast = forecast
    text = "a: {stage: one}\nb: {stage: one, model: $a}"
    drawn = planned(folder, text, stages=stages)
    assert seen[1] == ("$a", {"$a": Forecast(rows=5)})
    artifact = made(drawn, "a")
    planned(folder, text, stages=stages)
    path = str(artifact / "model")
    assert seen[3] == (path, {path: Forecast(rows=5)})
    again = planned(folder, text, stages=stages)
    assert again.stage_names(again.step("b")) == {path: "a"}


def test_resolved_settings_are_checked_as_the_recipe_gave_them(folder):
    class Either(Settings):
        data: DataFile
        steps: int | None = None
        epochs: float | None = None

        @model_validator(mode="after")
        def one(self):
            if self.model_fields_set >= {"steps", "epochs"}:
                raise ValueError("give steps or epochs, not both")
            return self

    stages = {"either": stage(Either, None, "model")}
    assert planned(folder, "a: {stage: either, data: corpus.txt, steps: 3}", stages=stages).step("a").key


def test_the_same_hashes_see_the_same_inputs_again(folder):
    loaded = recipe(folder, "a: {stage: train, data: corpus.txt}")
    hashes = Hashes(None)
    before = plan(loaded, STAGES, folder / "run", hashes).step("a").key
    (folder / "corpus.txt").write_text("two!\n")
    assert plan(loaded, STAGES, folder / "run", hashes).step("a").key == before
    assert plan(loaded, STAGES, folder / "run").step("a").key != before


def test_an_unknown_step_is_named(folder):
    with pytest.raises(UserError, match=r"no stage has the name bsae; did you mean base\?"):
        planned(folder, WHOLE).step("bsae")


def test_the_table_says_what_is_left(folder, capsys):
    drawn = planned(folder, WHOLE)
    made(drawn, "base")
    output().print(plan_table(planned(folder, WHOLE), {}))
    printed = capsys.readouterr().out
    assert "3 of 4 to do" in printed
    # 3 stages of 100 calls at 4 ms; 600 MB of libraries and 1 MB; 3 kB
    for cell in ("1.2 s", "601 MB", "3.0 kB", "pending", "done", drawn.step("base").key):
        assert cell in printed


def test_time_is_arithmetic_at_the_measured_rate_and_a_fixed_cost_a_pass(monkeypatch):
    monkeypatch.setattr(estimate, "matmul_flops_per_second", lambda: 2e9)
    told = estimate.estimate(Forecast(flops=1e9, calls=100, memory_bytes=1e6, disk_bytes=7))
    assert (told.seconds, told.memory_bytes, told.disk_bytes) == (pytest.approx(0.5 + 0.4), 601e6, 7)


def test_the_rate_is_measured_once():
    first = estimate.matmul_flops_per_second()
    assert 1e8 < first < 1e14
    assert estimate.matmul_flops_per_second() == first


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.44, "0.4 s"), (48, "48 s"), (720, "12 min"), (12600, "3.5 h"), (4 * 86400, "4.0 d")],
)
def test_seconds_as_people_say_them(seconds, said):
    assert human_seconds(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(12, "12 B"), (1500, "1.5 kB"), (601e6, "601 MB"), (1.2e9, "1.2 GB"), (3e12, "3.0 TB")],
)
def test_bytes_as_people_say_them(count, said):
    assert human_bytes(count) == said


def test_overrides_make_another_stage(folder):
    first = keys(folder, WHOLE)
    path = folder / "recipe.yaml"
    changed = plan(Recipe.load(path, ("base.steps=9",)), STAGES, folder / "run")
    assert changed.step("base").key != first["base"]
