"""Agreement coefficients against the papers' worked examples, scikit-learn, and hand calculation."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from assent.functional.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha, percent_agreement

NO = None
OBSERVERS = [  # Krippendorff 2011, section C: four observers, twelve units, some missing
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NO, NO, NO],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NO, 3],
    [NO, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NO],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NO],
]
DIAGNOSES = [  # Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses
    *[(0, 0, 0, 6, 0), (0, 3, 0, 0, 3), (0, 1, 4, 0, 1), (0, 0, 0, 0, 6), (0, 3, 0, 3, 0), (2, 0, 4, 0, 0)],
    *[(0, 0, 4, 0, 2), (2, 0, 3, 1, 0), (2, 0, 0, 4, 0), (0, 0, 0, 0, 6), (1, 0, 0, 5, 0), (1, 1, 0, 4, 0)],
    *[(0, 3, 3, 0, 0), (1, 0, 0, 5, 0), (0, 2, 0, 3, 1), (0, 0, 5, 0, 1), (3, 0, 0, 1, 2), (5, 1, 0, 0, 0)],
    *[(0, 2, 0, 4, 0), (1, 0, 2, 0, 3), (0, 0, 0, 0, 6), (0, 1, 0, 5, 0), (0, 2, 0, 1, 3), (2, 0, 0, 4, 0)],
    *[(1, 0, 0, 4, 1), (0, 5, 0, 1, 0), (4, 0, 0, 0, 2), (0, 2, 0, 4, 0), (1, 0, 5, 0, 0), (0, 0, 0, 0, 6)],
]
FOURTEEN = [  # the well-known second example: 10 subjects, 14 raters, 5 categories
    *[(0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1)],
    *[(7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7)],
]


def votes(rows):
    """(unit, value) of each judgement, from observers' rows."""
    told = [(unit, value) for row in rows for unit, value in enumerate(row) if value is not None]
    units, values = zip(*told, strict=True)
    return np.array(units), np.array(values)


def counted(table):
    """The same, from a table of how many said what."""
    return tuple(
        np.array(
            [
                pair[part]
                for unit, row in enumerate(table)
                for category, count in enumerate(row)
                for pair in [(unit, category)] * count
            ]
        )
        for part in (0, 1)
    )


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_own_example(level, alpha):
    found = krippendorff_alpha(*votes(OBSERVERS), level)
    assert found.value == pytest.approx(alpha, abs=5e-4)
    assert (found.units, found.judgements) == (11, 40)  # unit 12 has one judgement, and cannot be paired


@pytest.mark.parametrize(("table", "kappa"), [(DIAGNOSES, 0.430), (FOURTEEN, 0.210)])
def test_fleiss_examples(table, kappa):
    assert fleiss_kappa(*counted(table)).value == pytest.approx(kappa, abs=5e-4)


def test_percent_agreement_of_the_second_example():
    assert percent_agreement(*counted(FOURTEEN)).value == pytest.approx(0.378, abs=5e-4)


def test_fleiss_needs_the_same_number_everywhere():
    found = fleiss_kappa(*votes(OBSERVERS))
    assert (found.value, found.why) == (None, "the items have different numbers of judgements (2 to 4)")


def test_cohen_of_a_published_table():
    # Fleiss, Cohen and Everitt 1969: 200 subjects, p_o = .70, p_e = .41, kappa = .492
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    pairs = [(a, b) for a, row in enumerate(table) for b, n in enumerate(row) for _ in range(n)]
    first, second = np.array(pairs).T
    assert cohen_kappa(first, second).value == pytest.approx(0.492, abs=5e-4)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_cohen_as_scikit_learn(weights):
    random = np.random.default_rng(3)
    first = random.integers(1, 6, 200)
    second = np.where(random.random(200) < 0.6, first, random.integers(1, 6, 200))
    expected = cohen_kappa_score(first, second, weights=None if weights == "none" else weights)
    found = cohen_kappa(first, second, weights)
    assert found.value == pytest.approx(expected)
    assert found.low < expected < found.high


def test_alpha_by_hand():
    # Units (0 0), (0 1), (1 1): o_01 = o_10 = 1, n_0 = n_1 = 3, n = 6; D_o = 2/6, D_e = 18/30; 1 - 5/9
    units, values = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 1])
    found = krippendorff_alpha(units, values, "nominal")
    assert found.value == pytest.approx(4 / 9)
    assert percent_agreement(units, values).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_what_leaves_it_undefined(level):
    once = krippendorff_alpha(np.arange(4), np.array([0, 1, 0, 1]), level)
    assert (once.value, once.units, once.why) == (None, 0, "nothing was judged twice")
    same = krippendorff_alpha(np.array([0, 0, 1, 1]), np.ones(4), level)
    assert (same.value, same.units) == (None, 2)
    assert "all judgements are the same" in same.why


def test_the_interval_covers_what_it_should():
    """Two annotators who agree by design: 95% intervals hold the truth about 95 times in 100."""
    random = np.random.default_rng(7)
    held = 0
    for _ in range(100):
        first = random.integers(0, 2, 200)
        second = np.where(random.random(200) < 0.8, first, 1 - first)  # kappa = .6 as categories are even
        found = krippendorff_alpha(np.tile(np.arange(200), 2), np.concatenate([first, second]), "nominal")
        held += found.low <= 0.6 <= found.high
    assert 88 <= held <= 100


def test_units_of_one_item_are_drawn_together():
    """Six copies of each unit in one item carry no more evidence than one of them."""
    random = np.random.default_rng(5)
    first = random.integers(0, 2, 60)
    second = np.where(random.random(60) < 0.7, first, 1 - first)
    units, values = np.tile(np.arange(60), 2), np.concatenate([first, second])
    alone = krippendorff_alpha(units, values, "nominal")
    copies = np.concatenate([units + 1000 * copy for copy in range(6)])
    together = krippendorff_alpha(copies, np.tile(values, 6), "nominal", np.tile(units, 6))
    apart = krippendorff_alpha(copies, np.tile(values, 6), "nominal")
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert apart.high - apart.low < 0.6 * (alone.high - alone.low)


def test_words_can_be_values():
    found = krippendorff_alpha(np.array([0, 0, 1, 1]), np.array(["a", "a", "b", "b"]), "nominal")
    assert found.value == pytest.approx(1.0)


def test_a_value_far_from_zero_changes_nothing():
    units, values = votes(OBSERVERS)
    assert krippendorff_alpha(units, values + 1e6, "interval").value == pytest.approx(0.849, abs=5e-4)


def test_one_item_has_a_value_and_no_interval():
    # two judgements that differ: D_o = 1, and so is D_e, since there is one of each value
    found = krippendorff_alpha(np.array([0, 0]), np.array([1, 2]), "nominal")
    assert (found.value, found.low, found.high, found.units) == (0.0, None, None, 1)
