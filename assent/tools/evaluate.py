"""Models held against each other from the command line: a run of one stage, and what it found."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from assent.config import Recipe, check, read_yaml
from assent.errors import UserError
from assent.evaluation.numbers import finite, interval, number, percent
from assent.pipeline.files import read_json
from assent.pipeline.runner import Options, run
from assent.pipeline.sources import located, resolved
from assent.stages import STAGES
from assent.stages.reward_parts import short_name
from assent.stages.safety import AXES, Suite
from assent.tools.model_at import RUN_FILE, FoundModel, found_model

STAGE = "evaluation"
_FUNCTION = re.compile(r".+\.py:\w+|[A-Za-z_]\w*(\.\w+)*:\w+")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What to hold against what; the first model is the one that others are held against."""

    models: Sequence[str]  # as people name them
    prompts: str
    references: bool = False  # the rows of `prompts` have answers that people wrote
    rewards: Sequence[str] = ()  # models or functions
    judges: Sequence[str] = ()  # functions
    suites: Path | None = None  # YAML: `suites: [...]`, as in a recipe; its paths start at its folder
    best_of: int = 1
    sampling: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


def evaluate(wanted: Wanted, out: Path, options: Options, say: Say) -> int:
    """Run the evaluation in the run folder `out`; give the exit code.

    Stopped, it begins again when the same is asked; done, it is kept.

    Raises:
        UserError: a model, a file or a function is not there, or the wishes contradict each other.
    """
    recipe = Recipe(name=out.name, folder=Path.cwd(), stages={STAGE: stage_values(wanted, say)})
    code = run(recipe, out, STAGES, options)
    if code == 0:
        for line in results(read_json(out / "summary.json")):
            say(line)
    return code


def stage_values(wanted: Wanted, say: Say) -> dict[str, Any]:
    """The settings of the stage, as a recipe would have them. Raises as `evaluate`."""
    if wanted.best_of > 1 and not wanted.rewards:
        raise UserError("--best-of: give --reward, which tells the best of several answers")
    if wanted.best_of > 1 and wanted.sampling.get("temperature") == 0:
        raise UserError("--best-of: at --temperature 0 all answers to a prompt are one and the same")
    policies, compare = _policies(wanted, say)
    values = {
        "stage": "evaluate",
        "policies": policies,
        "compare": compare,
        "prompts": wanted.prompts,
        "rewards": [_reward(text) for text in wanted.rewards],
        "judges": [{"name": name, "function": text} for name, text in _named(wanted.judges)],
        "sampling": dict(wanted.sampling),
        "seed": wanted.seed,
    }
    if wanted.references:
        values["references"] = {}
    if wanted.suites is not None:
        values["suites"] = suites_of(wanted.suites)
    return values


def _policies(wanted: Wanted, say: Say) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """(the policies, which are held against which): a model against those before, a best-of against its own.

    The last model stands last, since the report's headline is about the last policy and the first.
    """
    found = [found_model(text, say) for text in wanted.models]
    places = [_absolute(model.source) for model in found]
    twice = [text for text, place in zip(wanted.models, places, strict=True) if places.count(place) > 1]
    if twice:
        raise UserError(f"{twice[-1]}: this model is named twice: hold others against it")
    plain = [
        {"model": place, "name": name} for place, name in zip(places, distinct_names(found), strict=True)
    ]
    pairs = [[later["name"], earlier["name"]] for earlier, later in combinations(plain, 2)]
    if wanted.best_of == 1:
        return plain, pairs
    best = [
        one | {"name": f"{one['name']}, best of {wanted.best_of}", "best_of": wanted.best_of} for one in plain
    ]
    own = [[more["name"], one["name"]] for more, one in zip(best, plain, strict=True)]
    return [plain[0], *best, *plain[1:]], [*pairs, *own]


def distinct_names(found: Sequence[FoundModel]) -> list[str]:
    """What the report calls each model: its stage, or its folder; with the run before it where that is not
    enough, and a number behind it where nothing else is.
    """
    short = [model.stage or short_name(model.source) for model in found]
    longer = [
        f"{_parent(model)}_{name}" if short.count(name) > 1 and _parent(model) else name
        for name, model in zip(short, found, strict=True)
    ]
    return [
        f"{name}_{longer[: place + 1].count(name)}" if longer.count(name) > 1 else name
        for place, name in enumerate(longer)
    ]


def suites_of(file: Path) -> list[dict[str, Any]]:
    """The sets that a YAML file names, with their files where they lie, seen from the file.

    Raises:
        UserError: naming the file and the key that is wrong.
    """
    values = read_yaml(file)
    given = values.get("suites")
    if not isinstance(given, list) or not given or len(values) > 1:
        raise UserError(f"{file}: expected one key, `suites`, with a list of sets")
    folder = file.resolve().parent
    checked = [check(Suite, one, f"{file}: suites.{place}") for place, one in enumerate(given)]
    there = [resolved(suite, lambda source: located(source, folder)) for suite in checked]
    return [suite.model_dump(mode="json", exclude_unset=True) for suite in there]


def results(summary: Mapping[str, Any]) -> Iterator[str]:
    """Who won, before each judge; each policy's score and length; and what passed, by axis."""
    for row in summary.get("comparisons") or []:
        prompts = row["wins"] + row["losses"] + row["ties"]
        share = f"{percent(row['win_rate'])} of {prompts:,} prompts"
        limits = interval(row["ci_low"], row["ci_high"])
        yield f"{row['a']} over {row['b']}, by {row['judge']}: {share} (95% {limits})"
    for name, figures in (summary.get("policies") or {}).items():
        means = [
            (key.removesuffix("_mean"), value) for key, value in figures.items() if key.endswith("_mean")
        ]
        told = [f"{key} {number(value)}" for key, value in means if finite(value) is not None]
        yield f"{name}: mean {', '.join(told)}"
    for name, axes in ((summary.get("safety") or {}).get("axes") or {}).items():
        yield f"{name}: {', '.join(f'{axis} {_passed(axes.get(axis))}' for axis in AXES)}"


def _passed(axis: Mapping[str, Any] | None) -> str:
    if axis is None:
        return "not measured"
    return f"{percent(axis['share'])} ({interval(axis['ci_low'], axis['ci_high'])})"


def _reward(text: str) -> dict[str, Any]:
    """A function where it has the form of one and no run has that name; else a model."""
    if _FUNCTION.fullmatch(text) and not Path(text.rpartition(":")[0]).is_dir():
        return {"function": text}
    if (Path(text) / RUN_FILE).is_file():
        raise UserError(f"--reward {text}: name the stage that made the reward: {text}:STAGE")
    source = found_model(text)
    own = {"name": source.stage} if source.stage else {}
    return {"model": _absolute(source.source), **own}


def _named(functions: Sequence[str]) -> list[tuple[str, str]]:
    """(name, function): the function's own name, with its file's where two have one."""
    own = [text.rpartition(":")[2] for text in functions]
    return [
        (short_name(text) if own.count(name) > 1 else name, text)
        for name, text in zip(own, functions, strict=True)
    ]


def _parent(model: FoundModel) -> str:
    if model.run is not None:
        return model.run.resolve().name
    folder = Path(model.source)
    return folder.resolve().parent.name if folder.is_dir() else str(folder.parent).replace(".", "")


def _absolute(source: str) -> str:
    return str(Path(source).absolute()) if Path(source).is_dir() else source
