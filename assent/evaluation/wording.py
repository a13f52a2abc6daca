"""What the report calls each number: title, unit, and one plain sentence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    title: str
    unit: str = ""
    hint: str = ""
    share: bool = False  # a share of one, shown in per cent
    exact: bool = False  # set, not measured: nothing to smooth


CURVES: dict[str, Wording] = {
    "score": Wording("Reward", "score", "Mean score of the sampled answers."),
    "reward/": Wording("Parts of the reward", "score", "What each reward added, before the KL price."),
    "guard": Wording(
        "Reward and the guard's judges",
        "deviations",
        "All are 0 before training. When the reward rises and a judge falls, it is over-optimised.",
    ),
    "kl": Wording("KL from the reference", "nats an answer", "How far the policy has moved."),
    "length": Wording("Length", "tokens an answer"),
    "entropy": Wording(
        "Entropy", "nats a token", "How undecided the policy is; near zero it repeats itself."
    ),
    "end_rate": Wording("Ended by itself", "share of answers", "The rest was cut off.", share=True),
    "policy_loss": Wording("Policy loss"),
    "value_loss": Wording("Value loss"),
    "clip_fraction": Wording("Clipped", "share of tokens", "Updates that PPO held back.", share=True),
    "explained_variance": Wording("Explained variance", "1 is perfect", "How well the critic foresees."),
    "kl_coef": Wording("Price of KL", "score per nat", exact=True),
    "loss": Wording("Loss", "nats"),
    "accuracy": Wording("Accuracy", "share of comparisons", "How often it agrees with people.", share=True),
    "margin": Wording("Margin", "score", "Reward of the chosen answer, less the others'."),
    "chosen_drift": Wording(
        "Drift of the chosen answers", "nats an answer", "Below zero: the policy finds them less likely."
    ),
    "mix_loss": Wording("Loss on the pretraining mix", "nats a token"),
    "approx_kl": Wording("KL of one update", "nats a token"),
    "kl_per_token": Wording("KL from the reference", "nats a token"),
    "learning_rate": Wording("Learning rate", exact=True),
    "grad_norm": Wording("Gradient norm", "before clipping"),
    "tokens": Wording("Tokens read", exact=True),
    "held_out_loss": Wording("Held-out loss", "nats"),
    "held_out_accuracy": Wording("Held-out accuracy", "share of comparisons", share=True),
    "held_out_margin": Wording("Held-out margin", "score"),
    "held_out_chosen_drift": Wording("Held-out drift of the chosen", "nats an answer"),
    "held_out_score": Wording("Held-out reward", "score"),
    "held_out_judge": Wording("Held-out score of the guard's judges", "deviations"),
    "held_out_kl": Wording("Held-out KL", "nats an answer"),
    "score_std": Wording("Spread of the reward", "deviation", "At zero no answer is better than another."),
    "score_clipped": Wording("Scores at their bound", "share of answers", share=True),
    "top_token": Wording(
        "Commonest token", "share of tokens", "Near one: all answers are one word.", share=True
    ),
    "ratio_off": Wording("Distance of the ratio from 1", "mean |ratio - 1|"),
    "first_ratio_off": Wording(
        "Distance of the ratio before any update", "mean |ratio - 1|", "Zero but for rounding."
    ),
    "policy_grad_norm": Wording("Gradient norm of the reward", "before clipping"),
    "mix_grad_norm": Wording("Gradient norm of the mix", "before its weight"),
    "mix_pull": Wording("Gradient norm of the weighted mix", "before clipping"),
    "skipped": Wording("Skipped updates", "share of updates", share=True, exact=True),
    "schedule": Wording("Schedule used up", "share of updates", share=True, exact=True),
    "planned": Wording("Steps made", "share of steps", share=True, exact=True),
}
FIRST = tuple(CURVES)[: tuple(CURVES).index("approx_kl")]  # the others stand under "more curves"
COMPANIONS = {  # drawn in one frame with these
    "held_out_loss": "loss",
    "held_out_accuracy": "accuracy",
    "held_out_margin": "margin",
    "held_out_chosen_drift": "chosen_drift",
    "held_out_score": "score",
    "held_out_kl": "kl",
}

POLICY_NUMBERS: dict[str, Wording] = {
    "score_mean": Wording("Reward score", "mean"),
    "gold_mean": Wording("Gold score", "mean"),
    "kl_per_answer": Wording("KL from the reference", "nats an answer"),
    "length_mean": Wording("Length", "tokens, mean"),
    "end_rate": Wording("Ended by itself", "share of answers", share=True),
    "distinct_2": Wording("Distinct word pairs", "share of all pairs", share=True),
    "perplexity": Wording("Perplexity", "of people's answers, a token"),
    "bits_per_character": Wording("Surprise", "at people's answers, bits a character"),
    "rouge_1": Wording("ROUGE-1", "F1 with people's answers, 0 to 1"),
    "rouge_2": Wording("ROUGE-2", "F1 with people's answers, 0 to 1"),
    "rouge_l": Wording("ROUGE-L", "F1 with people's answers, 0 to 1"),
    "bleu": Wording("BLEU", "with people's answers, 0 to 100"),
    "embedding": Wording("Nearness in meaning", "cosine with people's answers"),
}

BASELINES = {
    "always_left": "Always the left answer",
    "longer_wins": "Always the longer answer",
    "shorter_wins": "Always the shorter answer",
}

MISSING = {  # the parts of a reward report, where one is not there
    "choices": "Agreement with choices",
    "agreement": "Accuracy by agreement",
    "by_length": "Accuracy by length",
    "length_matched": "Accuracy at like length",
    "calibration": "Fitted temperature",
    "length_bias": "Length bias",
    "position_bias": "Position bias",
    "rankings": "Correlation with rankings",
    "ratings": "Ratings",
    "groups": "Group bias",
    "learning_curve": "Learning curve",
    "forecast": "Forecast for twice the labels",
}

GLOSSARY = {
    "kl": ("KL", "How differently the tuned model speaks from the model it started from: 0 nats means not at "
           "all, and each nat makes its typical answers about 2.7 times likelier than they were before."),
    "win-rate": ("Win rate", "The share of prompts on which the judge prefers one policy's answer to the "
                 "other's, where a tie counts as half; 50% means no difference."),
    "interval": ("95% interval", "Where the true value plausibly lies, given how few prompts were asked; if "
                 "it includes 50%, the comparison has not shown a winner."),
    "ece": ("ECE", "Expected calibration error: how far the reward model's stated confidence lies from how "
            "often it is right, on average; 0 is perfect."),
    "reward": ("Score", "What the reward that was trained against gives an answer, on a scale of its own; "
               "a judge that was not trained against is the better evidence."),
    "f1": ("Precision, recall, F1", "Of the answers that the reward calls good, the share that people call "
           "good; of those that people call good, the share that it finds; and their harmonic mean."),
    "correlation": ("Rank correlation", "Whether two lists put the same things first: +1 the same order, 0 "
                    "no relation, −1 the reverse. Kendall's counts pairs, Spearman's compares ranks."),
    "deviation": ("Standard deviation", "How far scores usually lie from their mean. One deviation lifts a "
                  "middling answer past about a third of the others."),
    "perplexity": ("Perplexity, surprise", "Among how many tokens a policy hesitates, on average, at each "
                   "token of what a person wrote: 1 would be knowing it by heart. Tokens differ between "
                   "models; bits a character are the same surprise by the length of the text, and always "
                   "compare."),
    "rouge": ("ROUGE", "How many words (ROUGE-1), neighbouring pairs of words (ROUGE-2) or words in the same "
              "order (ROUGE-L) an answer shares with a person's, as F1: 1 is the same words, 0 none shared. "
              "It counts words and does not understand them."),
    "bleu": ("BLEU", "Which share of the runs of one to four words in all answers stands in people's answers "
             "too, less where answers are too short; 0 to 100."),
    "cosine": ("Nearness in meaning", "The cosine between an encoder's vectors of an answer and of a "
               "person's: 1 is the same direction. Encoders put even unrelated texts near each other, so "
               "compare with the answer to another prompt."),
    "smoothed": ("Smoothed", "The bold line is an exponentially weighted average of the values around each "
                 "step; the thin line is what was measured."),
}  # fmt: skip


def curve(name: str) -> Wording:
    """The wording of a metric, known or not."""
    if name.startswith("spread/"):
        return Wording(f"Disagreement within {name[7:]}", "standard deviation over members")
    if name.startswith("cut/"):
        return Wording(f"Read in part by {name[4:]}", "share of answers", share=True)
    if name.startswith("unread/"):
        return Wording(f"Not read by {name[7:]}", "share of characters", share=True)
    return CURVES.get(name) or Wording(name.replace("_", " ").replace("reward/", "Reward: "))


def policy_number(name: str) -> Wording:
    """The wording of one of a policy's final numbers, known or not."""
    if name in POLICY_NUMBERS:
        return POLICY_NUMBERS[name]
    if name.endswith("_mean"):
        return Wording(f"{name.removesuffix('_mean').replace('_', ' ').capitalize()} score", "mean")
    return Wording(name.replace("_", " ").capitalize(), share=name.endswith("_rate"))


def missing_title(key: str) -> str:
    """What the report calls a part of the reward report that is not there."""
    name, _, detail = key.partition(": ")
    title = MISSING.get(name, name.replace("_", " ").capitalize())
    return f"{title}, {detail}" if detail else title
