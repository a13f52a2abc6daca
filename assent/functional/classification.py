"""The maths of labels: losses a text, and how good a labelling is, with its interval."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its name everywhere

Balance = Literal["none", "root", "balanced"] | float


def several_labels_loss(
    logits: Float[Tensor, "batch label"],
    targets: Float[Tensor, "batch label"],
    weights: Float[Tensor, " label"],
) -> Float[Tensor, " batch"]:
    """-mean_l [w_l y_l log p_l + (1 - y_l) log(1 - p_l)], p = sigmoid(logits), in nats."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none", pos_weight=weights).mean(
        dim=1
    )


def one_label_loss(
    logits: Float[Tensor, "batch label"],
    targets: Float[Tensor, "batch label"],
    weights: Float[Tensor, " label"],
) -> Float[Tensor, " batch"]:
    """-w_y log softmax(logits)_y, in nats; rows of `targets` are one-hot."""
    return -(targets * weights * logits.log_softmax(dim=1)).sum(dim=1)


def label_weights(
    counts: Float[Tensor, " label"], texts: int, several: bool, balance: Balance
) -> Float[Tensor, " label"]:
    """What each label's texts count, so that rare labels are not lost.

    "balanced": with several labels a text, a label's positives weigh as much together as its negatives,
    (n - n_l) / n_l; with one, every label weighs as much, n / (L n_l). "root": its square root. "none": 1.
    A label that all texts have has no negatives to be weighed against, and counts 1.

    A number is each label's weight, for several labels a text. The highest F1, F, is found at the threshold
    F / 2 (arXiv:1402.1892); so a weight of 2 / F - 1 moves that threshold to 1/2.
    """
    if isinstance(balance, float):
        return torch.full_like(counts, balance)
    if balance == "none":
        return torch.ones_like(counts)
    negatives = (texts - counts).where(counts < texts, counts)
    whole = negatives / counts if several else texts / (len(counts) * counts)
    return whole if balance == "balanced" else whole.sqrt()


def log_probabilities(logits: Float[Tensor, "batch label"], several: bool) -> Float[Tensor, "batch label"]:
    """log p of each label, in nats, finite where p is too small for a float: of sigmoid or of softmax."""
    return F.logsigmoid(logits) if several else logits.log_softmax(dim=1)


def predicted(logits: Float[Tensor, "text label"], several: bool) -> Bool[Tensor, "text label"]:
    """The labels that each text gets: those with p > 1/2, or the likeliest one."""
    if several:
        return logits > 0
    return F.one_hot(logits.argmax(dim=1), logits.shape[1]).bool()


def per_label(
    found: Bool[Tensor, "text label"], actual: Bool[Tensor, "text label"]
) -> list[dict[str, float]]:
    """Precision, recall, F1 and support of each label; 0 / 0 is 0, as in scikit-learn."""
    hits, said, true = (x.sum(dim=0).tolist() for x in (found & actual, found, actual))
    return [
        {
            "precision": h / max(1, s),
            "recall": h / max(1, t),
            "f1": 2 * h / max(1, s + t),
            "support": t,
        }
        for h, s, t in zip(hits, said, true, strict=True)
    ]


def macro_f1(found: Bool[Tensor, "text label"], actual: Bool[Tensor, "text label"]) -> float:
    """The mean over labels of 2 TP / (2 TP + FP + FN)."""
    scores = [label["f1"] for label in per_label(found, actual)]
    return sum(scores) / len(scores)


def macro_f1_interval(
    found: Bool[Tensor, "text label"],
    actual: Bool[Tensor, "text label"],
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """The percentile bootstrap interval of the macro F1, texts drawn anew: Efron 1979."""
    texts = len(found)
    counted = torch.stack([(found & actual), found, actual]).double().numpy()  # [3, text, label]
    generator = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for resample in range(resamples):
        times = np.bincount(generator.integers(0, texts, texts), minlength=texts).astype(np.float64)
        hits, said, true = times @ counted
        drawn[resample] = (2 * hits / np.maximum(1, said + true)).mean()
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def confusion(
    found: Bool[Tensor, "text label"], actual: Bool[Tensor, "text label"]
) -> Int[Tensor, "label label"]:
    """How many texts of each label (rows) got each label (columns); one label a text."""
    return actual.long().T @ found.long()
