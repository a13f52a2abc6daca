import json
import math
import sys
from types import SimpleNamespace

import pytest

from assent.errors import UserError
from assent.pipeline.tracking import Log, Sinks, TrackedStage, check_trackers

ROWS = [{"prompt": "Hello?", "answer": "Hi | there\nyou", "reward": 0.5}]


def log(folder, *sinks, seconds=lambda: 1.23456):
    opened = Sinks((), tracked(folder))
    opened._open.update({f"sink {index}": sink for index, sink in enumerate(sinks)})
    return Log(folder, seconds, lambda: 100.04, opened)


def tracked(folder):
    return TrackedStage("recipe", "tuned", folder, {"steps": 3, "optimiser": {"beta": 0.9}})


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


class Recorder:
    def __init__(self):
        self.seen = []

    def log(self, step, stats):
        self.seen.append((step, dict(stats)))

    def table(self, step, name, rows):
        self.seen.append((step, name, rows))

    def close(self):
        self.seen.append("closed")


class Broken(Recorder):
    def log(self, step, stats):
        raise ConnectionError("no route to host")


def test_each_call_is_one_row_on_the_disk_at_once(tmp_path):
    opened = log(tmp_path)
    opened(0, {"loss": 2.5, "tokens": 512})
    assert lines(tmp_path / "metrics.jsonl") == [{"step": 0, "loss": 2.5, "tokens": 512}]
    assert lines(tmp_path / "timing.jsonl") == [{"step": 0, "seconds": 1.235, "rss_mb": 100.0}]
    opened.close()


def test_metrics_hold_nothing_that_differs_between_runs(tmp_path):
    for name, seconds in (("a", 1.0), ("b", 2.0)):
        (tmp_path / name).mkdir()
        with log(tmp_path / name, seconds=lambda seconds=seconds: seconds) as opened:
            opened(0, {"loss": 0.1})
    assert (tmp_path / "a/metrics.jsonl").read_bytes() == (tmp_path / "b/metrics.jsonl").read_bytes()
    assert (tmp_path / "a/timing.jsonl").read_bytes() != (tmp_path / "b/timing.jsonl").read_bytes()


def test_what_is_not_finite_is_null_and_not_sent_on(tmp_path):
    sink = Recorder()
    with log(tmp_path, sink) as opened:
        opened(0, {"loss": math.nan, "kl": math.inf, "score": 1.0})
    assert lines(tmp_path / "metrics.jsonl") == [{"step": 0, "loss": None, "kl": None, "score": 1.0}]
    assert sink.seen == [(0, {"score": 1.0}), "closed"]


def test_rewinding_drops_the_step_and_what_is_later(tmp_path):
    with log(tmp_path) as opened:
        for step in range(5):
            opened(step, {"loss": step / 2})
        opened.rewind(3)
        opened(3, {"loss": 7.0})
    assert [row["loss"] for row in lines(tmp_path / "metrics.jsonl")] == [0.0, 0.5, 1.0, 7.0]
    assert [row["step"] for row in lines(tmp_path / "timing.jsonl")] == [0, 1, 2, 3]


def test_rewinding_an_empty_log(tmp_path):
    with log(tmp_path) as opened:
        opened.rewind(0)
    assert (tmp_path / "metrics.jsonl").read_text() == ""


def test_a_torn_last_line_is_dropped(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "loss": 1.0}\n{"step": 1, "lo')
    with log(tmp_path) as opened:
        opened(1, {"loss": 0.5})
    assert lines(tmp_path / "metrics.jsonl") == [{"step": 0, "loss": 1.0}, {"step": 1, "loss": 0.5}]


def test_rows_go_on_in_the_same_file(tmp_path):
    for step in (0, 1):
        with log(tmp_path) as opened:
            opened(step, {"loss": 1.0})
    assert [row["step"] for row in lines(tmp_path / "metrics.jsonl")] == [0, 1]


def test_a_broken_sink_is_reported_once_and_the_others_go_on(tmp_path, capsys):
    good = Recorder()
    with log(tmp_path, Broken(), good) as opened:
        opened(0, {"loss": 1.0})
        opened(1, {"loss": 1.0})
    assert (
        capsys.readouterr().err
        == "assent: sink 0 failed and is switched off: ConnectionError: no route to host\n"
    )
    assert good.seen == [(0, {"loss": 1.0}), (1, {"loss": 1.0}), "closed"]
    assert len(lines(tmp_path / "metrics.jsonl")) == 2


def test_tables_go_to_the_sinks_and_not_to_the_metrics(tmp_path):
    sink = Recorder()
    with log(tmp_path, sink) as opened:
        opened.table(3, "answers", ROWS)
        opened.table(4, "answers", [])
    assert sink.seen == [(3, "answers", ROWS), "closed"]
    assert (tmp_path / "metrics.jsonl").read_text() == ""


@pytest.mark.parametrize("name", ["wandb", "mlflow", "tensorboard"])
def test_a_tracker_that_is_not_installed_names_its_extra(monkeypatch, tmp_path, name):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=rf"pip install 'assent\[{name}\]'"):
        check_trackers((name,))
    with pytest.raises(UserError, match=rf"pip install 'assent\[{name}\]'"):
        Sinks((name,), tracked(tmp_path))


