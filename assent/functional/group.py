"""Advantages of answers that are compared with the other answers to the same prompt: no critic is needed.

`returns` holds one number an answer; the `group` answers to one prompt stand side by side. Each function
gives one advantage an answer, which every token of that answer takes.
"""

from jaxtyping import Float
from torch import Tensor


def grpo_advantages(
    returns: Float[Tensor, " batch"], group: int, epsilon: float = 1e-4
) -> Float[Tensor, " batch"]:
    """(R_i - mean(R)) / (std(R) + epsilon) over the group: arXiv:2402.03300, section 4.1.2.

    The paper does not say which deviation it means. This is the sample's, with group - 1 below, as in the
    code that most published runs used (TRL and verl); so two answers get +-0.707. Equal returns get 0.

    Raises:
        ValueError: the rows are no whole number of groups, or a group is a single answer.
    """
    relative = _relative(returns, group)
    centred = relative - relative.mean(dim=1, keepdim=True)
    return (centred / (centred.std(dim=1, keepdim=True) + epsilon)).flatten()


def rloo_advantages(returns: Float[Tensor, " batch"], group: int) -> Float[Tensor, " batch"]:
    """R_i - mean of the others' R, REINFORCE leave-one-out: arXiv:2402.14740.

    The baseline does not depend on answer i, so the gradient stays unbiased. Equal returns get 0.

    Raises:
        ValueError: the rows are no whole number of groups, or a group is a single answer.
    """
    relative = _relative(returns, group)
    others = (relative.sum(dim=1, keepdim=True) - relative) / (group - 1)
    return (relative - others).flatten()


def best_of_n_advantages(returns: Float[Tensor, " batch"], group: int) -> Float[Tensor, " batch"]:
    """1 for the best answer of its group, 0 for the others: RAFT, arXiv:2304.06767, algorithm 1.

    The gradient of -A log pi(answer) is then that of supervised learning on the best answers alone: a
    policy-gradient step *is* fine-tuning on what best-of-n picked. Answers that tie for the best share the 1,
    so that each prompt weighs the same. These are weights and not centred: do not standardise them.

    Raises:
        ValueError: the rows are no whole number of groups, or a group is a single answer.
    """
    relative = _relative(returns, group)
    best = (relative == relative.amax(dim=1, keepdim=True)).to(returns.dtype)
    return (best / best.sum(dim=1, keepdim=True)).flatten()


def _relative(returns: Float[Tensor, " batch"], group: int) -> Float[Tensor, "prompt group"]:
    """One row a prompt, less its first return: no advantage changes, and equal returns give exactly 0.

    Without it the rounding of the mean of 0.1, 0.1, 0.1, divided by a deviation that is rounding too, would
    be an advantage.
    """
    if group < 2:
        raise ValueError(f"a group has {group} answers: expected 2 or more, to compare them with each other")
    if len(returns) % group:
        raise ValueError(f"{len(returns)} returns are no whole number of groups of {group} answers")
    grouped = returns.view(-1, group)
    return grouped - grouped[:, :1]
