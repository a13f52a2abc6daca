"""Means over the real tokens of a padded batch.

`total` adds a number up over all ranks, where a batch lies on several; on one rank it does nothing.
"""

from collections.abc import Callable

from jaxtyping import Bool, Float
from torch import Tensor

Total = Callable[[Tensor], Tensor]


def of_one_rank(value: Tensor) -> Tensor:
    return value


def masked_mean(
    x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"], total: Total = of_one_rank
) -> Float[Tensor, ""]:
    """The mean of `x` where `mask` is True. A mask without a True gives nan: there is no such mean."""
    return total(x.where(mask, 0.0).sum()) / total(mask.sum())


def masked_variance(
    x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"], total: Total = of_one_rank
) -> Float[Tensor, ""]:
    """The population variance of `x` where `mask` is True."""
    return masked_mean((x - masked_mean(x, mask, total)) ** 2, mask, total)


def standardise(
    x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"], centre: bool, total: Total = of_one_rank
) -> Float[Tensor, "*shape"]:
    """`x` with variance 1 over the real elements, and mean 0 if `centre`; 0 elsewhere.

    Divides by sqrt(population variance + 1e-8), as the whitening of arXiv:1909.08593's code does.
    """
    mean = masked_mean(x, mask, total)
    variance = masked_variance(x, mask, total)
    scaled = (x - mean) * (variance + 1e-8).rsqrt()
    return (scaled if centre else scaled + mean).where(mask, 0.0)
