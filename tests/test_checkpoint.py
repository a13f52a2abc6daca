import copy
import shutil

import pytest
import torch

from assent.batch import LanguageBatch, Tokens
from assent.errors import Interrupted
from assent.models.load import LoRA, adapted
from assent.training.checkpoint import Checkpoint, generator_of, seed_of
from assent.training.language import train_language
from assent.training.learner import Learner, Optimiser

STEPS = 6


class Killed(BaseException):
    """Stands for a power cut: nothing catches it."""


class Run:
    """One process's share of a training run; a new one, from the same start, goes on from the folder."""

    def __init__(self, model, folder, kill_at=None, stop_at=None, seconds=0.0):
        self.model, self.kill_at, self.stop_at = model, kill_at, stop_at
        self.learner = Learner({"policy": model}, 1e-2, Optimiser(weight_decay=0.1), STEPS, 2)
        self.lines: list[int] = []
        self.rewound: list[int] = []
        self.checkpoint = Checkpoint(folder, self.learner, self.rewound.append, self.stopping, seconds)

    def stopping(self):
        return self.stop_at is not None and self.lines[-1] == self.stop_at

    def batch(self, step):
        if step == self.kill_at:
            raise Killed
        generator = generator_of(0, step)
        ids = torch.randint(2, 250, (4, 6), generator=generator)
        mask = torch.ones(4, 5, dtype=torch.bool)
        return LanguageBatch(Tokens(ids[:, :1], mask[:, :1]), Tokens(ids[:, 1:], mask), mask)

    def __call__(self):
        train_language(
            self.model,
            self.batch,
            self.learner,
            self.checkpoint,
            STEPS,
            lambda step, stats: self.lines.append(step),
        )
        return self


@pytest.fixture(params=["all weights", "adapters with dropout"])
def start(request, gpt2):
    model = gpt2[0] if request.param == "all weights" else adapted(gpt2[0], LoRA(rank=2, dropout=0.3))
    return lambda: copy.deepcopy(model)


@pytest.fixture
def small(gpt2):
    return lambda: copy.deepcopy(gpt2[0])


def assert_same(run, other):
    (tensors, counters), (expected, expected_counters) = run.learner.state(), other.learner.state()
    assert counters == expected_counters
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("kill_at", [1, 4])
def test_a_killed_run_ends_as_if_nothing_had_happened(start, tmp_path, kill_at):
    whole = Run(start(), tmp_path / "whole")()
    with pytest.raises(Killed):
        Run(start(), tmp_path / "killed", kill_at=kill_at)()
    resumed = Run(start(), tmp_path / "killed")()
    assert resumed.lines == list(range(kill_at, STEPS))
    assert resumed.rewound == [kill_at]
    assert_same(resumed, whole)


def test_steps_since_the_last_save_are_made_again(small, tmp_path):
    whole = Run(small(), tmp_path / "whole")()
    with pytest.raises(Killed):
        Run(small(), tmp_path / "killed", kill_at=4, seconds=1e9)()
    resumed = Run(small(), tmp_path / "killed")()
    assert resumed.rewound == [0]
    assert_same(resumed, whole)


def test_a_finished_run_does_nothing(small, tmp_path):
    whole = Run(small(), tmp_path)()
    again = Run(small(), tmp_path)()
    assert again.lines == []
    assert_same(again, whole)


def test_stopping_saves_first(small, tmp_path):
    whole = Run(small(), tmp_path / "whole")()
    stopped = Run(small(), tmp_path / "stopped", stop_at=2, seconds=1e9)
    with pytest.raises(Interrupted, match="stopped after step 3 of 6; run the same command to go on"):
        stopped()
    resumed = Run(small(), tmp_path / "stopped", seconds=1e9)()
    assert resumed.lines == [3, 4, 5]
    assert_same(resumed, whole)


def test_stopping_at_the_last_step_is_being_done(small, tmp_path):
    assert Run(small(), tmp_path, stop_at=STEPS - 1)().lines == list(range(STEPS))


def test_two_checkpoints_are_kept(small, tmp_path):
    Run(small(), tmp_path)()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000005", "step-00000006"]


@pytest.mark.parametrize("damage", ["flip", "cut", "tensors gone", "manifest gone", "manifest garbled"])
def test_a_damaged_checkpoint_is_passed_by(small, tmp_path, damage):
    whole = Run(small(), tmp_path)()
    newest = tmp_path / f"step-{STEPS:08d}"
    tensors, manifest = newest / "tensors.safetensors", newest / "manifest.json"
    content = bytearray(tensors.read_bytes())
    match damage:
        case "flip":
            content[-1] ^= 1
            tensors.write_bytes(content)
        case "cut":
            tensors.write_bytes(content[:-5])
        case "tensors gone":
            tensors.unlink()
        case "manifest gone":
            manifest.unlink()
        case _:
            manifest.write_text("[]")
    resumed = Run(small(), tmp_path)
    with pytest.warns(UserWarning, match="step-00000006 is damaged .* going back further"):
        resumed()
    assert resumed.lines == [STEPS - 1]
    assert_same(resumed, whole)
    assert Run(small(), tmp_path)().lines == []  # the damaged one was written anew


def test_what_was_being_written_when_the_power_went_is_no_checkpoint(small, tmp_path):
    whole = Run(small(), tmp_path)()
    newest = tmp_path / f"step-{STEPS:08d}"
    newest.rename(newest.with_suffix(".partial"))
    (newest.with_suffix(".partial") / "manifest.json").unlink()
    assert_same(Run(small(), tmp_path)(), whole)
    shutil.rmtree(tmp_path)


def test_random_streams_are_told_apart_by_their_names():
    assert torch.equal(
        torch.rand(3, generator=generator_of(1, 2)), torch.rand(3, generator=generator_of(1, 2))
    )
    assert len({seed_of(1, 2), seed_of(12), seed_of(2, 1), seed_of(1, "2"), seed_of("reference", 1, 2)}) == 5
