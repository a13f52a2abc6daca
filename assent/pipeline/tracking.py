"""Where a stage's numbers go: `metrics.jsonl` always; TensorBoard, Weights & Biases, MLflow when asked.

This is the only file that knows a tracker. Each is imported where it is opened, so that none is needed.
"""

import importlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from assent.errors import UserError
from assent.pipeline.files import read_rows, write_text

METRICS = "metrics.jsonl"
TIMING = "timing.jsonl"


@dataclass(frozen=True)
class TrackedStage:
    """What a tracker is told of the stage whose numbers it gets."""

    run: str
    stage: str
    out: Path  # the run's folder
    settings: Mapping[str, Any]


class Sink(Protocol):
    """A tracker that is open for one stage."""

    def log(self, step: int, stats: Mapping[str, float]) -> None: ...

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """Event files below `<run>/tensorboard/<stage>`; tables become text."""

    def __init__(self, stage: TrackedStage) -> None:
        module = _imported("torch.utils.tensorboard", "tensorboard")
        self._writer = module.SummaryWriter(log_dir=str(stage.out / "tensorboard" / stage.stage))

    def log(self, step: int, stats: Mapping[str, float]) -> None:
        for name, value in stats.items():
            self._writer.add_scalar(name, value, step)

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        columns = _columns(rows)
        lines = [columns, ["---"] * len(columns), *([_cell(row.get(key)) for key in columns] for row in rows)]
        self._writer.add_text(name, "\n".join(f"| {' | '.join(line)} |" for line in lines), step)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A W&B run a stage, grouped by recipe; tables are W&B tables. Its own files lie below `<run>/wandb`."""

    def __init__(self, stage: TrackedStage) -> None:
        self._wandb = _imported("wandb", "wandb")
        self._run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", "assent"),
            group=stage.run,
            name=stage.stage,
            dir=str(stage.out),
            config=dict(stage.settings),
        )

    def log(self, step: int, stats: Mapping[str, float]) -> None:
        self._run.log(dict(stats), step=step)

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        columns = _columns(rows)
        data = [[row.get(column) for column in columns] for row in rows]
        self._run.log({name: self._wandb.Table(columns=columns, data=data)}, step=step)

    def close(self) -> None:
        self._run.finish()


class MLflow:
    """An MLflow run a stage, in `<run>/mlflow.db` unless MLFLOW_TRACKING_URI names a server."""

    def __init__(self, stage: TrackedStage) -> None:
        mlflow = _imported("mlflow", "mlflow")
        server = os.environ.get("MLFLOW_TRACKING_URI")
        address = server or f"sqlite:///{stage.out / 'mlflow.db'}"
        # Without a server, MLflow would put tables below the folder that the command happens to run in.
        tables = None if server else (stage.out / "mlflow").as_uri()
        self._client = _imported("mlflow.tracking", "mlflow").MlflowClient(tracking_uri=address)
        self._metric = mlflow.entities.Metric
        known = self._client.get_experiment_by_name(stage.run)
        experiment = known.experiment_id if known else self._client.create_experiment(stage.run, tables)
        run = self._client.create_run(experiment, run_name=stage.stage)
        self._run_id = run.info.run_id
        for name, value in stage.settings.items():
            self._client.log_param(self._run_id, name, json.dumps(value, default=str)[:500])

    def log(self, step: int, stats: Mapping[str, float]) -> None:
        now_ms = int(time.time() * 1000)
        metrics = [self._metric(name, value, now_ms, step) for name, value in stats.items()]
        self._client.log_batch(self._run_id, metrics=metrics)

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        self._client.log_dict(self._run_id, {"rows": [dict(row) for row in rows]}, f"{name}/{step}.json")

    def close(self) -> None:
        self._client.set_terminated(self._run_id)


TRACKERS: Mapping[str, Callable[[TrackedStage], Sink]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}


class Log:
    """A stage's log (`stages.workspace.Log`): every row is on its way to the disk when the call returns.

    `metrics.jsonl` is the same for every run of one seed; what differs (time, memory) is in `timing.jsonl`.
    """

    def __init__(
        self, folder: Path, seconds: Callable[[], float], rss_mb: Callable[[], float], sinks: "Sinks"
    ) -> None:
        self._metrics_path = folder / METRICS
        self._timing_path = folder / TIMING
        self._seconds = seconds
        self._rss_mb = rss_mb
        self._sinks = sinks
        for path in (self._metrics_path, self._timing_path):
            _keep_rows(path, before_step=None)
        self._open()

    def __call__(self, step: int, stats: Mapping[str, float]) -> None:
        row = {name: _number(value) for name, value in stats.items()}
        _write_row(self._metrics, {"step": step, **row})
        timing = {"step": step, "seconds": round(self._seconds(), 3), "rss_mb": round(self._rss_mb(), 1)}
        _write_row(self._timing, timing)
        self._sinks.log(step, {name: value for name, value in row.items() if value is not None})

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Show examples to the trackers; they are not part of `metrics.jsonl`."""
        if rows:
            self._sinks.table(step, name, rows)

    def rewind(self, step: int) -> None:
        """Drop the rows of `step` and later, which a resumed stage writes again."""
        self._metrics.close()
        self._timing.close()
        _keep_rows(self._metrics_path, step)
        _keep_rows(self._timing_path, step)
        self._open()

    def close(self) -> None:
        """Close the files and the trackers."""
        self._metrics.close()
        self._timing.close()
        self._sinks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        self._metrics = self._metrics_path.open("a", encoding="utf-8")
        self._timing = self._timing_path.open("a", encoding="utf-8")


