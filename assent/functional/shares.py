"""How sure a share is. Without scipy, whose import takes half a second: the annotation app starts at once."""

from math import sqrt

Z_95 = 1.959963984540054  # the 97.5% point of the normal distribution


def wilson_interval(successes: float, trials: float, z: float = Z_95) -> tuple[float, float]:
    """The score interval of a share: Wilson 1927, JASA 22. (0, 1) without trials: nothing is known."""
    if trials <= 0:
        return 0.0, 1.0
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)
