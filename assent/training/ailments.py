"""What can be wrong with a training: how it shows, what the cause is likely to be, what to do.

The bounds stand where no healthy run comes; the number of steps keeps the noise of single batches out.
"""

from dataclasses import dataclass

from assent.training.signs import (
    Sign,
    above,
    at_chance,
    below,
    critic_misleads,
    empty_answers,
    ends_no_more,
    entropy_gone,
    equal_scores,
    far_from_reference,
    mix_swamps,
    never_ended,
    one_token,
    overfitted,
    pays_for_length,
    schedule_ahead,
    unread,
)


@dataclass(frozen=True)
class Ailment:
    name: str
    signs: tuple[Sign, ...]  # any of them is enough
    cause: str  # the commonest first
    remedy: str  # names of settings where there are some
    severe: bool = False  # going on cannot give anything good


AILMENTS = (
    Ailment(
        "KL is negative",
        # The mean of k1 over B answers deviates by about sqrt(2 KL / B): for B = 8, whatever the KL is,
        # chance shows either of these about once in a million steps.
        (
            below("kl", -0.5, 3, "KL {:.2g} nats an answer"),
            below("kl", -0.05, 8, "KL {:.2g} nats an answer"),
        ),
        cause=(
            "the answers were not drawn from the distribution whose log-probabilities are written down: "
            "sampling is truncated (top_k, top_p, min_p), keeps the end token back (min_new_tokens) or has a"
            " temperature of its own; or dropout is on in the policy; or the policy reads padding or "
            "positions otherwise than the sampler"
        ),
        remedy=(
            "sampling.top_k: 0, sampling.top_p: 1.0, one sampling.temperature for sampler, policy and "
            "reference, model.eval(); not a higher kl_coef, which would pay the policy for more of it"
        ),
    ),
    Ailment(
        "KL explodes",
        (Sign(("kl", "kl_per_token"), 3, far_from_reference),),
        cause=(
            "the price of drift is too low for the reward; or the learning rate is too high; or the reward "
            "has a hole that the policy has found, which reading a few answers shows"
        ),
        remedy="raise kl_coef or give kl.target, lower learning_rate; set kl.update_limit",
        severe=True,
    ),
    Ailment(
        "ratios are not 1 in the first minibatch",
        # Before its first update the policy is the one that wrote: 0 but for rounding. With an update in
        # bfloat16 and a rollout in float32, small models have 0.004 to 0.011.
        (above("first_ratio_off", 0.03, 3, "mean |ratio - 1| is {:.2g} before any update"),),
        cause=(
            "the rollout's log-probabilities are not those of the policy that learns from it: another "
            "temperature; dropout; the sampler's arithmetic, or float32, where the update has bfloat16; "
            "other weights"
        ),
        remedy=(
            "one sampling.temperature for all, model.eval(), log-probabilities from a forward of the policy "
            "itself at the start of each step; optimiser.precision: float32"
        ),
    ),
    Ailment(
        "answers end no more",
        (Sign(("end_rate",), 5, ends_no_more),),
        cause=(
            "the reward pays for length, or for text that never ends; nothing is charged for an answer that "
            "is cut off; sampling.max_new_tokens has become too small for what the policy writes"
        ),
        remedy="shaping.no_end_penalty or shaping.no_end_score, a higher kl_coef, sampling.max_new_tokens",
    ),
    Ailment(
        "answers never ended",
        (Sign(("end_rate",), 5, never_ended),),
        cause=(
            "sampling.max_new_tokens is smaller than the answers are long; or the model was never trained on"
            " its end token; nothing is wrong if continuations of one length are what you want"
        ),
        remedy="raise sampling.max_new_tokens; finetune on demonstrations, which end with the end token",
    ),
    Ailment(
        "the critic explains less than nothing",
        (Sign(("explained_variance",), 10, critic_misleads),),
        cause=(
            "the critic learns too little (credit.value_coef, learning_rate) or too wildly; the scale of the"
            " scores moves faster than it can follow; it shares the policy's states, which the policy moves"
        ),
        remedy=(
            "change credit.value_coef by factors of three; more steps at a lower learning_rate; critic: "
            "policy or critic: reward, a network of its own; scores of deviation 1 (normalise: true, "
            "shaping.running); or algorithm: grpo or rloo, which have no critic"
        ),
    ),
    Ailment(
        "answers become one token",
        (
            Sign(("top_token", "length"), 3, one_token),
            Sign(("length",), 3, empty_answers),
        ),
        cause=(
            "the reward likes a token, or very short answers, and nothing holds the policy back: kl_coef is "
            "too low, learning_rate too high, or the reward is wrong for such answers"
        ),
        remedy=(
            "raise kl_coef, lower learning_rate, look at what the reward gives to such answers; "
            "shaping.min_tokens with shaping.no_end_penalty against short ones"
        ),
        severe=True,
    ),
    Ailment(
        "rewards saturate",
        (
            Sign(("score_std",), 5, equal_scores),
            above("score_clipped", 0.5, 5, "{:.0%} of the scores are clipped"),
        ),
        cause=(
            "all answers get the same score, so none is better than another: the reward has reached its "
            "ceiling, is constant, or pays too rarely to be found; the policy says one thing only; "
            "shaping.clip is too small"
        ),
        remedy=(
            "a reward that tells the answers apart, harder prompts (or easier ones, where none is paid for),"
            " a larger shaping.clip; or stop here"
        ),
    ),
    Ailment(
        "the learning rate is per micro-batch",
        (Sign(("schedule", "planned"), 2, schedule_ahead),),
        cause=(
            "the schedule advances with each micro-batch instead of each update; or the learner was told of "
            "fewer updates than steps * epochs * ceil(batch / minibatch)"
        ),
        remedy="count one update for each minibatch; changing micro_batch must change no learning rate",
    ),
    Ailment(
        "policy and reward disagree on tokens",
        (Sign((), 3, unread),),
        cause=(
            "the reward model's tokenizer cannot spell what the policy writes: it has no such signs, or it "
            "is the tokenizer of another model"
        ),
        remedy="train the reward model from a model whose tokenizer keeps the text, such as the policy's own",
    ),
    Ailment(
        "entropy collapses",
        (Sign(("entropy",), 5, entropy_gone),),
        cause="the policy has settled on one way to answer: kl_coef is too low, or learning_rate too high",
        remedy="raise kl_coef, lower learning_rate or epochs; credit.entropy_coef",
    ),
    Ailment(
        "updates go too far",
        (above("clip_fraction", 0.3, 5, "{:.0%} of the tokens are clipped"),),
        cause="learning_rate is too high for this batch, or there are too many epochs over one rollout",
        remedy="lower learning_rate or epochs, raise batch; optimiser.warmup; kl.update_limit",
    ),
    Ailment(
        "updates are skipped",
        (above("skipped", 0, 1, "{:.0%} of the updates of the step were skipped"),),
        cause="their gradient was not finite: learning_rate is too high, or a score or a text is extreme",
        remedy="lower learning_rate, optimiser.warmup, optimiser.precision: float32; shaping.clip",
    ),
    Ailment(
        "the reward pays for length",
        (Sign(("length", "score", "score_std"), 5, pays_for_length),),
        cause=(
            "people, or the reward model, prefer longer answers whatever they say, and the policy has "
            "learned it"
        ),
        remedy=(
            "compare answers of equal length before you believe the score; a reward that charges for length,"
            " shaping.max_tokens with shaping.no_end_penalty, a higher kl_coef"
        ),
    ),
    Ailment(
        "the pretraining mix swamps the policy",
        (Sign(("mix_pull", "policy_grad_norm"), 5, mix_swamps),),
        cause="mix.coef is too high for a gradient of this size",
        remedy=(
            "mix.normalise: true, where mix.coef counts in norms of the reward's gradient; or a lower "
            "mix.coef"
        ),
    ),
    Ailment(
        "overfitting",
        (Sign(("held_out_loss", "loss"), 2, overfitted),),
        cause="the model learns its training rows by heart: too many epochs, or too few rows",
        remedy="fewer epochs, a lower learning_rate, more rows; optimiser.weight_decay; lora",
    ),
    Ailment(
        "nothing is learned from the preferences",
        (Sign(("held_out_accuracy", "held_out_loss"), 1, at_chance),),
        cause=(
            "judgements that contradict each other or stand at the wrong answer (`choice` counts from 0); a "
            "learning rate that is too low; a model too small to see what people judged by"
        ),
        remedy="read some rows of the preferences as the model gets them; raise learning_rate, then epochs",
    ),
)
