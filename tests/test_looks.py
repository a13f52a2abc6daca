"""What a guard sees at a look, what of it is kept to be read, and how two looks are told apart."""

import numpy as np
import pytest
from scipy import stats
from stage_world import Lines

from assent.rewards.composite import Part
from assent.stages.policy_config import JudgeGuard
from assent.stages.policy_guard import Looks
from assent.stages.policy_players import HeldOut
from assent.stages.workspace import Workspace
from assent.training.looks import Alarm, paired_change, tail_of
from assent.training.policy_settings import GuardRule


@pytest.fixture
def judged(tmp_path):
    """A judge's name: the length of an answer."""
    path = tmp_path / "f.py"
    path.write_text("def length(prompts, responses):\n    return [float(len(text)) for text in responses]\n")
    return f"{path}:length"


def test_the_interval_of_a_paired_change():
    # differences 1, 2, 3: mean 2, deviation 1; the 97.5% point of Student's t for 2 is 4.303
    change = paired_change(np.array([2.0, 2.0, 8.0]), np.array([1.0, 0.0, 5.0]), 0.025)
    assert change.mean == 2.0
    assert (change.low, change.high) == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)


def test_the_interval_excludes_0_exactly_where_a_paired_t_test_rejects():
    random = np.random.default_rng(0)
    now, then = random.normal(-0.4, 1, 30), random.normal(0, 1, 30)
    p = stats.ttest_rel(now, then, alternative="less").pvalue
    assert paired_change(now, then, p * 1.001).high < 0 < paired_change(now, then, p * 0.999).high


def test_pairs_of_looks_share_the_false_alarms():
    assert tail_of(0.05, 2) == 0.05
    assert tail_of(0.06, 4) == pytest.approx(0.01)  # six pairs
    assert tail_of(0.05, 1) == 0.05  # nothing to compare
    assert tail_of(0.06, 4, judges=2) == pytest.approx(0.005)


def test_a_rate_factor_that_nothing_uses_is_refused():
    with pytest.raises(ValueError, match="rate_factor: it is for action: lower_rate"):
        GuardRule(rate_factor=0.1)


def test_an_alarm_is_told_in_words():
    words = str(Alarm(30, best=15, rise=1.234, judge="second", fall=-0.5, at_most=-0.1))
    assert words == (
        "the reward is over-optimised, seen after 30 steps: since 15 steps it rose by 1.2 and second "
        "fell by 0.5 (at least 0.1), in deviations of the answers before training"
    )


class Undecided:
    """Two members, who differ by the length of an answer: their spread is half of it."""

    def __call__(self, prompts, responses):
        return [0.0 for _ in responses]

    def members(self, prompts, responses):
        return np.array([[len(text), 0.0] for text in responses])

    def spread(self, prompts, responses):
        return [len(text) / 2 for text in responses]


def test_how_far_the_members_of_the_reward_disagree_is_kept(judged, tmp_path):
    seen = HeldOut(["a", "b"], ["four", "sixsix"], np.zeros(2), 1.0)
    work = Workspace("policy", tmp_path, Lines(), lambda *_: None, lambda: False)
    settings = JudgeGuard(judge={"function": judged})
    parts = [Part("one", -3.0, Undecided(), scale=2.0), Part("sure", 1.0, lambda asked, told: [0.0, 0.0])]
    look = Looks(settings, lambda: seen, parts, work)(7)
    assert (look.done, look.judges.tolist(), look.kl) == (7, [[4.0, 6.0]], 1.0)
    assert look.spread == 3.0 / 2.0 * 2.5  # |weight| / scale * the mean of 2 and 3
    assert Looks(settings, lambda: seen, parts[1:], work)(8).spread is None


def test_a_look_that_is_come_to_again_takes_its_old_place(judged, tmp_path):
    """A run that was killed after step 6, and goes on from a checkpoint of step 2."""
    work = Workspace("policy", tmp_path, Lines(), lambda *_: None, lambda: False)
    settings = JudgeGuard(judge={"function": judged})
    looks = Looks(settings, lambda: HeldOut(["a"], ["b"], np.zeros(1), None), [], work)
    for done in (0, 3, 6):
        looks(done)
    before = (tmp_path / "guard.jsonl").read_bytes()
    for done in (0, 3):
        looks(done)
        assert (tmp_path / "guard.jsonl").read_bytes() == before
