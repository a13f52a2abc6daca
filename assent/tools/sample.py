"""Answers of one model to a file of prompts, or to one prompt: a run of one stage, and what it made."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assent.config import Recipe, check
from assent.data.files.written import replaced
from assent.errors import UserError
from assent.models.conversation import Talker
from assent.models.load import load
from assent.models.sampler import Sampling
from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.runner import Options, run
from assent.pipeline.state import last_stages
from assent.stages import STAGES
from assent.stages.sample import RESULT
from assent.tools.model_at import model_at
from assent.training import parallel
from assent.training.checkpoint import generator_of

STAGE = "answers"


@dataclass(frozen=True)
class Wanted:
    """What to draw; what is None or not named is as the stage has it."""

    model: str  # as people name it
    per_prompt: int | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    batch: int | None = None


def run_folder(out: Path) -> Path:
    """Where the run behind a file of candidates lies."""
    return out.with_name(f"{out.name}.run")


def sample_file(wanted: Wanted, prompts: str, out: Path, options: Options, say: Callable[[str], None]) -> int:
    """Draw answers to every prompt of a file, and put them at `out`; give the exit code of the run.

    The work lies in a run's folder beside `out`: stopped, it goes on when the same is asked again.

    Raises:
        UserError: nothing can be drawn from the model or for the prompts; `out` holds something else.
    """
    if out.suffix != ".jsonl":
        raise UserError(f"{out}: expected a name that ends with .jsonl; `assent convert` makes other formats")
    folder = run_folder(out)
    if out.exists() and not folder.exists():
        raise UserError(f"{out}: is there already, and not from a run in {folder}: give another --out")
    source = model_at(wanted.model, say)
    given = {"per_prompt": wanted.per_prompt, "batch": wanted.batch}
    values: dict[str, Any] = {
        "stage": "sample",
        "model": str(Path(source).absolute()) if Path(source).is_dir() else source,
        "prompts": prompts,
        "sampling": dict(wanted.sampling),
        "seed": wanted.seed,
        **{key: value for key, value in given.items() if value is not None},
    }
    recipe = Recipe(name=out.stem, folder=Path.cwd(), stages={STAGE: values})
    code = run(recipe, folder, STAGES, options)
    if code == 0:
        _put(folder, out)
        say(f"{out}: candidates for `assent annotate` and for stages that take candidates")
    return code


def sample_one(wanted: Wanted, prompt: str, say: Callable[[str], None]) -> Iterator[Iterator[str]]:
    """Answers to one prompt, one after the other, each in pieces as it is made.

    Raises:
        UserError: nothing can be drawn from the model, or the prompt is too long for it.
    """
    source = model_at(wanted.model, say)
    model, tokenizer = load(source)
    sampling = check(Sampling, wanted.sampling, "sampling")
    talker = Talker(model.to(parallel.device()), tokenizer, sampling)
    asked = talker.alone(prompt)
    for number in range(wanted.per_prompt or 1):
        yield talker.answer(asked, generator_of(wanted.seed, "sample", number))


def _put(folder: Path, out: Path) -> None:
    key = last_stages(folder)[STAGE].key
    assert key is not None  # the run ended well
    made = ArtifactStore(folder.absolute() / "artifacts").path(key) / RESULT
    with replaced(out) as temporary:
        shutil.copyfile(made, temporary)
