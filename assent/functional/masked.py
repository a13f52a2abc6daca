"""Means over the real tokens of a padded batch."""

from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """The mean of `x` where `mask` is True. A mask without a True gives nan: there is no such mean."""
    return x.where(mask, 0.0).sum() / mask.sum()


def standardise(
    x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"], centre: bool
) -> Float[Tensor, "*shape"]:
    """`x` with variance 1 over the real elements, and mean 0 if `centre`; 0 elsewhere.

    Divides by sqrt(population variance + 1e-8), as the whitening of arXiv:1909.08593's code does.
    """
    mean = masked_mean(x, mask)
    variance = masked_mean((x - mean) ** 2, mask)
    scaled = (x - mean) * (variance + 1e-8).rsqrt()
    return (scaled if centre else scaled + mean).where(mask, 0.0)
