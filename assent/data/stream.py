"""An endless, shuffled, sharded walk over rows. Its whole state is the number of the step."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Stream:
    """Which rows each step sees: a pure function of the step, so resuming needs no state.

    Every epoch is a fresh permutation of all rows; a batch may reach over the end of an epoch.
    """

    rows: int
    batch: int  # rows a step, over all ranks
    seed: int
    rank: int = 0
    ranks: int = 1

    def step(self, step: int) -> list[int]:
        """The row numbers of this rank's share of a step. Ranks' shares are disjoint."""
        start = step * self.batch
        return [self._row(position) for position in range(start + self.rank, start + self.batch, self.ranks)]

    def _row(self, position: int) -> int:
        epoch, offset = divmod(position, self.rows)
        return int(permutation(self.rows, self.seed, epoch)[offset])


@lru_cache(maxsize=4)
def permutation(rows: int, seed: int, epoch: int) -> np.ndarray:
    """The order of the rows in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(rows)


def held_out(names: list[str], share: float, seed: int) -> list[bool]:
    """For each name, whether it is held out. Equal names fall on the same side.

    At least one distinct name is held out when `share` is above 0, and at least one is not.
    """
    names = [str(name) for name in names]  # chats that end in the same words stand together
    distinct = sorted(set(names))
    if share <= 0 or len(distinct) < 2:
        return [False] * len(names)
    count = min(max(1, round(share * len(distinct))), len(distinct) - 1)
    order = np.random.default_rng([seed, 7]).permutation(len(distinct))
    chosen = {distinct[index] for index in order[:count]}
    return [name in chosen for name in names]
