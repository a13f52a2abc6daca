"""Two shares of the same items: the interval and the test are those of the literature."""

import pytest

from assent.functional.paired import mean_interval, paired_difference
from assent.functional.shares import wilson_interval


def table(both, only_a, only_b, neither):
    pairs = [(True, True)] * both + [(True, False)] * only_a + [(False, True)] * only_b
    pairs += [(False, False)] * neither
    return [a for a, _ in pairs], [b for _, b in pairs]


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),  # Newcombe 1998, table of examples, method 10
        ((1, 1, 7, 12), -0.507, -0.026),  # Bentur et al. 2009, as Fagerland, Lydersen and Laake 2017 give it
    ],
)
def test_paired_intervals_are_those_of_the_literature(counts, low, high):
    found = paired_difference(*table(*counts))
    assert found.ci_low == pytest.approx(low, abs=5e-4)
    assert found.ci_high == pytest.approx(high, abs=5e-4)
    assert (found.gained, found.lost) == counts[1:3]


def test_the_exact_test_is_a_coin_thrown_for_each_discordant_item():
    # 14 discordant, 2 on the rarer side: 2 (1 + 14 + 91) / 2**14
    assert paired_difference(*table(36, 12, 2, 0)).p_value == pytest.approx(212 / 16384)
    alike = paired_difference(*table(5, 0, 0, 3))
    assert (alike.difference, alike.p_value) == (0.0, 1.0)
    assert alike.ci_low < 0 < alike.ci_high  # eight items that agree prove nothing


def test_a_mean_of_sets_counts_each_once_and_its_interval_is_narrower_than_theirs():
    one = (0.5, *wilson_interval(10, 20))
    mean, low, high = mean_interval([one, one])
    # two equal distances d add to sqrt(2 d**2) / 2
    assert (mean, low) == (0.5, pytest.approx(0.5 - (0.5 - one[1]) / 2**0.5))
    assert high == pytest.approx(0.5 + (one[2] - 0.5) / 2**0.5)
    assert mean_interval([(1.0, 0.8, 1.0), (0.0, 0.0, 0.4)])[0] == 0.5


def test_items_that_all_agree_leave_what_wilson_leaves():
    # all five right both times: no correlation, so sqrt((1 - 5 / (5 + 1.96**2))**2 + 0) = 0.4345
    found = paired_difference(*table(5, 0, 0, 0))
    assert (found.ci_low, found.ci_high) == (
        pytest.approx(-0.4345, abs=5e-5),
        pytest.approx(0.4345, abs=5e-5),
    )


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="at least one item"):
        paired_difference([], [])
    with pytest.raises(ValueError, match="at least one share"):
        mean_interval([])
