"""The documents are true: tables, commands, options, recipes, code and links are held against the package."""

import re
import shlex
import textwrap
from pathlib import Path

import click
import pytest

from assent.cli import main
from assent.config import Recipe, parse_yaml
from assent.errors import UserError
from assent.pipeline.outline import outline
from assent.stages import STAGES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "assent"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
ARCHITECTURE = ROOT / "docs" / "architecture.md"

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE_ROW = re.compile(r"^\| `([\w/.]+)` \|", re.MULTILINE)
WORDS_OF_SHELL = {"|", "||", "&&", ";"}


def blocks(document: Path, *languages: str) -> list[str]:
    return [text for language, text in BLOCK.findall(document.read_text("utf-8")) if language in languages]


def recipes_in(text: str) -> list[dict]:
    """The YAML of a document's blocks, or of a recipe file, that names stages."""
    return [parse_yaml(text, "yaml")] if "stage:" in text else []


def recipe_of(values: dict, name: str) -> Recipe:
    values = dict(values)
    return Recipe(name=name, folder=ROOT, seed=values.pop("seed", None), stages=values)


def commands_in(document: Path) -> list[list[str]]:
    """Every `assent ...` that a document shows, in blocks of shell and inside sentences, as words."""
    lines = [line for block in blocks(document, "sh", "bash") for line in block.splitlines()]
    lines += CODE.findall(BLOCK.sub("", document.read_text("utf-8")))
    found = []
    for line in lines:
        command = re.match(r"(?:\S*/)?assent(?= )(.*)", line.strip())
        if command:
            found.append(shlex.split(command[1], comments=True))
    return found


def file_rows() -> list[str]:
    section = ARCHITECTURE.read_text("utf-8").split("## Every file\n")[1].split("\n## ")[0]
    return FILE_ROW.findall(section)


def test_architecture_has_one_row_for_every_module():
    modules = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py" or path.read_text("utf-8").strip()
    }
    rows = file_rows()
    assert len(rows) == len(set(rows))
    assert modules - set(rows) == set()


def test_every_row_of_the_architecture_names_a_file_that_is_there():
    assert [row for row in file_rows() if not (PACKAGE / row).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_readme_names_every_room_and_no_other(name):
    rooms = set(re.findall(r"`assent/(\w+)/`", (ROOT / name).read_text("utf-8")))
    assert rooms == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def test_the_loop_in_the_architecture_is_that_of_the_code():
    code = (PACKAGE / "training" / "ppo.py").read_text("utf-8")
    shown = blocks(ARCHITECTURE, "python")
    assert shown
    assert [block for block in shown if textwrap.indent(block, " " * 4) not in code] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_options_exist(document):
    wrong = []
    for command in commands_in(document):
        name, *words = command
        if name.startswith("-"):
            known, words = main, command
        else:
            known = main.commands.get(name)
        wrong += [" ".join(command)] if known is None else unknown_options(known, words)
    assert wrong == []


def unknown_options(command: click.Command, words: list[str]) -> list[str]:
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    given = [word.split("=")[0] for word in words if word.startswith("-") and word not in WORDS_OF_SHELL]
    return [f"{command.name} {option}" for option in given if option not in options]


def test_each_command_is_in_the_quickstart():
    shown = {command[0] for command in commands_in(ROOT / "docs" / "quickstart.md")}
    assert set(main.commands) - shown == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_recipes_in_documents_check_against_the_stages(document):
    for block in blocks(document, "yaml"):
        for values in recipes_in(block):
            assert len(outline(recipe_of(values, document.stem), STAGES)) == len(set(values) - {"seed"})


@pytest.mark.parametrize("path", sorted(ROOT.glob("recipes/**/*.yaml")), ids=lambda path: path.name)
def test_recipe_files_check_against_the_stages(path):
    recipe = Recipe.load(path)
    assert len(outline(recipe, STAGES)) == len(recipe.stages)


def test_a_wrong_setting_in_a_document_would_be_found():
    values = {"base": {"stage": "pretrain", "data": "a.txt", "epoch": 1}}
    with pytest.raises(UserError, match="did you mean epochs"):
        outline(recipe_of(values, "wrong"), STAGES)


def test_the_quickstart_shows_every_kind_of_stage():
    kinds = {
        stage["stage"]
        for block in blocks(ROOT / "docs" / "quickstart.md", "yaml")
        for values in recipes_in(block)
        for stage in recipe_of(values, "quickstart").stages.values()
    }
    assert kinds == set(STAGES)


@pytest.mark.parametrize("document", ["quickstart.md", "policy.md"])
def test_defaults_in_documents_are_those_of_the_code(document):
    """Settings that a document shows only to name their default; the others are examples."""
    text = next(block for block in blocks(ROOT / "docs" / document, "yaml") if "stage:" in block)
    shown = {step.name: step.settings for step in outline(recipe_of(parse_yaml(text, "yaml"), "q"), STAGES)}
    examples = {"model", "data", "template", "prompts", "candidates", "judgements", "preferences", "rewards"}
    examples |= {"policies", "judges", "compare", "seed"}
    for name, settings in shown.items():
        for key in settings.model_fields_set - examples:
            default = type(settings).model_fields[key].get_default(call_default_factory=True)
            value = getattr(settings, key)
            assert value == (1 if key == "epochs" and default is None else default), f"{name}.{key}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_resolve(document):
    text = BLOCK.sub("", document.read_text("utf-8"))
    targets = [link.split("#")[0] for link in LINK.findall(text) if not link.startswith(("http", "#"))]
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_in_documents_exist(document):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    lines = [line for block in blocks(document, "sh", "bash") for line in block.splitlines()]
    lines += CODE.findall(BLOCK.sub("", document.read_text("utf-8")))
    named = {match[1] for line in lines if (match := re.match(r"make (\w+)", line.strip()))}
    assert named - targets == set()
