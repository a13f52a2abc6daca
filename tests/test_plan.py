import json
from io import StringIO

import pytest
from pipeline_fakes import recipe, stage, with_inputs
from plan_helpers import WHOLE, planned
from pydantic import model_validator
from rich.console import Console

from assent.config import DataFile, ModelSource, Settings
from assent.errors import UserError
from assent.pipeline.plan import plan
from assent.pipeline.plan_table import plan_table
from assent.pipeline.progress import output
from assent.pipeline.state import StageState, save_export
from assent.pipeline.status import status_table
from assent.stages import STAGES
from assent.stages.workspace import Forecast


@pytest.fixture
def folder(tmp_path):
    return with_inputs(tmp_path)


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


def test_an_unknown_step_is_named(folder):
    with pytest.raises(UserError, match=r"no stage has the name bsae; did you mean base\?"):
        planned(folder, WHOLE).step("bsae")


def test_the_table_says_what_is_left(folder, capsys):
    drawn = planned(folder, WHOLE)
    made(drawn, "base")
    output().print(plan_table(planned(folder, WHOLE), {}))
    printed = capsys.readouterr().out
    assert "3 of 4 to do" in printed
    # 3 stages of 100 calls at 2 ms; 600 MB of libraries and 1 MB; 3 kB
    for cell in ("0.6 s", "601 MB", "3.0 kB", "pending", "done", drawn.step("base").key):
        assert cell in printed


def test_the_table_fits_into_eighty_columns_and_cuts_nothing(folder):
    drawn = planned(folder, WHOLE)
    console = Console(width=80, file=StringIO())
    console.print(plan_table(drawn, {}, narrow=True))
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue()
    assert "…" not in printed
    # 4 stages of 100 calls at 2 ms; 4 kB
    for cell in ("4 of 4 to do", "feedback", "pending", "0.8 s", "601 MB", "4.0 kB"):
        assert cell in printed


def noted(folder, text):
    """What stands in the last column of the plan, by stage."""
    table = plan_table(plan(recipe(folder, text), STAGES, folder / "run"), {})
    return dict(zip(table.columns[0].cells, table.columns[-1].cells, strict=True))


def test_a_want_that_cannot_be_reached_is_noted_where_the_items_are_known(tmp_path):
    pair = {"input_text": "p", "candidate_0": "a", "candidate_1": "b"}
    (tmp_path / "pairs[a].jsonl").write_text(f"{json.dumps(pair)}\n" * 12)
    (tmp_path / "prompts.jsonl").write_text('{"input_text": "p"}\n' * 3)
    found = noted(
        tmp_path,
        """
        few: {stage: annotate, candidates: 'pairs[a].jsonl', want: 50}
        enough: {stage: annotate, candidates: 'pairs[a].jsonl', want: 12}
        write: {stage: annotate, candidates: prompts.jsonl, want: 4, project: {task: demonstration}}
        answers: {stage: sample, model: somebody/model, prompts: prompts.jsonl, per_prompt: 4}
        drawn: {stage: annotate, candidates: $answers, want: 4}
        all: {stage: annotate, candidates: $answers, want: 3}
        """,
    )
    assert found == {
        "few": r"want 50: there are only 12 to answer in pairs\[a].jsonl",  # brackets are markup to rich
        "enough": "",
        "write": "want 4: there are only 3 to answer in prompts.jsonl",
        "answers": "",
        "drawn": "want 4: there are only 3 to answer in $answers",  # a prompt's four answers are one item
        "all": "",
    }


def test_a_status_of_eighty_columns_has_its_messages_below(folder):
    key, message = "finetune-0123456789ab", "sft.jsonl:3: no answer there"
    state = StageState("finetune", key, None, (), "failed", message)
    console = Console(width=80, file=StringIO())
    console.print(status_table("mine", {"sft": state}, narrow=True))
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue()
    assert "…" not in printed
    assert key in printed
    assert f"sft: {message}" in printed
