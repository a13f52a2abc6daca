"""Log-probabilities of tokens, without ever holding all of [tokens x vocab]."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from assent.functional.policy_gradient import kl_full

Head = Callable[[Tensor], Tensor]  # states [..., width] -> logits [..., vocab]

CHUNK_ELEMENTS = 2**25  # of logits at a time: 128 MiB in float32, and as much again while its softmax lives


def token_logprobs(
    states: Float[Tensor, "batch response width"],
    ids: Int[Tensor, "batch response"],
    head: Head,
    vocabulary: int,
    temperature: float = 1.0,
) -> tuple[Float[Tensor, "batch response"], Float[Tensor, "batch response"]]:
    """(log p(token), entropy of the whole distribution), both per token, in nats.

    The distribution is softmax(logits / temperature), in float32. When the logits would exceed
    `CHUNK_ELEMENTS`, they are made a chunk of tokens at a time, and made again for the gradient: the price
    is one more product with the head, the gain is a peak that no longer grows with tokens x vocab.
    """
    tokens = max(1, CHUNK_ELEMENTS // vocabulary)

    def pieces(states: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        return _logprobs(head(states), ids, temperature)

    if ids.numel() <= tokens:
        return pieces(states, ids)
    results = [
        checkpoint(pieces, *chunk, use_reentrant=False)
        for chunk in zip(states.flatten(0, 1).split(tokens), ids.flatten().split(tokens), strict=True)
    ]
    logprobs, entropy = (torch.cat(column).view_as(ids) for column in zip(*results, strict=True))
    return logprobs, entropy


@torch.no_grad()
def token_kl(
    states: Float[Tensor, "batch response width"],
    ref_states: Float[Tensor, "batch response ref_width"],
    heads: tuple[Head, Head],
    vocabulary: int,
    temperature: float = 1.0,
) -> Float[Tensor, "batch response"]:
    """KL(pi || pi_ref) of the next token at each state: the exact sum over the vocabulary, in nats."""
    tokens = max(1, CHUNK_ELEMENTS // vocabulary)
    head, ref_head = heads
    pieces = [
        kl_full(head(mine) / temperature, ref_head(theirs) / temperature)
        for mine, theirs in zip(
            states.flatten(0, 1).split(tokens), ref_states.flatten(0, 1).split(tokens), strict=True
        )
    ]
    return torch.cat(pieces).view(states.shape[:-1])


def _logprobs(logits: Tensor, ids: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    logp = torch.log_softmax(logits.float() / temperature, dim=-1)
    return logp.gather(-1, ids[..., None]).squeeze(-1), -(logp.exp() * logp).sum(-1)
