"""Which judgements each step of a reward model learns from."""

from assent.data.judged import Groups, draws_of
from assent.data.stream import Stream


def test_rows_of_one_group_are_a_stream():
    groups, stream = Groups((2,) * 7, 3, seed=5), Stream(7, 3, seed=5)
    assert [groups.step(step) for step in range(9)] == [stream.step(step) for step in range(9)]


def test_rows_of_several_groups_are_each_seen_once_an_epoch_and_never_mixed():
    kinds = (2, 3, 2, 2, 4, 3, 2, 2, 2)
    groups = Groups(kinds, 4, seed=1)
    assert groups.steps_an_epoch == 4  # six of 2 make two batches, two of 3 one, one of 4 one
    steps = [groups.step(step) for step in range(8)]
    for epoch in (steps[:4], steps[4:]):
        assert sorted(row for rows in epoch for row in rows) == list(range(9))
    assert all(len({kinds[row] for row in rows}) == 1 for rows in steps)
    assert steps[:4] != steps[4:]
    assert [Groups(kinds, 4, seed=1).step(step) for step in reversed(range(8))] == steps[::-1]


def test_ranks_share_a_groups_batch_and_none_goes_without():
    kinds = (2, 3, 2, 2, 2, 2)
    whole = [Groups(kinds, 4, 0).step(step) for step in range(6)]
    for step, rows in enumerate(whole):
        shares = [Groups(kinds, 4, 0, rank, 2).step(step) for rank in (0, 1)]
        assert all(shares)
        assert set(shares[0]) | set(shares[1]) == set(rows)
        assert len(rows) == 1 or not set(shares[0]) & set(shares[1])


def test_bootstraps_are_as_large_as_the_whole_and_differ():
    draws = draws_of(50, 3, seed=0)
    assert draws.sum(axis=0).tolist() == [50, 50, 50]
    assert len({tuple(column) for column in draws.T.tolist()}) == 3
    assert (draws == draws_of(50, 3, seed=0)).all()
    assert 0.2 < (draws == 0).mean() < 0.5  # 1/e is left out by each