class Sinks:
    """The trackers of one stage. One that fails is reported once and switched off; the training goes on."""

    def __init__(self, names: Sequence[str], stage: TrackedStage) -> None:
        self._open: dict[str, Sink] = {}
        for name in names:
            self._guarded(name, lambda name=name: self._open.update({name: TRACKERS[name](stage)}))

    def log(self, step: int, stats: Mapping[str, float]) -> None:
        for name, sink in list(self._open.items()):
            self._guarded(name, lambda sink=sink: sink.log(step, stats))

    def table(self, step: int, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        for tracker, sink in list(self._open.items()):
            self._guarded(tracker, lambda sink=sink: sink.table(step, name, rows))

    def close(self) -> None:
        for name, sink in list(self._open.items()):
            self._guarded(name, sink.close)

    def _guarded(self, name: str, action: Callable[[], object]) -> None:
        try:
            action()
        except UserError:
            raise
        # A tracker's client raises what it likes (its own errors, those of its HTTP library, of the system);
        # none of them is worth a training run.
        except Exception as error:  # noqa: BLE001
            self._open.pop(name, None)
            sys.stderr.write(f"assent: {name} failed and is switched off: {type(error).__name__}: {error}\n")


def check_trackers(names: Sequence[str]) -> None:
    """See before any training that the trackers asked for are known and installed.

    Raises:
        UserError: naming the extra that is missing.
    """
    for name in names:
        if name not in TRACKERS:
            raise UserError(f"--track {name}: expected one of {', '.join(TRACKERS)}")
        _imported(name, name)


def _imported(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UserError(f"{extra} is not installed: pip install 'assent[{extra}]'") from None


def _keep_rows(path: Path, before_step: int | None) -> None:
    """Drop a torn last line, and the rows of `before_step` and later."""
    rows = read_rows(path)
    kept = [row for row in rows if before_step is None or row["step"] < before_step]
    text = "".join(_line(row) for row in kept)
    if path.exists() and len(text.encode()) != path.stat().st_size:
        write_text(path, text)


def _write_row(handle: Any, row: Mapping[str, object]) -> None:
    handle.write(_line(row))
    handle.flush()


def _line(row: Mapping[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _number(value: float) -> float | None:
    """A plain number; null for what JSON has no number for."""
    plain = value if isinstance(value, int) else float(value)
    return plain if math.isfinite(plain) else None


def _columns(rows: Sequence[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", "<br>")
