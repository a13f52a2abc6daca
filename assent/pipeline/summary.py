"""A run folder read back: the record behind its report, `summary.json`, and the report itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assent import config
from assent.errors import UserError
from assent.evaluation.report import RunRecord, StageRecord, render, render_comparison
from assent.evaluation.verdict import judge_of
from assent.pipeline import judgements
from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.files import read_json, read_rows, write_json, write_text
from assent.pipeline.stage_folder import STAGE, said
from assent.pipeline.state import StageState, read_run
from assent.pipeline.tracking import METRICS

_NOT_ALWAYS = ("references", "safety", "judges")  # parts of an evaluation that not every one has
_REWARD_NUMBERS = ("accuracy", "ci_low", "ci_high", "ece", "n")


def collect(out: Path) -> RunRecord:
    """Everything that the report of a run shows, from its folder alone.

    Raises:
        UserError: when there is no run in the folder, or one of its files is damaged.
    """
    out = out.absolute()
    head, stages = read_run(out)
    store = ArtifactStore(out / "artifacts")
    written = _written_settings(out)
    rewards = _rewards(stages, store)
    evaluation = _last(stages, store, "evaluate", "evaluation.json")
    feedback = _feedback(stages, store)
    return RunRecord(
        name=head.name,
        command=head.command,
        seed=head.seed,
        versions=head.versions,
        machine=head.machine,
        created=head.created,
        stages=[_stage(name, state, store, written.get(name, {})) for name, state in stages.items()],
        summary=_summary(stages, evaluation, judge_of(rewards), feedback),
        answers=_answers(stages, store, "answers.jsonl"),
        rewards=rewards,
        checked=_answers(stages, store, "safety.jsonl"),
        feedback=feedback,
    )


def write_reports(out: Path) -> Path:
    """Make `summary.json` and `report.html` of a run folder, at any time; give the report's path.

    Raises:
        UserError: when there is no run in the folder.
    """
    record = collect(out)
    write_json(out / "summary.json", record.summary)
    report = out / "report.html"
    write_text(report, render(record))
    return report


def write_comparison(runs: list[Path], page: Path) -> Path:
    """Put several runs on one page; give its path.

    Raises:
        UserError: when one of the folders holds no run, or the page cannot be written.
    """
    text = render_comparison([collect(run) for run in runs])
    try:
        write_text(page, text)
    except OSError as error:
        raise UserError(f"{page}: cannot be written: {error.strerror}") from None
    return page


def stage_folder(store: ArtifactStore, state: StageState) -> Path | None:
    """Where a stage's files lie: its artifact, the work that is not finished, or nowhere yet."""
    if state.key is not None and store.finished(state.key):
        return store.path(state.key)
    if state.request is not None and store.partial(state.request).is_dir():
        return store.partial(state.request)
    return None


def _stage(name: str, state: StageState, store: ArtifactStore, written: dict[str, Any]) -> StageRecord:
    folder = stage_folder(store, state)
    described: dict[str, Any] = (folder and read_json(folder / STAGE)) or {}
    return StageRecord(
        name=name,
        kind=state.kind,
        key=state.key,
        status=state.status,
        seconds=state.seconds,
        peak_rss_mb=state.peak_rss_mb,
        settings=described.get("settings", written),
        inputs=list(state.inputs),
        metrics=read_rows(folder / METRICS) if folder else [],
        message=state.message or (said(folder) if folder and state.status == "done" else ""),
    )


def _summary(
    stages: Mapping[str, StageState],
    evaluation: dict[str, Any] | None,
    reward: Mapping[str, Any] | None,
    feedback: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    held = {name: evaluation[name] for name in _NOT_ALWAYS if name in evaluation} if evaluation else {}
    return {
        "policies": (evaluation or {}).get("policies", {}),
        "comparisons": (evaluation or {}).get("comparisons", []),
        **held,
        "reward_model": {name: reward.get(name) for name in _REWARD_NUMBERS} if reward else None,
        "feedback": feedback,
        "seconds": {name: state.seconds for name, state in stages.items()},
        "peak_rss_mb": max((state.peak_rss_mb for state in stages.values()), default=0.0),
    }


def _last(
    stages: Mapping[str, StageState], store: ArtifactStore, kind: str, file: str
) -> dict[str, Any] | None:
    """A JSON file of the last stage of a kind that is done; None when there is none."""
    folder = _last_folder(stages, store, kind)
    return _object(folder / file) if folder else None


def _rewards(stages: Mapping[str, StageState], store: ArtifactStore) -> dict[str, dict[str, Any]]:
    """What each finished `reward` stage wrote of its quality, by the stage's name; not every kind does."""
    found = {
        name: _object(folder / "reward.json") for name, folder in _folders(stages, store, "reward").items()
    }
    return {name: facts for name, facts in found.items() if facts is not None}


def _feedback(stages: Mapping[str, StageState], store: ArtifactStore) -> dict[str, dict[str, Any]]:
    """The judgements that each finished `annotate` stage froze, counted, by the stage's name."""
    return {
        name: judgements.counted(folder / judgements.FILE)
        for name, folder in _folders(stages, store, "annotate").items()
    }


def _object(path: Path) -> dict[str, Any] | None:
    found = read_json(path)
    if found is not None and not isinstance(found, dict):
        raise UserError(f"{path}: damaged: expected an object; delete its folder and run again")
    return found


def _answers(stages: Mapping[str, StageState], store: ArtifactStore, file: str) -> list[dict[str, Any]]:
    folder = _last_folder(stages, store, "evaluate")
    return read_rows(folder / file) if folder else []


def _last_folder(stages: Mapping[str, StageState], store: ArtifactStore, kind: str) -> Path | None:
    return next(reversed(_folders(stages, store, kind).values()), None)


def _folders(stages: Mapping[str, StageState], store: ArtifactStore, kind: str) -> dict[str, Path]:
    """Where the results of the stages of a kind lie that are done, by their names, in the recipe's order."""
    return {
        name: store.path(state.key)
        for name, state in stages.items()
        if state.kind == kind and state.status == "done" and state.key and store.finished(state.key)
    }


def _written_settings(out: Path) -> dict[str, dict[str, Any]]:
    """The settings of each stage as the recipe gives them, for stages that have not begun."""
    path = out / "recipe.yaml"
    values = config.read_yaml(path) if path.exists() else {}
    return {
        name: {key: value for key, value in stage.items() if key != "stage"}
        for name, stage in values.items()
        if isinstance(stage, dict)
    }
