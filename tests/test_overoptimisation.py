"""When a rising reward is over-optimised: the interval and the rule by hand, and what the guard keeps."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from assent.training.convergence import Watch
from assent.training.learner import Learner, Optimiser
from assent.training.looks import Look
from assent.training.overoptimisation import Guard
from assent.training.policy_settings import Convergence, GuardRule

# Four prompts, mean 0 and deviation 1: so that a rise is told as it is.
UNIT = np.array([-1.0, 1.0, -1.0, 1.0])
NOISE = np.array([-0.01, 0.01, 0.01, -0.01])


@pytest.fixture
def plane():
    return torch.nn.Linear(2, 1, bias=False)


def look_of(done, proxy, judge, kl=0.0):
    """Scores that are, on every prompt but for a little noise, so much higher than at the start."""
    noise = NOISE * (-1) ** done * bool(done)
    return Look(done, UNIT + proxy + noise, np.array([UNIT + judge - noise]), kl)


class Looks:
    """A guard's looks, from a function of the steps done."""

    def __init__(self, look, *names):
        self.look, self.names = look, names or ("second",)

    def __call__(self, done):
        return self.look(done)


class Course:
    """A guard over a plane whose weights are the number of steps done."""

    def __init__(self, plane, folder, heights, until=None, **settings):
        self.plane, self.heights, self.told = plane, heights, []
        self.learner = Learner({"plane": plane}, 0.8, Optimiser(), None, 1)
        watch = Watch(until or Convergence(), self.learner, folder, lambda: (0.0, 0.0), by="judge")
        rule = GuardRule(every=settings.pop("every", 1), **settings)
        steps = (len(heights) - 1) * rule.every
        self.guard = Guard(rule, self.learner, Looks(self.look), steps, folder, self.told.append, watch)

    def look(self, done):
        height = self.heights[-(-done // self.guard.settings.every) if done else 0]
        return look_of(done, *height)

    def run(self, start=0):
        logged = []
        steps = (len(self.heights) - 1) * self.guard.settings.every
        for step in range(start, steps):
            torch.nn.init.constant_(self.plane.weight, self.plane.weight[0, 0].item() + 1)
            logged.append(self.guard.after(step, step + 1 == steps))
            if self.guard.converged:
                break
        return logged

    @property
    def weight(self):
        return self.plane.weight[0, 0].item()


@pytest.fixture
def course(plane, tmp_path):
    torch.nn.init.zeros_(plane.weight)
    return lambda heights, **settings: Course(plane, tmp_path, heights, **settings)


HACKED = [(0, 0), (1, 0.5), (2, 0.7), (3, 0.2), (4, -1), (5, -2)]


def test_a_judge_that_falls_while_the_reward_rises_stops_the_run(course, plane):
    hacked = course(HACKED)
    logged = hacked.run()
    assert [row["guard_alarms"] for row in logged] == [0, 0, 1]
    assert [row["guard_best_step"] for row in logged] == [1, 2, 2]
    assert logged[2]["guard_proxy"] == pytest.approx(3)
    assert logged[2]["guard_judge/second"] == pytest.approx(0.2)
    assert logged[2]["guard_since_best_judge/second"] == pytest.approx(-0.5)
    assert logged[2]["guard_since_best_high_judge/second"] < 0
    [alarm] = hacked.guard.alarms
    assert (alarm.done, alarm.best) == (3, 2)
    assert hacked.told == [str(alarm)]
    assert "seen after 3 steps: since 2 steps it rose by 1 and second fell by 0.5" in str(alarm)
    assert hacked.weight == 3.0
    assert hacked.guard.go_back()
    assert hacked.weight == 2.0
    assert hacked.guard.ending(5) == f"{alarm}\nkept the weights after 2 steps, which second likes best"


@pytest.mark.parametrize(
    ("heights", "words"),
    [
        ([(0, 0), (1, 0.5), (0.5, 0.1)], "second rose (+0.10"),  # both fall: no over-optimisation
        ([(0, 0), (1, 0.5), (2, 0.499)], "second rose (+0.50"),  # within chance
        ([(0, 0), (1, 0), (2, 0.001)], "second stayed where it was (+0.00"),
        ([(0, 0), (-1, -1), (-2, -2)], "second fell (-2.00"),  # the reward as well
        ([(0, 0), (1, 0.5), (1.01, 0.1)], "second rose (+0.10"),  # the reward has risen within chance
    ],
)
def test_no_alarm_and_the_last_weights_stay(course, heights, words):
    clean = course(heights)
    assert [row["guard_alarms"] for row in clean.run()] == [0, 0]
    assert clean.told == []
    assert not clean.guard.go_back()
    assert clean.weight == 2.0
    assert f"the guard raised no alarm: {words}" in clean.guard.ending(2)


def test_a_judge_that_never_rises_leaves_the_weights_of_the_start(course):
    hacked = course([(0, 0), (1, -1)])
    assert hacked.guard.best_step is None
    hacked.run()
    assert hacked.guard.best_step == -1
    assert hacked.guard.go_back()
    assert hacked.weight == 0.0
    assert "kept the weights it began with" in hacked.guard.ending(1)


def test_of_several_judges_the_fall_of_one_is_enough(plane, tmp_path):
    """The second has deviation 10: its scores count in units of that."""
    heights = [(0, 0, 0), (1, 1, 10), (2, 3, 0), (3, 5, -9)]
    learner = Learner({"plane": plane}, 0.1, Optimiser(), None, 1)

    def look(done):
        proxy, one, two = heights[done]
        noise = NOISE * (-1) ** done
        return Look(done, UNIT + proxy, np.array([UNIT + one + noise, 10 * UNIT + two + noise]), None)

    watch = Watch(Convergence(), learner, tmp_path, lambda: (0.0, 0.0))
    guard = Guard(
        GuardRule(every=1), learner, Looks(look, "one", "two"), 3, tmp_path, lambda words: None, watch
    )
    assert guard.after(0, last=False)["guard_best_step"] == 1
    row = guard.after(1, last=False)
    assert (row["guard_judge/one"], row["guard_judge/two"]) == pytest.approx((3, 0), abs=1e-3)
    # one rose by 2, two fell by 1: the mean is higher than ever, but two has fallen
    [alarm] = guard.alarms
    assert (alarm.best, alarm.judge, alarm.fall) == (1, "two", pytest.approx(-1, abs=1e-3))
    guard.restore(*guard.state())
    assert guard.alarms == [alarm]
    assert guard.ending(3).endswith("in deviations of the answers before training")
    guard.go_back()
    assert guard.ending(3).endswith("kept the weights after 1 steps, which one and two together like best")


def test_looks_come_every_few_steps_and_at_the_end(course):
    clean = course([(0, 0), (1, 1), (2, 2), (3, 3)], every=3)
    clean.heights = [*clean.heights, (4, 4)]
    logged = [clean.guard.after(step, step == 9) for step in range(10)]
    assert [step for step, row in enumerate(logged) if row] == [2, 5, 8, 9]


def test_a_lower_rate_goes_on_from_the_best_weights(course):
    hacked = course(HACKED, action="lower_rate", rate_factor=0.25)
    hacked.run()
    # alarms after steps 3, 4 and 5, each back to the weights of step 2
    assert [(alarm.done, alarm.best) for alarm in hacked.guard.alarms] == [(3, 2), (4, 2), (5, 2)]
    assert not hacked.guard.converged
    assert hacked.weight == 2.0
    assert hacked.learner.rate() == pytest.approx(0.8 / 64)
    assert "lowered the learning rate to 0.013 at its peak" in hacked.guard.ending(5)


def test_after_an_alarm_better_weights_are_the_result(course):
    hacked = course([(0, 0), (1, 1), (2, 0), (1.5, 2), (3, 1)], action="lower_rate")
    hacked.run()
    assert [(alarm.done, alarm.best) for alarm in hacked.guard.alarms] == [(2, 1), (4, 3)]
    assert hacked.guard.go_back()
    assert hacked.weight == 2.0  # of step 3, which began at those of step 1


def test_a_resumed_guard_goes_on_as_if_nothing_had_happened(plane, tmp_path):
    """Killed after better weights were kept than its checkpoint knows of."""
    heights = [(0, 0), (1, 1), (2, 0), (1.5, 2), (3, 1), (2, 3)]

    def begun():
        torch.nn.init.zeros_(plane.weight)
        return Course(plane, tmp_path, heights, action="lower_rate")

    whole = begun()
    logged = whole.run()
    rate = whole.learner.peak_rate
    whole.guard.go_back()
    expected = whole.weight  # the plane is one for all
    assert expected == 3.0  # of step 5: an update beyond those of step 3, which are one beyond step 1
    for done in range(1, 5):
        killed = begun()
        killed.heights = heights[: done + 1]
        killed.run()
        saved, weight = killed.guard.state(), killed.weight
        killed.heights = heights
        killed.run(start=done)
        resumed = begun()
        torch.nn.init.constant_(plane.weight, weight)
        resumed.guard.restore(*saved)
        assert resumed.run(start=done) == logged[done:]
        assert resumed.guard.alarms == whole.guard.alarms
        assert resumed.learner.peak_rate == rate == 0.2
        assert resumed.guard.go_back()
        assert resumed.weight == expected
        assert resumed.guard.ending(5) == whole.guard.ending(5)


def test_weights_too_far_from_the_reference_are_never_the_best(course):
    far = course([(0, 0, 0), (1, 1, 0.5), (2, 2, 4.0), (3, 0.5, 1.0)], until=Convergence(every=1, max_kl=1.0))
    logged = far.run()
    assert [row["guard_best_step"] for row in logged] == [1, 1, 1]
    assert [row["guard_sqrt_kl"] for row in logged] == [math.sqrt(0.5), 2.0, 1.0]


def test_without_a_reference_no_kl_is_told(course):
    free = course([(0, 0, None), (1, 1, None), (2, -1, None)])
    logged = free.run()
    assert "guard_sqrt_kl" not in logged[0]
    tensors, counters = free.guard.state()
    free.guard.restore(tensors, counters)
    assert free.guard.best.kl is None


def test_members_that_disagree_are_told(course, plane):
    seen = course([(0, 0), (1, 1)])
    looks = iter([look_of(0, 0, 0), look_of(1, 1, 1)])
    spread = iter([0.5, 0.75])
    watch, folder = seen.guard.watch, seen.guard.folder
    guard = Guard(
        GuardRule(every=1),
        seen.learner,
        Looks(lambda done: replace(next(looks), spread=next(spread))),
        1,
        folder,
        print,
        watch,
    )
    assert guard.after(0, last=True)["guard_spread"] == 1.5
    assert "the members of the reward disagree 1.5 times as much as before training" in guard.ending(1)
    guard.restore(*guard.state())
    assert guard.last.spread == 0.75
    assert "guard_spread" not in seen.run()[0]


def test_scores_that_are_all_equal_have_no_unit_of_their_own(course):
    flat = course([(0, 0), (1, 1)])
    start = Look(0, np.zeros(4), np.full((1, 4), 3.0), 0.0)
    guard = Guard(
        GuardRule(), flat.learner, Looks(lambda done: start), 5, flat.guard.folder, print, flat.guard.watch
    )
    assert guard.scales == [1.0, 1.0]


def test_training_that_ends_badly_leaves_the_best_weights(course):
    ill = course([(0, 0), (1, 1), (2, 0.999)])
    ill.run()
    assert ill.guard.best_step == 0
    assert ill.guard.go_back(ended=True)
    assert ill.weight == 1.0


def runs_with_alarms(rule, count, plane, folder):
    """How many of `count` runs alarm, in which the judge never changes but by chance."""
    random, alarms = np.random.default_rng(1), 0
    learner = Learner({"plane": plane}, 0.1, Optimiser(), None, 1)
    watch = Watch(Convergence(), learner, folder, lambda: (0.0, 0.0))
    for _ in range(count):
        prompts = random.normal(0, 1, 50)

        def look(done, prompts=prompts):
            judge = prompts + random.normal(0, 1, 50)
            return Look(done, prompts + done, judge[None], None)

        guard = Guard(rule, learner, Looks(look), 12, folder, lambda words: None, watch)
        for step in range(12):
            guard.after(step, step == 11)
            if guard.converged:
                break
        alarms += bool(guard.alarms)
    return alarms


def test_false_alarms_are_as_rare_as_asked_for(plane, tmp_path):
    """With thirteen looks; to test each at 5% against the best, chosen for its height, is far off."""
    assert runs_with_alarms(GuardRule(every=1, false_alarms=0.1), 200, plane, tmp_path) <= 0.1 * 200
    naive = GuardRule(every=1, false_alarms=0.05).model_copy(update={"false_alarms": 0.05 * 78})
    assert runs_with_alarms(naive, 200, plane, tmp_path) > 0.3 * 200
