"""House rules that no linter knows."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "assent"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE_LINES = 300

LONG_FILES: dict[str, str] = {
    "assent/feedback/schema/migrations/0001_tables.py": "Django writes it",
}  # path -> the reason why it may be longer
IMPORTS_INSIDE_FUNCTIONS = {
    "cli/": "`assent --help` answers at once",
    "pipeline/tracking.py": "no tracker is needed, so each is imported where it is opened",
}


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def inside_functions(module: ast.Module) -> Iterator[ast.AST]:
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from ast.walk(function)


def test_only_the_learner_calls_backward():
    callers = {
        named(path)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"backward", "autograd"}
    }
    assert callers == {"training/learner.py"}


def test_imports_stand_at_the_top():
    inside = {
        named(path)
        for path in MODULES
        for node in inside_functions(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name for name in inside if not name.startswith(tuple(IMPORTS_INSIDE_FUNCTIONS))} == set()


def test_files_are_short():
    files = [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files}
    assert {
        name: length
        for name, length in lengths.items()
        if length >= LONGEST_FILE_LINES and name not in LONG_FILES
    } == {}


def test_loops_nest_at_most_twice():
    assert [named(path) for path in MODULES if deepest_loop(tree(path)) > 2] == []


def deepest_loop(node: ast.AST) -> int:
    below = max((deepest_loop(child) for child in ast.iter_child_nodes(node)), default=0)
    return below + isinstance(node, ast.For | ast.AsyncFor | ast.While)


@pytest.mark.parametrize("module", ["assent", "assent.cli"])
def test_importing_the_package_is_cheap(module):
    code = (
        f"import sys, {module}; print(*{{'torch', 'transformers', 'pydantic', 'numpy'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_importing_the_package_writes_nothing(tmp_path):
    subprocess.run([sys.executable, "-c", "import assent"], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_holds_all_of_the_package():
    """Hatchling takes every file below a package that git does not ignore."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"] == {"packages": ["assent"]}
    assert not {"exclude", "only-include", "only-packages"} & set(build)
    needed = ["evaluation/templates/report.html.j2", "evaluation/templates/report.js", "py.typed"]
    assert [name for name in needed if not (PACKAGE / name).is_file()] == []


def test_what_the_wheel_needs_is_not_ignored():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = [str(path) for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    command = ["git", "check-ignore", *listed]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")  # 1: it ignores none of them
