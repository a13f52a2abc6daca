"""What `reward.json` says of a text classifier, from texts that it never saw."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assent.functional.classification import (
    confusion,
    log_probabilities,
    macro_f1,
    macro_f1_interval,
    per_label,
    predicted,
)
from assent.functional.preference import expected_calibration_error
from assent.functional.shares import wilson_interval

THRESHOLD = 0.5  # a text has a label whose probability is above it; only where it may have several


def classes_report(
    logits: Float[Tensor, "text label"],
    actual: Bool[Tensor, "text label"],
    labels: Sequence[str],
    several: bool,
    counts: Float[Tensor, " label"],
) -> dict[str, Any]:
    """The content of `reward.json`. With nothing held out every number is null.

    `accuracy` is the share of texts that got exactly their labels. The calibration is that of the likeliest
    label or, with several labels a text, of every yes or no.

    Args:
        counts: texts of each label that were trained on.
    """
    facts: dict[str, Any] = {
        "kind": "classes",
        "n": len(actual),
        "labels": list(labels),
        "several": several,
        "threshold": THRESHOLD if several else None,
    }
    if not len(actual):
        numbers = (
            "accuracy",
            "ci_low",
            "ci_high",
            "ece",
            "loss",
            "macro_f1",
            "macro_f1_low",
            "macro_f1_high",
        )
        return (
            facts
            | dict.fromkeys((*numbers, "confusion"))
            | {"reliability": [], "per_label": {}, "baselines": {}}
        )
    found = predicted(logits, several)
    right = (found == actual).all(dim=1)
    accuracy_low, accuracy_high = wilson_interval(right.sum().item(), len(right))
    low, high = macro_f1_interval(found, actual)
    error, curve = _calibration(logits, found, actual, several)
    return facts | {
        "accuracy": right.float().mean().item(),
        "ci_low": accuracy_low,
        "ci_high": accuracy_high,
        "macro_f1": macro_f1(found, actual),
        "macro_f1_low": low,
        "macro_f1_high": high,
        "per_label": dict(zip(labels, per_label(found, actual), strict=True)),
        "confusion": None if several else confusion(found, actual).tolist(),
        "loss": _loss(logits, actual, several),
        "ece": error,
        "reliability": curve,
        "baselines": _baselines(actual, labels, counts),
    }


def _calibration(
    logits: Float[Tensor, "text label"],
    found: Bool[Tensor, "text label"],
    actual: Bool[Tensor, "text label"],
    several: bool,
) -> tuple[float, list[dict[str, float]]]:
    sure = log_probabilities(logits, several).exp()
    if several:
        return expected_calibration_error(
            torch.maximum(sure, 1 - sure).flatten(), (found == actual).float().flatten()
        )
    return expected_calibration_error(sure.max(dim=1).values, (found & actual).any(dim=1).float())


def _loss(logits: Float[Tensor, "text label"], actual: Bool[Tensor, "text label"], several: bool) -> float:
    """Mean nats a text without weights: of all its labels' yes and no, or of its label."""
    yes = log_probabilities(logits, several).where(actual, 0.0)
    no = log_probabilities(-logits, several).where(~actual, 0.0) if several else torch.zeros(())
    return -(yes + no).sum(dim=1).mean().item()


def _baselines(
    actual: Bool[Tensor, "text label"], labels: Sequence[str], counts: Float[Tensor, " label"]
) -> dict[str, float]:
    """Accuracy of a rule without a model: every text gets the label that is most often trained on."""
    most = int(counts.argmax())
    always = torch.zeros_like(actual)
    always[:, most] = True
    return {f"always {labels[most]}": (always == actual).all(dim=1).float().mean().item()}
