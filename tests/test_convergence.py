"""When to stop and which weights to keep, by hand and at a stage."""

import pytest
import torch

from assent.training.convergence import Unwatched, Watch
from assent.training.learner import Learner, Optimiser
from assent.training.policy_settings import Convergence


@pytest.fixture
def plane():
    return torch.nn.Linear(2, 1, bias=False)


def watched(plane, tmp_path, told, **settings):
    learner = Learner({"plane": plane}, 0.0, Optimiser(), 4, 1)
    heights = iter(told)
    return Watch(Convergence(**settings), learner, tmp_path, lambda: next(heights))


def test_a_watch_keeps_the_best_within_bounds_and_says_when_nothing_rises(plane, tmp_path):
    told = [
        (1.0, 0.1),
        (5.0, 9.0),
        (2.0, 0.2),
        (2.0, 0.2),
        (1.5, 0.1),
    ]  # the second is far from the reference
    watch = watched(plane, tmp_path, told, every=2, patience=2, max_kl=1.0)
    logged = []
    for step in range(10):
        torch.nn.init.constant_(plane.weight, float(step))
        logged.append(watch.after(step, last=False))
        if watch.converged:
            break
    assert [bool(stats) for stats in logged] == [False, True] * 5
    assert logged[3] == {"held_out_score": 5.0, "held_out_kl": 9.0}
    assert watch.ending(12) == "kept the weights of step 5, held-out score 2: no rise in 2 evaluations"
    assert watch.go_back()
    assert plane.weight.tolist() == [[5.0, 5.0]]


def test_a_watch_that_never_stops_still_keeps_the_best(plane, tmp_path):
    watch = watched(plane, tmp_path, [(1.0, 0.0), (0.5, 0.0)], every=1)
    assert not watch.go_back()  # nothing is kept yet
    assert watch.ending(2) == ""
    for step in range(2):
        watch.after(step, last=False)
    assert not watch.converged
    assert "step 0, held-out score 1: the highest of all evaluations" in watch.ending(2)
    assert watch.ending(1) == ""  # the best weights are those of the last step
    assert not Unwatched().go_back()


def test_the_last_step_is_evaluated_whatever_the_interval(plane, tmp_path):
    watch = watched(plane, tmp_path / "not there yet", [(1.0, None)], every=10)
    assert [watch.after(step, last=step == 4) for step in range(5)] == [{}] * 4 + [{"held_out_score": 1.0}]
    assert watch.best_step == 4


@pytest.mark.parametrize("settings", [{"patience": 2}, {"max_kl": 1.0}])
def test_a_watch_without_evaluations_is_refused(settings):
    with pytest.raises(ValueError, match="patience and max_kl need evaluations: give every"):
        Convergence(**settings)
