"""Signs that a training goes wrong: what a row of its numbers looks like then, and for how many steps."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Row = Mapping[str, float]  # the numbers of one step; a number that is not there is not judged
RECENT = 32  # rows in a moving mean


class Past:
    """What a sign may compare a row with. It does not grow with the length of a run."""

    def __init__(self) -> None:
        self.steps = 0
        self.first: dict[str, float] = {}  # the first value of each number: that of the policy as it started
        self.lowest: dict[str, float] = {}
        self._recent: dict[str, deque[float]] = {}

    def add(self, row: Row) -> None:
        self.steps += 1
        for name, value in row.items():
            self.first.setdefault(name, value)
            self.lowest[name] = min(value, self.lowest.get(name, value))
            self._recent.setdefault(name, deque(maxlen=RECENT)).append(value)

    def mean(self, name: str) -> float | None:
        """The mean of the last 32 values; None before there are as many."""
        values = self._recent.get(name, ())
        return sum(values) / RECENT if len(values) == RECENT else None


@dataclass(frozen=True)
class Sign:
    """Something that a healthy training does not show for `steps` steps in a row.

    Args:
        needs: numbers that a row must have to be judged; one without them is passed over.
        shows: the words for what a row shows, with its numbers; None when it is healthy.
    """

    needs: tuple[str, ...]
    steps: int
    shows: Callable[[Row, Past], str | None]


def above(name: str, bound: float, steps: int, words: str) -> Sign:
    """`words` holds a place for the value."""
    return Sign((name,), steps, lambda row, _: words.format(row[name]) if row[name] > bound else None)


def below(name: str, bound: float, steps: int, words: str) -> Sign:
    return Sign((name,), steps, lambda row, _: words.format(row[name]) if row[name] < bound else None)


def far_from_reference(row: Row, _: Past) -> str | None:
    """At a nat a token the reference finds the answers less likely than a greedy answer of its own would be.

    A policy that always says the reference's likeliest token is rarely as far: so this is no sharpening, it
    is another language. Ten nats an answer keep answers of one or two words out, where a nat is soon spent.
    """
    if row["kl_per_token"] < 1 or row["kl"] < 10:
        return None
    return f"KL {row['kl']:.3g} nats an answer, {row['kl_per_token']:.3g} a token"


def ends_no_more(row: Row, past: Past) -> str | None:
    first = past.first["end_rate"]
    if first < 0.3 or row["end_rate"] > first / 3:
        return None
    return f"{row['end_rate']:.0%} of the answers end by themselves, {first:.0%} at first"


def never_ended(row: Row, past: Past) -> str | None:
    if max(past.first["end_rate"], row["end_rate"]) > 0.05:
        return None
    return f"{row['end_rate']:.0%} of the answers end by themselves, from the first step on"


def critic_misleads(row: Row, past: Past) -> str | None:
    """A critic that says one number everywhere explains 0; a young one wavers around that."""
    if past.steps <= 10 or row["explained_variance"] > -0.1:
        return None
    return f"explained variance {row['explained_variance']:.2f}"


def one_token(row: Row, past: Past) -> str | None:
    """In prose the commonest token is some 5 % of all; answers of one word may rightly begin with more."""
    share, first = row["top_token"], past.first["top_token"]
    if share < 0.5 or (share < 2 * first and (share < 0.8 or row["length"] < 5)):
        return None
    return f"{share:.0%} of all tokens are the same one, {first:.0%} at first"


def empty_answers(row: Row, past: Past) -> str | None:
    """The end token counts: an empty answer has length 1."""
    if row["length"] > 1.5 or past.first["length"] < 4:
        return None
    return f"answers have {row['length']:.2g} tokens with their end, {past.first['length']:.3g} at first"


def equal_scores(row: Row, past: Past) -> str | None:
    first = past.first["score_std"]
    if row["score_std"] > max(0.05 * first, 1e-6):  # the second: scores that never differed
        return None
    return f"the scores of a rollout differ by {row['score_std']:.2g} (deviation), {first:.2g} at first"


def schedule_ahead(row: Row, _: Past) -> str | None:
    """Both are exact; a quarter leaves room for whoever rounds the number of minibatches otherwise."""
    if row["schedule"] <= 1.25 * row["planned"]:
        return None
    return f"{row['schedule']:.1%} of the schedule is used up after {row['planned']:.1%} of the steps"


def unread(row: Row, _: Past) -> str | None:
    """Spaces and case are not counted; 2 %: a rare sign that is lost is not yet another text."""
    found = {name: value for name, value in row.items() if name.startswith("unread/") and value > 0.02}
    told = (f"{value:.0%} of the characters are lost on {name[7:]}" for name, value in sorted(found.items()))
    return "; ".join(told) or None


def entropy_gone(row: Row, past: Past) -> str | None:
    first = past.first["entropy"]
    if row["entropy"] > 0.1 * first:
        return None
    return f"entropy {row['entropy']:.2g} nats a token, {first:.2g} at first"


def pays_for_length(row: Row, past: Past) -> str | None:
    """Twice as long, and a deviation better: gains without length rarely come with so much of it."""
    longer, gain = row["length"] / past.first["length"], row["score"] - past.first["score"]
    if longer < 2 or gain < past.first["score_std"]:
        return None
    return f"answers are {longer:.2g} times as long as at first, and the score is {gain:.2g} higher"


def mix_swamps(row: Row, _: Past) -> str | None:
    """At ten to one the policy's gradient has a tenth of the step that it would make alone, or less."""
    mix, policy = row["mix_pull"], row["policy_grad_norm"]
    if mix <= 10 * policy:
        return None
    return f"the gradient's norm is {mix:.2g} from the mix, {policy:.2g} from the reward"


def overfitted(row: Row, past: Past) -> str | None:
    """Only where the training loss is lower: otherwise the training itself has come apart."""
    best = past.lowest["held_out_loss"]
    if row["held_out_loss"] < 1.05 * best or row["loss"] > row["held_out_loss"]:
        return None
    return f"held-out loss {row['held_out_loss']:.3g}, at best {best:.3g}; training loss {row['loss']:.3g}"


def at_chance(row: Row, past: Past) -> str | None:
    """Two candidates: half of them right, at a loss of ln 2 = 0.693. 32 batches keep the noise small."""
    accuracy, loss = past.mean("accuracy"), past.mean("loss")
    if accuracy is None or loss is None or accuracy > 0.55 or not 0.67 < loss < 0.8:
        return None
    if row["held_out_accuracy"] > 0.53 or not 0.67 < row["held_out_loss"] < 0.8:
        return None
    return (
        f"accuracy {accuracy:.0%} and loss {loss:.3g} in training, {row['held_out_accuracy']:.0%} and "
        f"{row['held_out_loss']:.3g} held out; guessing has 50% and 0.693"
    )
