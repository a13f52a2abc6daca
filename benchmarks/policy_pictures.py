"""The pictures of docs/policy.md, drawn from the metrics of real runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]

WORDS = {
    "kl": "KL, nats an answer",
    "score": "score, deviations",
    "kl_coef": "price of a nat",
    "explained_variance": "explained variance",
    "entropy": "entropy, nats a token",
    "mix_loss": "loss on the text, nats a token",
    "length": "length, tokens",
    "clip_fraction": "share of tokens clipped",
    "held_out_score": "held-out score, deviations",
}


@dataclass(frozen=True)
class Picture:
    """Charts side by side, one a number, with a line for each run."""

    name: str
    numbers: tuple[str, ...]
    lines: Mapping[str, str]  # run -> what the line is called


PICTURES = (
    Picture(
        "price",
        ("kl", "score", "entropy"),
        {"free": "kl_coef 0", "cheap": "0.05", "default": "0.15", "dear": "0.5"},
    ),
    Picture("adaptive", ("kl", "kl_coef", "score"), {"adaptive": "target 2 nats", "dear": "fixed at 0.5"}),
    Picture("estimators", ("kl", "score"), {"default": "k1", "k3": "k3", "exact": "full"}),
    Picture(
        "critic",
        ("explained_variance", "score", "kl"),
        {
            "default": "shared",
            "critic_rate": "shared, value_rate 10",
            "critic_policy": "critic: policy",
            "critic_reward": "critic: reward",
        },
    ),
    Picture(
        "limit",
        ("clip_fraction", "kl", "score"),
        {"fast": "rate 0.001", "fast_limited": "and update_limit 0.02", "default": "rate 0.00015"},
    ),
    Picture(
        "mix",
        ("mix_loss", "score", "kl"),
        {"default": "no mix", "mixed": "coef 0.5, normalised", "mixed_raw": "coef 27.8, as published"},
    ),
    Picture(
        "algorithms",
        ("score", "kl", "length"),
        {"default": "ppo", "grpo": "grpo", "rloo": "rloo", "best_of_n": "best_of_n"},
    ),
    Picture(
        "extras",
        ("entropy", "score", "kl"),
        {"default": "default", "entropy": "entropy_coef 0.02", "whitened": "whiten", "running": "running"},
    ),
    Picture(
        "optimiser",
        ("kl", "score", "clip_fraction"),
        {
            "default": "default",
            "constant": "constant rate",
            "tensorflow": "epsilon 1e-5, tensorflow",
            "torch_epsilon": "epsilon 1e-5, torch",
            "adapters": "LoRA, rate 0.001",
        },
    ),
    Picture("long", ("kl", "score", "held_out_score"), {"long": "100 steps at 0.05 a nat"}),
)


def draw(runs: Mapping[str, Rows], folder: Path) -> None:
    """One PNG a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    pyplot.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    for picture in PICTURES:
        count = len(picture.numbers)
        figure, axes = pyplot.subplots(1, count, figsize=(3.6 * count, 2.6), layout="constrained")
        for axis, number in zip(axes, picture.numbers, strict=True):
            for place, (run, label) in enumerate(picture.lines.items()):
                steps, values = points(runs[run], number)
                if steps:
                    axis.plot(steps, values, alpha=0.25, linewidth=0.8, color=f"C{place}")
                    axis.plot(steps, smoothed(values), label=label, linewidth=1.8, color=f"C{place}")
            axis.set_title(WORDS[number], fontsize=9, loc="left")
            axis.set_xlabel("step")
            axis.grid(alpha=0.2)
        handles, labels = axes[0].get_legend_handles_labels()
        others = [axis.get_legend_handles_labels() for axis in axes[1:]]
        fullest = max([(handles, labels), *others], key=lambda found: len(found[1]))
        figure.legend(*fullest, loc="outside lower center", ncols=len(picture.lines), frameon=False)
        figure.savefig(folder / f"{picture.name}.png", dpi=130)
        pyplot.close(figure)


def points(rows: Rows, number: str) -> tuple[list[int], list[float]]:
    told = [(row["step"], row[number]) for row in rows if row.get(number) is not None]
    return [step for step, _ in told], [value for _, value in told]


def smoothed(values: Sequence[float], span: int = 5) -> list[float]:
    """The mean of up to `span` neighbours; short series as they are."""
    if len(values) < 4 * span:
        return list(values)
    half = span // 2
    windows = [values[max(0, at - half) : at + half + 1] for at in range(len(values))]
    return [sum(window) / len(window) for window in windows]
