"""Small stages that stand in for training, so that the pipeline's tests are about the pipeline."""

import errno
import json
import time
from pathlib import Path
from types import SimpleNamespace

import yaml

from assent.config import DataFile, ModelSource, PythonFunction, Recipe, Settings
from assent.errors import Interrupted, RewardError, Stopped, UserError, Waiting
from assent.pipeline.runner import Options, run
from assent.stages.workspace import Forecast

QUIET = Options(quiet=True)


class TrainConfig(Settings):
    data: DataFile | None = None
    model: ModelSource | None = None
    steps: int = 3
    step_seconds: float = 0.0
    learning_rate: float = 0.1
    end: str = ""
    seed: int = 0


def train(config, work):
    """Count steps; like a real loop, save each one, ask whether to stop, and go on where it was."""
    end(config.end)
    saved = work.folder / "step"
    first = int(saved.read_text()) if saved.exists() else 0
    work.log.rewind(first)
    for step in range(first, config.steps):
        if work.stop():
            raise Interrupted(f"stopped before step {step}")
        time.sleep(config.step_seconds)
        work.log(step, {"loss": config.learning_rate / (step + 1)})
        saved.write_text(str(step + 1))
        work.progress(step + 1, config.steps, "")
    saved.unlink()
    (work.folder / "model").mkdir(exist_ok=True)
    (work.folder / "model" / "weights").write_text(f"{config.seed} {config.learning_rate}")


class Fault(Exception):
    """What a fault of the program raises."""


def end(how):
    if how:
        raise {
            "wait": Waiting("212 of 500 comparisons answered"),
            "stop": Stopped("loss is NaN"),
            "mistake": UserError("a: line 3 is not JSON"),
            "reward": RewardError("length gave 3 scores for 4 answers"),
            "full": OSError(errno.ENOSPC, "No space left on device"),
            "fault": Fault("index out of range"),
        }[how]


class RowsConfig(Settings):
    model: ModelSource | None = None
    data: DataFile | None = None
    score: PythonFunction | None = None
    text: str = "row"
    parts: tuple[TrainConfig, ...] = ()
    seed: int = 0


def rows(config, work):
    work.log(0, {"rows": 1})
    (work.folder / "rows.jsonl").write_text(config.text + "\n")


class AnnotateConfig(Settings):
    candidates: DataFile
    judgements: DataFile
    want: int = 2


def annotate(config, work):
    judged = Path(config.judgements).read_text()
    answered = len(judged.splitlines())
    if answered < config.want:
        raise Waiting(f"{answered} of {config.want} comparisons answered")
    rows = [json.dumps({"input_text": line, "choice": 0}) for line in judged.splitlines()]
    (work.folder / "judgements.jsonl").write_text("".join(f"{row}\n" for row in rows))


class EvaluateConfig(Settings):
    policies: list[ModelSource]
    seed: int = 0


def forecast(config, inputs):
    steps = getattr(config, "steps", None)
    return Forecast(calls=100.0, memory_bytes=1e6, disk_bytes=1e3, steps=steps, epochs=None)


def stage(config, run, result, **more):
    return SimpleNamespace(Config=config, VERSION=1, RESULT=result, run=run, forecast=forecast, **more)


STAGES = {
    "train": stage(TrainConfig, train, "model"),
    "rows": stage(RowsConfig, rows, "rows.jsonl"),
    "annotate": stage(AnnotateConfig, annotate, "judgements.jsonl", EXPORTS=True),
}


def recipe(folder, text, name="recipe", overrides=()):
    """Write a recipe and load it."""
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return Recipe.load(path, overrides)


def run_json(out):
    """The stages of `run.json`; JSON is YAML."""
    return yaml.safe_load((out / "run.json").read_text())["stages"]


WHOLE = """
base:     {stage: train, data: corpus.txt}
answers:  {stage: rows, model: $base}
feedback: {stage: annotate, candidates: $answers, judgements: judged.jsonl}
tuned:    {stage: train, model: $base, data: $feedback}
aside:    {stage: train, learning_rate: 0.5}
"""


def with_inputs(folder):
    """The folder, with the files that WHOLE reads."""
    (folder / "corpus.txt").write_text("one\n")
    (folder / "judged.jsonl").write_text("a\nb\n")
    return folder


def ran(folder, text, options=QUIET, stages=STAGES):
    return run(recipe(folder, text), folder / "run", stages, options)


def statuses(folder):
    return {name: state["status"] for name, state in run_json(folder / "run").items()}


def counted(stages=STAGES):
    """The stages, and a list of those that ran."""
    log = []

    def counting(module):
        def counted_run(config, work):
            log.append(work.name)
            module.run(config, work)

        return SimpleNamespace(**{**vars(module), "run": counted_run})

    return {kind: counting(module) for kind, module in stages.items()}, log
