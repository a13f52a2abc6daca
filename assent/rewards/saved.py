"""What a `reward` stage left in its folder, as a reward."""

from pathlib import Path

from assent.errors import UserError
from assent.models.load import load_members, saved_settings
from assent.rewards.learned import LearnedReward, Longer, learned
from assent.rewards.linear import LinearReward
from assent.rewards.reward import Ensemble, Reward

MEAN = Ensemble()


def saved_reward(
    source: str, ensemble: Ensemble = MEAN, *, longer: Longer = "refuse", name: str | None = None
) -> Reward:
    """The reward in a folder, by the `kind` that its assent.json names; networks are on the CPU.

    Args:
        ensemble: what its members' judgements are worth together.
        longer: of networks, which read so many tokens and no more.
        name: in messages; by default the folder's.

    Raises:
        UserError: the folder holds something else, or settings that do not apply to what it holds.
    """
    kind = saved_settings(source).get("kind", "reward")
    called = name or Path(source).parent.name or source
    if kind == "classes":
        raise UserError(
            f"reward {called}: {source} tells classes apart: name it with `classifier:` instead of `model:`, "
            "and say which class is paid for"
        )
    if kind == "linear":
        if longer == "cut":
            raise UserError(
                f"reward {called}: longer: a linear reward reads answers of any length: leave it out"
            )
        return LinearReward.load(source, ensemble)
    networks = [
        LearnedReward(model, tokenizer, longer=longer, name=called)
        for model, tokenizer in load_members(source)
    ]
    return learned(networks, ensemble)
