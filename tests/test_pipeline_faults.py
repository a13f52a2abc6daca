"""Files of a run that somebody has damaged, machines that do not say what they are, faults of a stage."""

import errno
import sys

import pytest
from pipeline_fakes import STAGES, ran, run_json, stage, statuses, with_inputs

from assent.config import Settings
from assent.errors import UserError
from assent.pipeline import hashes, machine
from assent.pipeline.clean import unneeded
from assent.pipeline.files import read_json
from assent.pipeline.hashes import Hashes, content_hash
from assent.pipeline.progress import output
from assent.pipeline.state import RunState, read_exports

TRAIN = "a: {stage: train}"


@pytest.fixture
def folder(tmp_path):
    return with_inputs(tmp_path)


def test_a_folder_where_a_file_is_expected(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read: Is a directory"):
        read_json(tmp_path)


def test_exports_that_are_no_keys_by_request(tmp_path):
    (tmp_path / "exports.json").write_text("[1]")
    with pytest.raises(UserError, match=r"exports\.json: damaged: expected keys by request"):
        read_exports(tmp_path)


def test_artifacts_behind_a_link_are_not_cleaned(folder):
    ran(folder, TRAIN)
    artifacts = folder / "run" / "artifacts"
    artifacts.rename(folder / "elsewhere")
    artifacts.symlink_to(folder / "elsewhere")
    with pytest.raises(UserError, match="artifacts: is a symlink; put the files themselves there"):
        unneeded(folder / "run")


def test_a_source_that_cannot_be_read(tmp_path, monkeypatch):
    def forbidden(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    (tmp_path / "a.txt").write_text("one\n")
    monkeypatch.setattr(hashes, "sha256", forbidden)  # whoever runs the tests may be root
    with pytest.raises(UserError, match=r"\*\.txt: cannot be read: .*Permission denied"):
        Hashes(None).content(str(tmp_path / "*.txt"))


def test_a_wildcard_among_the_folders(tmp_path):
    """Names count from the folder above the first wildcard: where that one lies makes no difference."""
    for place in ("here", "there"):
        for part in ("one", "two"):
            (tmp_path / place / part).mkdir(parents=True)
            (tmp_path / place / part / "a.txt").write_text(part)
    here, there = (content_hash(str(tmp_path / place / "*" / "a.txt")) for place in ("here", "there"))
    assert here == there
    assert here != content_hash(str(tmp_path / "here" / "o*" / "a.txt"))


def test_hashes_without_a_cache_save_nothing(tmp_path):
    Hashes(None).save()
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_not_there_is_said_so(monkeypatch):
    monkeypatch.setattr(machine, "_PACKAGES", ("no-such-package",))
    assert machine.versions.__wrapped__() == {
        "python": sys.version.split()[0],
        "no-such-package": "not installed",
    }


def test_a_system_without_cpuinfo_has_a_processor_too(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "Path", lambda _: tmp_path / "none")  # as on macOS
    monkeypatch.setattr(machine.platform, "processor", lambda: "arm")
    assert machine.machine.__wrapped__().startswith("arm, ")


def test_tables_are_as_wide_as_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "71")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert output().width == 71


class Nothing(Settings):
    """No settings."""


def test_a_fault_of_the_system_in_a_stage_is_not_taken_for_a_full_disk(folder):
    def forbidden(config, work):
        raise PermissionError(errno.EACCES, "Permission denied", "secret")

    with pytest.raises(PermissionError):
        ran(folder, "a: {stage: locked}", stages={**STAGES, "locked": stage(Nothing, forbidden, "x")})
    assert statuses(folder) == {"a": "failed"}
    assert run_json(folder / "run")["a"]["message"] == "a fault in the program: see its traceback"


def test_a_state_that_cannot_be_written_is_a_fault(folder, monkeypatch):
    put = RunState.put

    def broken(self, name, state):
        if state.status == "interrupted":
            raise OSError(errno.EIO, "Input/output error")
        put(self, name, state)

    monkeypatch.setattr(RunState, "put", broken)
    with pytest.raises(OSError, match="Input/output error"):
        ran(folder, "a: {stage: train, end: full}")


def test_facts_of_a_reward_model_that_are_no_object(folder):
    def facts(config, work):
        (work.folder / "reward.json").write_text("[]")

    stages = {**STAGES, "reward": stage(Nothing, facts, "reward.json")}
    with pytest.raises(UserError, match=r"reward\.json: damaged: expected an object; delete its folder"):
        ran(folder, "a: {stage: reward}", stages=stages)