def test_an_unknown_tracker_is_named():
    with pytest.raises(UserError, match="--track tensorbord: expected one of tensorboard, wandb, mlflow"):
        check_trackers(("tensorbord",))


def test_tensorboard_gets_scalars_and_tables_as_text(monkeypatch, tmp_path):
    calls = []
    writer = SimpleNamespace(
        add_scalar=lambda *values: calls.append(values),
        add_text=lambda *values: calls.append(values),
        close=lambda: calls.append("closed"),
    )
    module = SimpleNamespace(SummaryWriter=lambda log_dir: calls.append(log_dir) or writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    sinks = Sinks(("tensorboard",), tracked(tmp_path))
    sinks.log(1, {"loss": 0.5})
    sinks.table(1, "answers", ROWS)
    sinks.close()
    table = "| prompt | answer | reward |\n| --- | --- | --- |\n| Hello? | Hi \\| there<br>you | 0.5 |"
    assert calls == [
        str(tmp_path / "tensorboard" / "tuned"),
        ("loss", 0.5, 1),
        ("answers", table, 1),
        "closed",
    ]


def test_wandb_gets_numbers_and_a_table_of_answers(monkeypatch, tmp_path):
    calls = []
    run = SimpleNamespace(
        log=lambda stats, step: calls.append((step, stats)), finish=lambda: calls.append("finished")
    )
    wandb = SimpleNamespace(
        init=lambda **settings: calls.append(settings) or run, Table=lambda columns, data: (columns, data)
    )
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    sinks = Sinks(("wandb",), tracked(tmp_path))
    sinks.log(1, {"loss": 0.5})
    sinks.table(1, "answers", ROWS)
    sinks.close()
    settings, *rest = calls
    assert (settings["group"], settings["name"], settings["dir"]) == ("recipe", "tuned", str(tmp_path))
    assert settings["config"]["steps"] == 3
    assert rest == [
        (1, {"loss": 0.5}),
        (1, {"answers": (["prompt", "answer", "reward"], [["Hello?", "Hi | there\nyou", 0.5]])}),
        "finished",
    ]


def test_a_sink_that_cannot_open_does_not_keep_the_run_from_going_on(monkeypatch, tmp_path, capsys):
    def refuse(**_):
        raise ConnectionError("offline")

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=refuse))
    sinks = Sinks(("wandb",), tracked(tmp_path))
    sinks.log(1, {"loss": 0.5})
    assert capsys.readouterr().err == "assent: wandb failed and is switched off: ConnectionError: offline\n"


def test_mlflow_gets_parameters_numbers_and_tables(monkeypatch, tmp_path):
    calls = []

    class Client:
        def __init__(self, tracking_uri):
            calls.append(tracking_uri)

        def get_experiment_by_name(self, name):
            return None

        def create_experiment(self, name, artifact_location):
            calls.append(artifact_location)
            return f"experiment {name}"

        def create_run(self, experiment, run_name):
            calls.append((experiment, run_name))
            return SimpleNamespace(info=SimpleNamespace(run_id="7"))

        def log_param(self, run, name, value):
            calls.append((run, name, value))

        def log_batch(self, run, metrics):
            calls.append((run, [metric[::3] for metric in metrics]))

        def log_dict(self, run, content, file):
            calls.append((run, content, file))

        def set_terminated(self, run):
            calls.append(("ended", run))

    entities = SimpleNamespace(Metric=lambda name, value, time_ms, step: (name, value, time_ms, step))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(entities=entities))
    monkeypatch.setitem(sys.modules, "mlflow.tracking", SimpleNamespace(MlflowClient=Client))
    sinks = Sinks(("mlflow",), tracked(tmp_path))
    sinks.log(1, {"loss": 0.5})
    sinks.table(1, "answers", ROWS)
    sinks.close()
    assert calls == [
        f"sqlite:///{tmp_path}/mlflow.db",
        f"file://{tmp_path}/mlflow",
        ("experiment recipe", "tuned"),
        ("7", "steps", "3"),
        ("7", "optimiser", '{"beta": 0.9}'),
        ("7", [("loss", 1)]),
        ("7", {"rows": ROWS}, "answers/1.json"),
        ("ended", "7"),
    ]
