import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from pipeline_fakes import STAGES

import assent.stages
from assent import __version__
from assent.cli import main
from assent.cli.group import ORDER

RECIPE = "a: {stage: train}\nb: {stage: rows, model: $a}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(assent.stages, "STAGES", STAGES)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def typed(*words, answer=None):
    return CliRunner().invoke(main, list(words), input=answer)


def test_help_imports_nothing_heavy():
    script = (
        "import sys\nfrom assent.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'torch', 'rich', 'pydantic', 'yaml', 'numpy', 'psutil'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_python_dash_m_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "assent", "--version"], check=True, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout == f"assent, version {__version__}\n"


@pytest.mark.parametrize("command", sorted(main.commands))
def test_each_command_has_help_with_an_example(command):
    shown = typed(command, "--help")
    assert shown.exit_code == 0
    assert f"Example:\n      assent {command}" in shown.output


def test_commands_stand_in_the_order_of_use_and_are_told_whole():
    listed = typed("--help").output.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == [name for name in ORDER if name in main.commands]
    assert set(main.commands) <= set(ORDER)  # a command that ORDER lacks would not be listed
    assert not [line for line in listed if line.endswith("...")]


def test_running_twice_in_the_default_folder(folder):
    first = typed("run", "recipe.yaml", "--quiet")
    assert first.exit_code == 0, first.output
    assert "2 of 2 stages done" in first.stdout
    assert (folder / "runs" / "recipe" / "report.html").exists()
    assert typed("run", "recipe.yaml").exit_code == 0


def test_the_command_as_typed_is_in_the_record(folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["assent", "run", "recipe.yaml", "--set", "a.end=''"])
    typed("run", "recipe.yaml")
    record = json.loads((folder / "runs" / "recipe" / "run.json").read_text())
    assert record["command"] == """assent run recipe.yaml --set 'a.end='"'"''"'"''"""


def test_overrides_only_and_out(folder):
    shown = typed("run", "recipe.yaml", "--set", "a.steps=2", "--only", "a", "--out", "elsewhere")
    assert shown.exit_code == 0, shown.output
    stages = json.loads((folder / "elsewhere" / "run.json").read_text())["stages"]
    assert {name: stage["status"] for name, stage in stages.items()} == {"a": "done", "b": "pending"}


@pytest.mark.parametrize(("end", "code"), [("wait", 3), ("stop", 4), ("mistake", 2), ("full", 75)])
def test_exit_codes(folder, end, code):
    assert typed("run", "recipe.yaml", "--set", f"a.end={end}").exit_code == code


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "none.yaml"], "none.yaml: no such file"),
        (["run", "recipe.yaml", "--set", "a.stepps=2"], "unknown key stepps; did you mean steps?"),
        (["plan", "recipe.yaml", "--set", "a"], "expected key=value"),
        (["status", "nowhere"], "no run in this folder"),
        (["doctor", "nowhere"], "no run in this folder"),
        (["report", "nowhere"], "no run in this folder"),
        (["compare", "nowhere"], "no run in this folder"),
        (["clean", "nowhere"], "no run in this folder"),
        (["run", "recipe.yaml", "--track", "paper"], "'paper' is not one of"),
        (["run"], "Missing argument"),
    ],
)
def test_mistakes_end_with_a_message_and_2(folder, words, message):
    shown = typed(*words)
    assert shown.exit_code == 2
    assert message in shown.stderr
    assert "Traceback" not in shown.output


def test_ctrl_c_before_the_first_stage_ends_with_75(folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("assent.pipeline.runner.run", interrupted)
    assert typed("run", "recipe.yaml").exit_code == 75


def test_a_plan_tells_state_and_changes(folder):
    before = typed("plan", "recipe.yaml")
    assert before.exit_code == 0, before.output
    assert "2 of 2 to do" in before.output
    assert not (folder / "runs").exists()
    typed("run", "recipe.yaml")
    assert "0 of 2 to do" in typed("plan", "recipe.yaml").output
    changed = typed("plan", "recipe.yaml", "--set", "a.steps=4").output
    assert "steps: 3 -> 4" in changed
    assert "its inputs have changed" in changed
    shutil.rmtree(folder / "runs" / "recipe" / "artifacts")  # what it was made of is not known any more
    changed = typed("plan", "recipe.yaml", "--set", "a.steps=4").output
    assert "2 of 2 to do" in changed
    assert "->" not in changed


def test_status_and_verify(folder):
    typed("run", "recipe.yaml")
    shown = typed("status", "runs/recipe", "--verify")
    assert shown.exit_code == 0
    assert "every file is as it was written" in shown.output
    key = json.loads((folder / "runs/recipe/run.json").read_text())["stages"]["a"]["key"]
    (folder / "runs/recipe/artifacts" / key / "model/weights").write_text("0 0.2")  # as long as before
    assert typed("status", "runs/recipe").exit_code == 0
    damaged = typed("status", "runs/recipe", "--verify")
    assert damaged.exit_code == 2
    assert "weights: content differs from the manifest" in damaged.stderr


def test_report_and_compare(folder):
    typed("run", "recipe.yaml")
    (folder / "runs/recipe/report.html").unlink()
    assert typed("report", "runs/recipe").output == "runs/recipe/report.html\n"
    assert typed("compare", "runs/recipe", "runs/recipe", "--out", "both.html").output == "both.html\n"
    assert (folder / "both.html").exists()


def test_clean_lists_asks_and_deletes(folder):
    typed("run", "recipe.yaml")
    assert typed("clean", "runs/recipe").output == "nothing to delete\n"
    typed("run", "recipe.yaml", "--set", "a.steps=4")
    artifacts = folder / "runs/recipe/artifacts"
    refused = typed("clean", "runs/recipe", answer="n\n")
    assert "Delete" in refused.output
    assert len(list(artifacts.iterdir())) == 4
    assert typed("clean", "runs/recipe", "--yes").exit_code == 0
    assert len(list(artifacts.iterdir())) == 2


def test_demo_is_given_family_folder_seed_and_options(monkeypatch, tmp_path):
    seen = []
    demo = SimpleNamespace(
        run_demo=lambda out, seed, options, family: seen.append((str(out), seed, options.quiet, family)) or 3
    )
    monkeypatch.setitem(sys.modules, "assent.demo.recipe", demo)
    assert typed("demo", "--seed", "7", "--out", "x", "--quiet").exit_code == 3
    assert typed("demo").exit_code == typed("demo", "--family", "t5").exit_code == 3
    assert seen == [
        ("x", 7, True, "gpt2"),
        ("runs/demo", 0, False, "gpt2"),
        ("runs/demo-t5", 0, False, "t5"),
    ]
